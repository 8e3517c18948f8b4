#include "sampling/sampler.h"

#include "base/error.h"
#include "base/interrupt.h"
#include "sampling/flow_schedule.h"

namespace multitalk {

namespace {

/// The state of one clip's loop.
class ClipSampler {
 public:
  ClipSampler(const Denoiser& denoiser, const std::optional<at::Tensor>& motion_latents,
              const SamplerOptions& options, const NoiseSource& draw_noise,
              const SamplerCallbacks& callbacks)
      : denoiser_(denoiser),
        motion_latents_(motion_latents),
        times_(options.timesteps),
        guidance_(options.guidance),
        draw_noise_(draw_noise),
        callbacks_(callbacks) {}

  at::Tensor run(at::IntArrayRef shape) {
    MULTITALK_CHECK(times_.size() >= 2, "{} timesteps, expected at least 2", times_.size());
    const int steps = static_cast<int>(times_.size()) - 1;
    at::Tensor latent = draw_noise_(shape);
    trace("noise", latent);
    renew_motion_frames(latent, 0);
    trace("latent_start", latent);
    for (int step = 0; step < steps; ++step) {
      const float dt = (times_[step] - times_[step + 1]) / kTrainTimesteps;
      latent = latent - predict(latent, step) * dt;
      renew_motion_frames(latent, step + 1);
      trace("latent_" + std::to_string(step), latent);
      if (callbacks_.step_done) callbacks_.step_done(step);
    }
    trace("latent_final", latent);
    return latent;
  }

 private:
  /// The guided velocity at a step.
  at::Tensor predict(const at::Tensor& latent, int step) {
    std::vector<at::Tensor> predictions;
    for (const Branch branch : guidance_.branches()) {
      check_interrupted();
      predictions.push_back(denoiser_(latent, times_[step], branch));
      if (step == 0) {
        trace("step0_forward" + std::to_string(predictions.size() - 1), predictions.back());
      }
    }
    return guidance_.combine(predictions);
  }

  /// Writes the motion frames, noised for times_[index], over the start of `latent`.
  void renew_motion_frames(at::Tensor& latent, int index) const {
    if (!motion_latents_) return;
    const at::Tensor noise = draw_noise_(motion_latents_->sizes());
    trace("motion_noise_" + std::to_string(index), noise);
    // Out of place: a trace may hold on to the latent as it was.
    latent = latent.clone();
    latent.narrow(1, 0, motion_latents_->size(1))
        .copy_(add_noise(motion_latents_->to(latent.scalar_type()), noise, times_[index]));
  }

  void trace(const std::string& name, const at::Tensor& value) const {
    if (callbacks_.trace) callbacks_.trace(name, value);
  }

  const Denoiser& denoiser_;
  const std::optional<at::Tensor>& motion_latents_;
  const std::vector<float>& times_;
  Guidance guidance_;
  const NoiseSource& draw_noise_;
  const SamplerCallbacks& callbacks_;
};

}  // namespace

NoiseSource gaussian_noise(at::Generator generator, at::Device device) {
  return [generator, device](at::IntArrayRef shape) {
    const at::TensorOptions options(generator.device());
    return at::randn(shape, generator, options.dtype(at::kFloat)).to(device);
  };
}

at::Tensor sample_clip(const Denoiser& denoiser, at::IntArrayRef shape,
                       const std::optional<at::Tensor>& motion_latents,
                       const SamplerOptions& options, const NoiseSource& draw_noise,
                       const SamplerCallbacks& callbacks) {
  if (motion_latents) {
    MULTITALK_CHECK(motion_latents->dim() == 4 && motion_latents->size(1) <= shape[1],
                    "{} motion latent frames for a clip of {}", motion_latents->size(1), shape[1]);
  }
  return ClipSampler(denoiser, motion_latents, options, draw_noise, callbacks).run(shape);
}

}  // namespace multitalk
