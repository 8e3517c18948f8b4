#include "sampling/flow_schedule.h"

#include "base/error.h"

namespace multitalk {

namespace {

float shifted(float timestep, double shift) {
  const float u = timestep / kTrainTimesteps;
  return static_cast<float>(shift) * u / (1.0F + static_cast<float>(shift - 1) * u) *
         kTrainTimesteps;
}

}  // namespace

std::vector<float> flow_timesteps(int steps, double shift) {
  if (steps < 1) throw input_error("sample_steps is {}, expected at least 1", steps);
  if (!(shift > 0)) throw input_error("sample_shift is {}, expected more than 0", shift);
  constexpr double kFirst = kTrainTimesteps;
  constexpr double kLast = 1;
  std::vector<float> times(steps + 1, 0.0F);
  for (int i = 0; i < steps; ++i) {
    const double slope = steps > 1 ? (kLast - kFirst) / (steps - 1) : 0;
    const bool is_last = steps > 1 && i == steps - 1;
    times[i] = shifted(static_cast<float>(is_last ? kLast : i * slope + kFirst), shift);
  }
  return times;
}

at::Tensor add_noise(const at::Tensor& x, const at::Tensor& noise, float timestep) {
  const float u = timestep / kTrainTimesteps;
  return x * (1.0F - u) + noise * u;
}

}  // namespace multitalk
