#include "models/audio_projector.h"

#include "base/error.h"
#include "base/text.h"

namespace multitalk {

at::Tensor latter_audio_windows(const at::Tensor& audio, int64_t vae_scale) {
  MULTITALK_CHECK(audio.dim() == 5 && (audio.size(1) - 1) % vae_scale == 0,
                  "audio windows {}: expected 1 + {} n frames", format_shape(audio.sizes().vec()),
                  vae_scale);
  const int64_t middle = audio.size(2) / 2;
  const at::Tensor groups =  // [speakers, T - 1, vae_scale, window, blocks, channels]
      audio.slice(1, 1).unflatten(1, {(audio.size(1) - 1) / vae_scale, vae_scale});
  return at::cat({groups.select(2, 0).slice(2, 0, middle + 1),
                  groups.slice(2, 1, vae_scale - 1).select(3, middle),
                  groups.select(2, vae_scale - 1).slice(2, middle)},
                 2);
}

AudioProjector::AudioProjector(const DitConfig& config)
    : vae_scale_(config.vae_scale),
      context_tokens_(config.context_tokens),
      output_dim_(config.output_dim),
      first_(config.audio_window * config.audio_blocks * config.audio_channels,
             config.intermediate_dim),
      latter_((config.audio_window + config.vae_scale - 1) * config.audio_blocks *
                  config.audio_channels,
              config.intermediate_dim),
      middle_(config.intermediate_dim, config.intermediate_dim),
      last_(config.intermediate_dim, config.context_tokens * config.output_dim) {
  if (config.norm_output_audio) norm_.emplace(config.output_dim);
}

void AudioProjector::declare(const ParameterScope& scope) {
  first_.declare(scope.child("proj1"));
  latter_.declare(scope.child("proj1_vf"));
  middle_.declare(scope.child("proj2"));
  last_.declare(scope.child("proj3"));
  if (norm_) norm_->declare(scope.child("norm"));
}

at::Tensor AudioProjector::operator()(const at::Tensor& audio) const {
  const at::Tensor latter = latter_audio_windows(audio, vae_scale_);
  const at::Tensor frames =
      at::cat({first_(audio.slice(1, 0, 1).flatten(2)).relu(), latter_(latter.flatten(2)).relu()},
              1);  // [speakers, T, intermediate_dim]
  const at::Tensor tokens =
      last_(middle_(frames).relu()).unflatten(-1, {context_tokens_, output_dim_});
  return norm_ ? (*norm_)(tokens) : tokens;
}

}  // namespace multitalk
