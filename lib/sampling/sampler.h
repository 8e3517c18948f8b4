// From noise to the latent of one clip: Euler steps along the guided flow. Knows no model.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sampling/guidance.h"

namespace multitalk {

/// The model: latent [16, T, h, w] float32, time in 0..1000, what it is given -> velocity of the
/// latent's shape.
using Denoiser = std::function<at::Tensor(const at::Tensor& latent, float timestep, Branch branch)>;

/// Draws standard normal numbers of a shape, float32.
using NoiseSource = std::function<at::Tensor(at::IntArrayRef shape)>;

/// Draws on the generator's device, then moves the noise to `device`. The generator's state moves
/// on: one source serves all clips of a video.
NoiseSource gaussian_noise(at::Generator generator, at::Device device);

struct SamplerOptions {
  std::vector<float> timesteps;  ///< falling, one more than there are steps: flow_timesteps()
  GuidanceOptions guidance;
};

/// What a caller may watch; each may be empty.
struct SamplerCallbacks {
  /// After step `step` (from 0).
  std::function<void(int step)> step_done;

  /// Intermediate results by name: "noise" (the first draw), "motion_noise_<i>" (the draw before
  /// step i), "latent_start", "step0_forward<k>" (the first step's predictions by branch),
  /// "latent_<i>" (after step i, motion frames renewed) and "latent_final".
  std::function<void(const std::string& name, const at::Tensor& value)> trace;
};

/// Denoises one clip of latent shape `shape` [16, T, h, w]. `motion_latents` [16, T_m, h, w], from
/// the end of the clip before, hold the first T_m latent frames to what is already known: noised
/// afresh, they are written over the latent before the first step and after every step, at that
/// step's next time. The draws, in order: the noise, then one of motion_latents' shape for each
/// such writing (steps + 1). The loop of MultiTalkPipeline.generate. Throws Error(kInterrupted)
/// between forwards once a signal has come.
at::Tensor sample_clip(const Denoiser& denoiser, at::IntArrayRef shape,
                       const std::optional<at::Tensor>& motion_latents,
                       const SamplerOptions& options, const NoiseSource& draw_noise,
                       const SamplerCallbacks& callbacks = {});

}  // namespace multitalk
