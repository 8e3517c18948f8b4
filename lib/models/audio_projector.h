// From windows of audio features to the audio tokens of each latent frame (MultiTalk's
// `AudioProjModel`).
#pragma once

#include <ATen/ATen.h>

#include <optional>

#include "models/dit_config.h"
#include "nn/layers.h"

namespace multitalk {

/// Regroups the windows of the frames after the first by latent frame. Of the vae_scale frames of a
/// latent frame, the first gives its window up to the middle, the last its window from the middle
/// on, the others the middle: window + vae_scale - 1 entries, 8 for windows of 5.
/// [speakers, frames, window, blocks, channels] ->
/// [speakers, (frames - 1) / vae_scale, window + vae_scale - 1, blocks, channels]
at::Tensor latter_audio_windows(const at::Tensor& audio, int64_t vae_scale);

class AudioProjector {
 public:
  explicit AudioProjector(const DitConfig& config);
  void declare(const ParameterScope& scope);

  /// audio [speakers, 1 + vae_scale (T - 1), window, blocks, channels] in the model's dtype ->
  /// [speakers, T, context_tokens, output_dim]
  at::Tensor operator()(const at::Tensor& audio) const;

 private:
  int64_t vae_scale_;
  int64_t context_tokens_;
  int64_t output_dim_;
  nn::Linear first_;
  nn::Linear latter_;
  nn::Linear middle_;
  nn::Linear last_;
  std::optional<nn::LayerNorm> norm_;
};

}  // namespace multitalk
