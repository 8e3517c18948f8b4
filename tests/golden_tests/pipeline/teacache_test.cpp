// TeaCache around the official tiny transformer: decisions, and the velocities of skipped calls.
#include "sampling/teacache.h"

#include <regex>

#include "golden_tests/models/golden_dit.h"

using namespace multitalk;
using namespace multitalk::test;

namespace {

constexpr int kForwards = 3;

// The options that a file's name states, as "480_t0.2" of `steps` steps.
TeaCacheOptions options_of(const std::string& name, int steps) {
  std::smatch match;
  REQUIRE(std::regex_match(name, match, std::regex("([0-9]+)_t([0-9.]+)")));
  const auto sets = golden_json("functions/teacache/decisions.json").at("sets");
  TeaCacheOptions options;
  options.threshold = std::stod(match[2]);
  options.steps = steps;
  options.forwards_per_step = kForwards;
  options.coefficients = sets.at("multitalk-" + match[1].str() + "/ret_steps=True")
                             .at("coefficients_highest_power_first");
  return options;
}

void check_file(const std::string& name, const WanDit& model, const Tensors& inputs) {
  INFO("teacache/" << name);
  const Tensors expected = golden_tensors("models/teacache/" + name + ".safetensors");
  const Tolerance tolerance = golden_tolerance("teacache/" + name + ".safetensors");
  const int64_t calls = expected.at("computed").numel();
  const int64_t steps = calls / kForwards;
  TeaCache cache(options_of(name, static_cast<int>(steps)));

  const DitCondition full = golden_condition(inputs, "");
  DitCondition null_text = full;
  null_text.context = inputs.at("context_null");
  const std::vector<DitContext> contexts = {model.prepare(full), model.prepare(null_text),
                                            model.prepare(without_audio(null_text))};
  at::Tensor x = inputs.at("x");
  for (int64_t step = 0; step < steps; ++step) {
    at::Tensor first;
    for (int64_t forward = 0; forward < kForwards; ++forward) {
      const int64_t call = kForwards * step + forward;
      const at::Tensor output =
          model.forward(x, expected.at("timesteps").slice(0, call, call + 1),
                        contexts[static_cast<size_t>(forward)], std::ref(cache));
      check_close("output of call " + std::to_string(call), output, expected.at("outputs")[call],
                  tolerance);
      if (forward == 0) first = output;
    }
    x = x - 0.5 / static_cast<double>(steps) * first;
  }
  check_close("final_x", x, expected.at("final_x"), tolerance);

  const auto decisions = cache.take_decisions();
  REQUIRE(static_cast<int64_t>(decisions.size()) == calls);
  for (int64_t call = 0; call < calls; ++call) {
    INFO("call " << call);
    const TeaCache::Decision& decision = decisions[static_cast<size_t>(call)];
    CHECK(decision.computed == (expected.at("computed")[call].item<int64_t>() == 1));
    CHECK(decision.accumulated ==
          Approx(expected.at("accumulated")[call].item<double>()).margin(tolerance.absolute));
  }
}

}  // namespace

TEST_CASE("TeaCache around the transformer decides and computes as the official code") {
  const WanDit model = load_golden_dit(at::kFloat);
  const Tensors inputs = golden_tensors("models/teacache/inputs.safetensors");
  int count = 0;
  for (const auto& file : golden_files("models/teacache", "", ".safetensors")) {
    if (file.stem() == "inputs") continue;
    check_file(file.stem().string(), model, inputs);
    ++count;
  }
  REQUIRE(count > 0);
}
