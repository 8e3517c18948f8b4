#include "pipeline/adaptation.h"

#include <cmath>

#include "support/catch.h"
#include "support/error_text.h"
#include "support/stderr_capture.h"

namespace multitalk {
namespace {

using test::error_text;
using test::mentions;

std::vector<double> scales_of(const std::vector<LoraFile>& loras) {
  std::vector<double> scales;
  for (const LoraFile& lora : loras) scales.push_back(lora.scale);
  return scales;
}

using Scales = std::vector<double>;

}  // namespace

TEST_CASE("LoRAs: one scale counts for all, or there is one for each") {
  const auto pair = [](const std::vector<std::string>& files, const Scales& scales) {
    return scales_of(pair_lora_scales(files, scales, LoraRules::kAll));
  };
  CHECK(pair({"a", "b", "c"}, {0.5}) == Scales{0.5, 0.5, 0.5});
  CHECK(pair({"a", "b"}, {0.5, 2}) == Scales{0.5, 2});
  CHECK(pair({}, {1.2}).empty());
  CHECK(pair({}, {1, 2}).empty());
  CHECK(pair_lora_scales({"a", "b"}, {1, 2}, LoraRules::kAll)[1].path == "b");
}

TEST_CASE("LoRAs: numbers that do not fit are both named") {
  const auto text = [](const std::vector<std::string>& files, const Scales& scales) {
    return error_text([&] { pair_lora_scales(files, scales, LoraRules::kAll); });
  };
  CHECK(mentions(text({"a", "b", "c"}, {1, 2}), "2 scales for 3 LoRAs"));
  CHECK(mentions(text({"a"}, {1, 2}), "2 scales for 1 LoRAs"));
}

TEST_CASE("LoRAs: by the reference's rules those without a scale are left out") {
  std::vector<LoraFile> loras;
  const std::string said = test::capture_stderr([&] {
    loras = pair_lora_scales({"first", "second"}, {0.5}, LoraRules::kReference);
  });
  CHECK(scales_of(loras) == Scales{0.5});
  CHECK(mentions(said, "second"));
  CHECK(scales_of(pair_lora_scales({"a"}, {1, 2}, LoraRules::kReference)) == Scales{1});
}

TEST_CASE("quantised weights need their folder and take one whole model") {
  const auto refusal = [](const AdaptationOptions& options) {
    return error_text([&] { validate_adaptation(options); });
  };
  AdaptationOptions options;
  CHECK(refusal(options).empty());
  options.quant = "int8";
  CHECK(mentions(refusal(options), "--quant_dir is missing"));
  options.quant_dir = "weights";
  options.loras = {{"a", 1}};
  CHECK(refusal(options).empty());
  options.loras.push_back({"b", 1});
  CHECK(mentions(refusal(options), "2 files in --lora_dir, expected one"));
  options.lora_rules = LoraRules::kReference;
  CHECK(mentions(test::capture_stderr([&] { validate_adaptation(options); }), "only the first"));
}

TEST_CASE("a LoRA's scale is a number") {
  AdaptationOptions options;
  options.loras = {{"a", NAN}};
  CHECK(mentions(error_text([&] { validate_adaptation(options); }), "lora_scale"));
}

}  // namespace multitalk
