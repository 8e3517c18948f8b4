// The noise schedule of rectified flow: which times the sampler visits, and how a clean latent is
// mixed with noise at one of them.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace multitalk {

/// Times are counted from kTrainTimesteps (pure noise) down to 0 (clean).
constexpr float kTrainTimesteps = 1000.0F;

/// `steps` times evenly spaced from 1000 down to 1, then 0, each bent towards noise by `shift` s:
/// u = t / 1000 becomes s u / (1 + (s - 1) u). steps + 1 values, in float32 throughout as in
/// MultiTalkPipeline.generate and timestep_transform. Throws an input error unless steps >= 1 and
/// shift > 0.
std::vector<float> flow_timesteps(int steps, double shift);

/// (1 - t / 1000) x + t / 1000 noise: MultiTalkPipeline.add_noise.
at::Tensor add_noise(const at::Tensor& x, const at::Tensor& noise, float timestep);

}  // namespace multitalk
