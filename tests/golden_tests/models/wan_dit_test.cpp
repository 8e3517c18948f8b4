#include "models/wan_dit.h"

#include <regex>

#include "golden_tests/models/golden_dit.h"

using namespace multitalk;
using namespace multitalk::test;

namespace {

// Where a case takes its inputs from: itself, or the case that it varies.
std::string inputs_of(const std::string& name) {
  for (const std::string suffix : {"_null_audio", "_bf16"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

// Cases with other weights (LoRA, quantised) are run by the test of probes.
std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& file : golden_files("models/dit", "", ".safetensors")) {
    const std::string name = file.stem().string();
    if (name != "clip_fea" && !name.starts_with("lora_") && !name.starts_with("quant_")) {
      names.push_back(name);
    }
  }
  return names;
}

// "text_context_first8" is the first 8 tokens of the capture "text_context".
at::Tensor captured(const Tensors& captures, const std::string& name) {
  const auto whole = captures.find(name);
  if (whole != captures.end()) return whole->second;
  static const std::regex part("(.*)_(first|last)([0-9]+)");
  std::smatch match;
  if (!std::regex_match(name, match, part) || captures.count(match[1]) == 0) return {};
  const at::Tensor& value = captures.at(match[1]);
  const int64_t count = std::stol(match[3]);
  return match[2] == "first" ? value.slice(1, 0, count) : value.slice(1, -count);
}

// A token whose two best classes are this near may take either.
constexpr double kClearMargin = 1e-5;

void check_captures(const Tensors& expected, const Tensors& captures, const Tolerance& tolerance) {
  const auto margin = expected.find("cap_class_margin");
  const bool clear = margin == expected.end() || margin->second.item<double>() > kClearMargin;
  for (const auto& [key, value] : expected) {
    if (!key.starts_with("cap_") || key == "cap_class_margin") continue;
    const std::string name = key.substr(4);
    if (!clear && (name.ends_with("_class") || name.ends_with("_rope_pos"))) continue;
    const at::Tensor actual = captured(captures, name);
    INFO(name);
    REQUIRE(actual.defined());
    check_close(name, actual, value, tolerance);
  }
}

void check_case(const std::string& name, const WanDit& model) {
  INFO("dit/" << name);
  const Tensors expected = golden_tensors("models/dit/" + name + ".safetensors");
  const Tensors inputs = golden_tensors("models/dit/" + inputs_of(name) + ".safetensors");
  const Tolerance tolerance = golden_tolerance("dit/" + name + ".safetensors");
  DitCondition condition = golden_condition(inputs, "in_");
  if (name.ends_with("_null_audio")) condition = without_audio(condition);
  const auto t = expected.count("in_t") ? expected.at("in_t") : inputs.at("in_t");

  Tensors captures;
  const at::Tensor output = model.forward(
      inputs.at("in_x"), t, condition, {},
      [&](const std::string& key, const at::Tensor& value) { captures[key] = value; });
  CHECK(output.scalar_type() == at::kFloat);
  check_captures(expected, captures, tolerance);
  if (!name.ends_with("_bf16")) {
    check_close("output", output, expected.at("output"), tolerance);
    return;
  }
  // By the norm alone: even the official float32 output has elements further from the official
  // bfloat16 one than the stated absolute tolerance.
  CHECK(relative_l2(output, expected.at("output_bf16")) <= tolerance.relative);
  if (expected.count("block0_class_bf16")) {
    const at::Tensor same = captures.at("block0_class").eq(expected.at("block0_class_bf16"));
    CHECK(same.to(at::kFloat).mean().item<double>() >= 0.9);
  }
}

}  // namespace

TEST_CASE("the transformer gives the official velocities") {
  const WanDit model = load_golden_dit(at::kFloat);
  int count = 0;
  for (const std::string& name : cases()) {
    if (name.ends_with("_bf16")) continue;
    check_case(name, model);
    ++count;
  }
  REQUIRE(count > 0);
}

TEST_CASE("the transformer in bfloat16 is as near to float32 as the official one") {
  const WanDit model = load_golden_dit(at::kBFloat16);
  int count = 0;
  for (const std::string& name : cases()) {
    if (!name.ends_with("_bf16")) continue;
    check_case(name, model);
    ++count;
  }
  REQUIRE(count > 0);
}
