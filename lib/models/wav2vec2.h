// wav2vec 2.0 as the audio encoder: 16 kHz speech to one embedding a video frame.
// Baevski et al., "wav2vec 2.0" (2020), with MultiTalk's resampling of the features to 25 fps.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "checkpoint/state_dict.h"
#include "nn/layers.h"

namespace multitalk {

/// The dimensions of the model, named as in its config.json; the defaults are those of the base
/// model.
struct Wav2Vec2Config {
  /// How the convolution layers normalise: the first one by channel, or each over its channels.
  enum class FeatureNorm { kGroup, kLayer };

  int64_t hidden_size = 768;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;
  int64_t intermediate_size = 3072;
  std::vector<int64_t> conv_dim = {512, 512, 512, 512, 512, 512, 512};
  std::vector<int64_t> conv_kernel = {10, 3, 3, 3, 3, 2, 2};
  std::vector<int64_t> conv_stride = {5, 2, 2, 2, 2, 2, 2};
  bool conv_bias = false;
  FeatureNorm feat_extract_norm = FeatureNorm::kGroup;
  bool do_stable_layer_norm = false;  ///< norms before attention and feed forward, not after
  int64_t num_conv_pos_embeddings = 128;
  int64_t num_conv_pos_embedding_groups = 16;
  double layer_norm_eps = 1e-5;
  bool do_normalize = true;  ///< of preprocessor_config.json: normalise the speech first

  /// Time steps that the convolutions make of so many samples; 0 where there are too few.
  int64_t feature_count(int64_t samples) const;
};

/// Reads config.json and preprocessor_config.json. Throws a weights error where the folder or a
/// file is missing or malformed, or asks for what is not supported.
Wav2Vec2Config read_wav2vec2_config(const std::filesystem::path& dir);

/// Video frames (25 fps) of so many samples at 16 kHz. Computed in double in the reference's order
/// (get_embedding), which falls one short for some exact multiples of 640 samples.
int64_t video_frames_of(int64_t samples);

/// speech [N] of any floating dtype -> float32 [N] of zero mean and unit variance over all N.
at::Tensor normalize_speech(const at::Tensor& speech);

/// Linear interpolation along time, the ends kept: features [B, L, C] -> [B, frames, C], in the
/// dtype of the features.
at::Tensor interpolate_features(const at::Tensor& features, int64_t frames);

namespace wav2vec2 {

/// Convolution, norm (where there is one) and GELU.
struct FeatureLayer {
  enum class Norm { kNone, kGroup, kLayer };
  FeatureLayer(int64_t in, const Wav2Vec2Config& config, std::size_t index);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;  // [1, in, T] -> [1, out, T']

  nn::Conv1d conv;
  Norm norm;
  nn::LayerNorm layer_norm;
};

struct FeatureProjection {
  explicit FeatureProjection(const Wav2Vec2Config& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& features) const;  // [1, T, C] -> [1, T, hidden]

  nn::LayerNorm layer_norm;
  nn::Linear projection;
};

/// A convolution over time as position embedding. The checkpoint holds its weight as direction and
/// length (weight norm over the kernel positions); `fuse()` makes the weight of them.
struct PositionalConv {
  explicit PositionalConv(const Wav2Vec2Config& config);
  void declare(const ParameterScope& scope);
  void fuse();
  at::Tensor operator()(const at::Tensor& x) const;  // [1, T, hidden] -> [1, T, hidden]

  nn::Conv1d conv;
  at::Tensor weight_g;  // [1, 1, kernel]
  at::Tensor weight_v;  // [hidden, hidden / groups, kernel]
};

struct Attention {
  explicit Attention(const Wav2Vec2Config& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;  // [1, T, hidden] -> [1, T, hidden]

  int64_t num_heads;
  nn::Linear q_proj;
  nn::Linear k_proj;
  nn::Linear v_proj;
  nn::Linear out_proj;
};

struct FeedForward {
  explicit FeedForward(const Wav2Vec2Config& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;

  nn::Linear intermediate_dense;
  nn::Linear output_dense;
};

struct EncoderLayer {
  explicit EncoderLayer(const Wav2Vec2Config& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;  // [1, T, hidden] -> [1, T, hidden]

  bool norm_first;
  Attention attention;
  nn::LayerNorm layer_norm;
  FeedForward feed_forward;
  nn::LayerNorm final_layer_norm;
};

}  // namespace wav2vec2

/// The whole model. Runs in the dtype and on the device of its weights.
class Wav2Vec2 {
 public:
  explicit Wav2Vec2(Wav2Vec2Config config);
  void declare(const ParameterScope& scope);

  /// To be called once, after the parameters have been filled.
  void fuse() { pos_conv_embed_.fuse(); }

  /// speech [N], 16 kHz, floating -> [video_frames_of(N), layers, hidden]: the output of every
  /// encoder layer, the first layer's input left out. Captures input_values_first2048 [<= 2048] and
  /// conv_features [T, C]. Throws an input error where the speech is too short for one frame.
  at::Tensor embed(const at::Tensor& speech, const nn::Capture& capture = {}) const;

  const Wav2Vec2Config& config() const { return config_; }

 private:
  at::Tensor extract_features(const at::Tensor& input_values) const;  // [N] -> [1, T, C]
  at::Tensor encode(const at::Tensor& features) const;  // [1, T, C] -> [T, layers, hidden]

  Wav2Vec2Config config_;
  std::vector<wav2vec2::FeatureLayer> conv_layers_;
  wav2vec2::FeatureProjection feature_projection_;
  wav2vec2::PositionalConv pos_conv_embed_;
  nn::LayerNorm layer_norm_;
  std::vector<wav2vec2::EncoderLayer> layers_;
};

/// How the model's parameters are found in `source`: with or without the prefix "wav2vec2.", in
/// both spellings of the position convolution's weight norm; pre-training heads are ignored.
LoadOptions wav2vec2_load_options(const TensorSource& source, at::Device device,
                                  at::ScalarType dtype);

/// Reads a folder in the transformers layout: the two config files and model.safetensors, or
/// pytorch_model.bin where there is none. Throws a weights error where something is missing or does
/// not fit.
std::unique_ptr<Wav2Vec2> load_wav2vec2(const std::filesystem::path& dir, at::Device device,
                                        at::ScalarType dtype);

}  // namespace multitalk
