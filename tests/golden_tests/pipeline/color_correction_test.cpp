#include "pipeline/color_correction.h"

#include "base/error.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

using Golden = std::map<std::string, at::Tensor>;

const char* const kTensors = "functions/colour/colour.safetensors";

/// The output's name ends in the strength as Python prints it: "out1" or "out0.5".
std::string output_name(const std::string& name, double strength) {
  return fmt::format("{}.out{:g}", name, strength);
}

/// Cases whose standard deviations are at the edge of float32.
double tolerance(const std::string& name) {
  return name.starts_with("dark") || name.starts_with("flat_reference") ? 1e-3 : 2e-4;
}

TEST_CASE("match_colors gives the official colours") {
  const Golden golden = test::golden_tensors(kTensors);
  const auto rows = test::golden_json("functions/colour/colour.json").at("rows");
  int matched = 0;
  int refused = 0;
  for (const auto& row : rows) {
    INFO(row.dump());
    const std::string name = row.at("case");
    const double strength = row.at("strength");
    const at::Tensor source = golden.at(name + ".source").squeeze(0);
    const at::Tensor reference = golden.at(name + ".reference").squeeze(0);
    if (!row.at("error").is_null()) {
      CHECK_THROWS_AS(match_colors(source, reference, strength), Error);
      ++refused;
      continue;
    }
    const at::Tensor ours = match_colors(source, reference, strength);
    if (row.at("unchanged")) {
      CHECK(at::equal(ours, source));
      continue;
    }
    CHECK(test::max_abs_difference(ours, golden.at(output_name(name, strength)).squeeze(0)) <=
          tolerance(name));
    ++matched;
  }
  CHECK(matched > 0);
  CHECK(refused > 0);
}

/// [1, n, 3] -> [3, 1, n].
at::Tensor channels_first(const at::Tensor& colors) { return colors.permute({2, 0, 1}); }

TEST_CASE("the colour conversions agree with scikit-image") {
  const Golden golden = test::golden_tensors(kTensors);
  const at::Tensor lab = rgb_to_lab(channels_first(golden.at("lab.rgb")));
  CHECK(test::max_abs_difference(lab, channels_first(golden.at("lab.lab"))) <= 1e-6);
  const at::Tensor back = lab_to_rgb(channels_first(golden.at("lab.lab")));
  CHECK(test::max_abs_difference(back, channels_first(golden.at("lab.back"))) <= 1e-6);
  const at::Tensor clipped = lab_to_rgb(channels_first(golden.at("lab.out_of_gamut_lab")));
  CHECK(test::max_abs_difference(clipped, channels_first(golden.at("lab.out_of_gamut_rgb"))) <=
        1e-6);
}

}  // namespace
}  // namespace multitalk
