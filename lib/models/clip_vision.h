// The image encoder: the vision half of open-clip's XLM-RoBERTa ViT-H/14.
// Dosovitskiy et al., "ViT" (2021); Radford et al., "CLIP" (2021).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "checkpoint/state_dict.h"
#include "nn/layers.h"

namespace multitalk {

/// The dimensions of the model.
struct ClipVisionConfig {
  static constexpr int64_t kHeadDim = 80;

  int64_t width = 1280;
  int64_t mlp_dim = 5120;
  int64_t patch_size = 14;
  int64_t image_size = 224;
  int64_t num_layers = 31;  ///< those that are run: the checkpoint has one more

  int64_t num_heads() const { return width / kHeadDim; }
  int64_t num_tokens() const;  ///< the class token and one a patch
};

/// The dimensions that the shapes in a checkpoint tell. Throws a weights error where a tensor that
/// is needed for this is missing or does not fit the others.
ClipVisionConfig infer_clip_vision_config(const TensorSource& source);

namespace clip_vision {

struct Attention {
  explicit Attention(const ClipVisionConfig& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;  // [B, L, width] -> [B, L, width]

  int64_t num_heads;
  nn::Linear to_qkv;
  nn::Linear proj;
};

struct Mlp {
  explicit Mlp(const ClipVisionConfig& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;

  nn::Linear fc1;
  nn::Linear fc2;
};

struct Block {
  explicit Block(const ClipVisionConfig& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;  // [B, L, width] -> [B, L, width]

  nn::LayerNorm norm1;
  Attention attn;
  nn::LayerNorm norm2;
  Mlp mlp;
};

}  // namespace clip_vision

/// The vision transformer without its last block, final norm and head, which MultiTalk does not
/// use. Runs in the dtype and on the device of its weights.
class ClipVision {
 public:
  explicit ClipVision(const ClipVisionConfig& config);
  void declare(const ParameterScope& scope);

  /// image [3, H, W] or [1, 3, 1, H, W], floating, in [-1, 1] -> [1, tokens, width]. Captures
  /// pixel_values_s8: every 8th row and column of the resized and normalised image.
  at::Tensor features(const at::Tensor& image, const nn::Capture& capture = {}) const;

  const ClipVisionConfig& config() const { return config_; }

 private:
  at::Tensor preprocess(const at::Tensor& image) const;  // -> [1, 3, size, size] float32
  at::Tensor embed(const at::Tensor& pixel_values) const;

  ClipVisionConfig config_;
  at::Tensor cls_embedding_;  // [1, 1, width]
  at::Tensor pos_embedding_;  // [1, tokens, width]
  nn::Conv2d patch_embedding_;
  nn::LayerNorm pre_norm_;
  std::vector<clip_vision::Block> transformer_;
};

/// How the model's parameters are found in the whole CLIP's checkpoint: under "visual."; the text
/// half and the unused end of the vision half are ignored.
LoadOptions clip_vision_load_options(const ClipVisionConfig& config, at::Device device,
                                     at::ScalarType dtype);

/// Reads the official models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth. Throws a weights
/// error where something is missing, unexpected or of another shape.
std::unique_ptr<ClipVision> load_clip_vision(const std::filesystem::path& file, at::Device device,
                                             at::ScalarType dtype);

}  // namespace multitalk
