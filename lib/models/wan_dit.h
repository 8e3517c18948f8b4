// The diffusion transformer: from a noisy latent, a timestep and the conditions to the velocity
// (MultiTalk's `WanModel`, https://arxiv.org/abs/2505.22647 on https://arxiv.org/abs/2503.20314).
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

#include "models/audio_projector.h"
#include "models/dit_config.h"
#include "models/wan_dit_block.h"
#include "nn/layers.h"

namespace multitalk {

/// What a clip is conditioned on, on any device and in any floating dtype.
struct DitCondition {
  at::Tensor context;        ///< text features [words <= text_len, text_dim]
  at::Tensor clip_features;  ///< image features [1, 257, clip_dim]
  at::Tensor y;      ///< mask (4) and latents of the condition [1, in_dim - out_dim, T, h, w]
  at::Tensor audio;  ///< [speakers, 1 + vae_scale (T - 1), window, blocks, channels]
  at::Tensor speaker_masks;  ///< [speakers + 1, h, w], > 0 inside, the background last; not read
                             ///< for one speaker
};

/// Runs the blocks on the patch tokens, or finds their result in another way (TeaCache).
/// (tokens [1, L, dim], e0 [1, 6, dim] float32, run_blocks) -> tokens after the blocks
using BlockRunner =
    std::function<at::Tensor(const at::Tensor& tokens, const at::Tensor& e0,
                             const std::function<at::Tensor(const at::Tensor&)>& run_blocks)>;

/// The model computes in its parameters' dtype and on their device. The timestep's embedding,
/// modulation, gated residual sums and the head are float32, as under the official autocast.
class WanDit {
 public:
  explicit WanDit(const DitConfig& config);
  void declare(const ParameterScope& scope);
  const DitConfig& config() const { return config_; }

  /// Embeds all that stays the same during a clip. Throws an input error where two or more speak
  /// and one of them has a mask without any token. Captures text_context, clip_context, audio_proj.
  DitContext prepare(const DitCondition& condition, const nn::Capture& capture = {}) const;

  /// x [out_dim, T, h, w] float, t [1] float timestep in 0 .. 1000 -> velocity float32
  /// [out_dim, T, h, w]. An empty `runner` runs the blocks. Nothing waits for the device.
  /// Captures patch_embedding, time_embedding_e, time_projection_e0, head, last_block_out and, of
  /// every block N, blockN_self_attn, _cross_attn, _audio_cross_attn, _ffn, _out; of several
  /// speakers also _x_ref_attn_map, _class, _rope_pos and _rope_pos_audio.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t, const DitContext& context,
                     const BlockRunner& runner = {}, const nn::Capture& capture = {}) const;

  /// prepare, then forward.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t, const DitCondition& condition,
                     const BlockRunner& runner = {}, const nn::Capture& capture = {}) const;

 private:
  at::Tensor embed_patches(const at::Tensor& x, const DitContext& context) const;
  at::Tensor embed_time(const at::Tensor& t) const;
  at::Tensor embed_text(const at::Tensor& context) const;
  at::Tensor embed_image(const at::Tensor& clip_features) const;
  at::Tensor class_masks(const DitCondition& condition, int64_t rows, int64_t columns) const;
  at::Tensor run_head(const at::Tensor& tokens, const at::Tensor& e) const;
  at::Tensor unpatchify(const at::Tensor& patches, const DitContext& context) const;
  void check(const DitCondition& condition) const;

  DitConfig config_;
  nn::Conv3d patch_embedding_;
  nn::Linear text_in_, text_out_;
  nn::Linear time_in_, time_out_, time_projection_;
  nn::LayerNorm image_norm_in_;
  nn::Linear image_in_, image_out_;
  nn::LayerNorm image_norm_out_;
  AudioProjector audio_proj_;
  std::vector<DitBlock> blocks_;
  nn::LayerNorm head_norm_;
  nn::Linear head_;
  at::Tensor head_modulation_;  // [1, 2, dim]
};

}  // namespace multitalk
