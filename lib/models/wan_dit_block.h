// One block of the diffusion transformer: attention within the video, to the text and the picture,
// and to the voices, then a feed forward.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <optional>

#include "models/dit_config.h"
#include "nn/layers.h"

namespace multitalk {

/// What the blocks see beside the tokens; the same in every step of a clip. Made by
/// WanDit::prepare; dtype is the model's unless said.
struct DitContext {
  at::Tensor condition;    ///< mask and latents of the condition [in_dim - out_dim, T, h, w]
  at::Tensor text;         ///< [1, text_len, dim]
  at::Tensor image;        ///< [1, 257, dim]
  at::Tensor audio;        ///< every speaker's tokens [T, speakers * context_tokens, output_dim]
  at::Tensor rotation;     ///< of the video's tokens, complex64 [L, head_dim / 2]
  at::Tensor class_masks;  ///< [speakers + 1, L / T] of 0 and 1; undefined for one speaker
  at::Tensor voice_positions;     ///< of the audio tokens, float32; undefined for one speaker
  at::Tensor voice_rotation;      ///< of the audio tokens, complex64; undefined for one speaker
  std::array<int64_t, 3> grid{};  ///< tokens: frames, rows, columns

  /// Whether the voices must be bound to places.
  bool several_speakers() const { return class_masks.defined(); }
};

/// Attention within the video (Wan's `WanSelfAttention`).
struct DitSelfAttention {
  explicit DitSelfAttention(const DitConfig& config);
  void declare(const ParameterScope& scope);

  struct Result {
    at::Tensor out;          ///< [1, L, dim]
    at::Tensor speaker_map;  ///< [speakers + 1, L]; undefined for one speaker
  };
  Result operator()(const at::Tensor& x, const DitContext& context) const;

  int64_t heads;
  nn::Linear q, k, v, o;
  nn::RmsNorm norm_q, norm_k;
};

/// Attention to the text plus attention to the picture (Wan's `WanI2VCrossAttention`).
struct DitCrossAttention {
  explicit DitCrossAttention(const DitConfig& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x, const DitContext& context) const;  // [1, L, dim]

  int64_t heads;
  nn::Linear q, k, v, o, k_img, v_img;
  nn::RmsNorm norm_q, norm_k, norm_k_img;
};

/// Attention of each latent frame to its own audio tokens (MultiTalk's
/// `SingleStreamMutiAttention`).
struct DitAudioAttention {
  explicit DitAudioAttention(const DitConfig& config);
  void declare(const ParameterScope& scope);

  /// x [1, L, dim] -> [1, L, dim]. `positions` [L] are the tokens' 1-D positions; undefined for one
  /// speaker, where nothing is rotated.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& positions,
                        const DitContext& context) const;

  int64_t heads;
  nn::Linear q_linear, kv_linear, proj;
};

/// A whole block (MultiTalk's `WanAttentionBlock`).
class DitBlock {
 public:
  explicit DitBlock(const DitConfig& config);
  void declare(const ParameterScope& scope);

  /// x [1, L, dim] in the model's dtype, e0 [1, 6, dim] in float32 -> [1, L, dim]. Modulation and
  /// the residual sums that it gates are computed in float32.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& e0, const DitContext& context,
                        const nn::Capture& capture) const;

 private:
  at::Tensor attend_audio(const at::Tensor& x, const at::Tensor& speaker_map,
                          const DitContext& context, const nn::Capture& capture) const;

  int64_t dim_;
  double eps_;
  at::Tensor modulation_;  // [1, 6, dim]
  DitSelfAttention self_attn_;
  nn::LayerNorm norm3_;
  DitCrossAttention cross_attn_;
  std::optional<nn::LayerNorm> norm_x_;
  DitAudioAttention audio_cross_attn_;
  nn::Linear ffn_in_;
  nn::Linear ffn_out_;
};

}  // namespace multitalk
