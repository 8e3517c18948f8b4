#include "sampling/teacache.h"

#include "support/catch.h"
#include "support/golden.h"

using namespace multitalk;
using namespace multitalk::test;

namespace {

using Json = nlohmann::json;

TeaCacheOptions options_of(const Json& row, const Json& sets) {
  const bool ret_steps = row.at("use_ret_steps");
  const std::string set =
      row.at("size").get<std::string>() + "/ret_steps=" + (ret_steps ? "True" : "False");
  TeaCacheOptions options;
  options.threshold = row.at("thresh");
  options.steps = row.at("steps");
  options.forwards_per_step = row.at("forwards_per_step");
  options.coefficients = sets.at(set).at("coefficients_highest_power_first");
  options.warmup_steps = ret_steps ? 5 : 1;
  options.final_steps = ret_steps ? 0 : 1;
  return options;
}

// Runs the row's clips with blocks whose residual is the number of the call, so that a skipped call
// shows whose residual it used.
void check_row(const Json& row, const TeaCacheOptions& options, const at::Tensor& signals) {
  TeaCache cache(options);
  const std::string skipped = row.at("skipped");
  const at::Tensor tokens = at::zeros({1});
  const int calls_per_clip = options.steps * options.forwards_per_step;
  std::vector<int64_t> used;
  for (size_t call = 0; call < skipped.size(); ++call) {
    const int step = static_cast<int>(call) % calls_per_clip / options.forwards_per_step;
    const at::Tensor out =
        cache(tokens, signals.slice(0, step, step + 1),
              [&](const at::Tensor& x) { return x + static_cast<double>(call); });
    used.push_back(out.item<int64_t>());
  }
  const auto decisions = cache.take_decisions();
  for (size_t call = 0; call < skipped.size(); ++call) {
    INFO("call " << call);
    REQUIRE(decisions[call].computed == (skipped[call] == '0'));
    if (row.at("computed_in_call").is_array()) {
      REQUIRE(used[call] == row.at("computed_in_call")[call].get<int64_t>());
    }
    if (row.at("accumulated").is_array()) {
      REQUIRE(decisions[call].accumulated ==
              Approx(row.at("accumulated")[call].get<double>()).margin(1e-5));
    }
  }
}

}  // namespace

TEST_CASE("TeaCache decides as the official code") {
  const Json golden = golden_json("functions/teacache/decisions.json");
  const auto inputs = golden_tensors("functions/teacache/inputs.safetensors");
  REQUIRE_FALSE(golden.at("rows").empty());
  for (const Json& row : golden.at("rows")) {
    CAPTURE(row.at("seq").get<std::string>(), row.at("size").get<std::string>(),
            row.at("thresh").get<double>(), row.at("forwards_per_step").get<int>(),
            row.at("use_ret_steps").get<bool>());
    const std::string signal = row.at("use_ret_steps").get<bool>() ? ".e0" : ".e";
    const at::Tensor signals = inputs.at(row.at("seq").get<std::string>() + signal);
    TeaCacheOptions options = options_of(row, golden.at("sets"));
    options.reference_counting = true;
    check_row(row, options, signals);
    if (options.forwards_per_step == 3) {  // where our own counting is the same
      options.reference_counting = false;
      check_row(row, options, signals);
    }
  }
}
