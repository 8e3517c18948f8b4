#include "sampling/flow_schedule.h"

#include <cstdlib>

#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

double worst_difference(const std::vector<float>& ours, const at::Tensor& golden) {
  return test::max_abs_difference(at::tensor(ours), golden);
}

TEST_CASE("flow_timesteps gives the official times for every step count") {
  const auto golden = test::golden_tensors("functions/sampler/timesteps.safetensors");
  const at::Tensor steps = golden.at("steps");
  const at::Tensor offsets = golden.at("offsets");
  int cases = 0;
  for (const auto& [name, values] : golden) {
    INFO(name);
    if (!name.starts_with("shift")) continue;
    const double shift = std::stod(name.substr(std::string("shift").size()));
    for (int64_t i = 0; i < steps.numel(); ++i, ++cases) {
      const int64_t begin = offsets[i].item<int64_t>();
      const int64_t end = offsets[i + 1].item<int64_t>();
      const int count = static_cast<int>(steps[i].item<int64_t>());
      CAPTURE(count);
      CHECK(worst_difference(flow_timesteps(count, shift), values.slice(0, begin, end)) <= 1e-4);
    }
  }
  CHECK(cases > 0);
}

TEST_CASE("flow_timesteps gives the official times for unusual step counts") {
  int cases = 0;
  for (const auto& [name, values] :
       test::golden_tensors("functions/sampler/timesteps.safetensors")) {
    const std::string shift_tag = "few.shift";
    const std::string steps_tag = ".steps";
    if (!name.starts_with(shift_tag)) continue;
    INFO(name);
    const double shift = std::stod(name.substr(shift_tag.size()));
    const int steps = std::stoi(name.substr(name.rfind(steps_tag) + steps_tag.size()));
    CHECK(worst_difference(flow_timesteps(steps, shift), values) <= 1e-4);
    ++cases;
  }
  CHECK(cases > 0);
}

TEST_CASE("add_noise mixes as the official pipeline does") {
  const auto golden = test::golden_tensors("functions/sampler/add_noise.safetensors");
  int cases = 0;
  for (const auto& [name, x] : golden) {
    if (!name.ends_with(".x")) continue;
    INFO(name);
    const std::string tag = name.substr(0, name.size() - 1);
    const at::Tensor ours =
        add_noise(x, golden.at(tag + "noise"), golden.at(tag + "t").item<float>());
    CHECK(test::max_abs_difference(ours, golden.at(tag + "out")) <= 1e-6);
    ++cases;
  }
  CHECK(cases > 0);
}

}  // namespace
}  // namespace multitalk
