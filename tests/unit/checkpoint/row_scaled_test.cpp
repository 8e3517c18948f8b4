#include "checkpoint/row_scaled.h"

#include <limits>

#include "archive_builder.h"
#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/state_dict.h"
#include "support/catch.h"

namespace multitalk {
namespace {

using test::TemporaryFolder;

at::Tensor round_trip(const at::Tensor& weight) {
  const at::Tensor scales = row_scales(weight);
  return quantize_rows(weight, scales).to(at::kFloat) * scales;
}

/// Normal numbers, every row of another size: 1e-6 to 1e6.
at::Tensor uneven_rows() {
  const at::Tensor sizes = at::pow(10, at::arange(-6, 7, at::kFloat)).unsqueeze(1);
  return at::randn({13, 257}, at::detail::createCPUGenerator(1), at::kFloat) * sizes;
}

TEST_CASE("every value comes back within the bound of e4m3") {
  const at::Tensor weight = uneven_rows();
  const at::Tensor bound = at::maximum(weight.abs() / 16, row_scales(weight) / 1024) * 1.0001;
  const at::Tensor error = (round_trip(weight) - weight).abs();
  CHECK((error <= bound).all().item<bool>());
}

TEST_CASE("the relative error of every row is that of 3 bits of mantissa") {
  const at::Tensor weight = uneven_rows();
  const at::Tensor relative = (round_trip(weight) - weight).norm(2, {1}) / weight.norm(2, {1});
  CHECK(relative.max().item<double>() < 1.0 / 32);
}

TEST_CASE("the largest value of a row is exact") {
  const at::Tensor weight = at::tensor({448.0F, 1.0F, -3.5F, 0.0F}).reshape({2, 2});
  const at::Tensor back = round_trip(weight);
  CHECK(back[0][0].item<float>() == 448);
  CHECK(back[1][0].item<float>() == Approx(-3.5));
  CHECK(back[1][1].item<float>() == 0);
}

TEST_CASE("rows of zeros and of tiny numbers stay finite") {
  at::Tensor weight = at::zeros({2, 4});
  weight[1].fill_(std::numeric_limits<float>::denorm_min());
  CHECK(at::isfinite(round_trip(weight)).all().item<bool>());
  CHECK(round_trip(weight)[0].equal(at::zeros({4})));
}

TEST_CASE("a row with a value that is not finite is refused") {
  at::Tensor weight = at::ones({2, 2});
  for (const float bad :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    weight[1][0].fill_(bad);
    try {
      row_scales(weight);
      FAIL("accepted " << bad);
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::kWeights);
    }
  }
}

TEST_CASE("a dequantised source hides the scales and applies them") {
  const TemporaryFolder folder;
  const at::Tensor weight = uneven_rows();
  const at::Tensor scales = row_scales(weight);
  write_safetensors(folder / "x", {{"a.weight", quantize_rows(weight, scales)},
                                   {scale_name("a.weight"), scales},
                                   {"b.weight", at::ones({2, 2})},
                                   {"c_scale", at::ones({1})}});
  const auto source = dequantized(open_safetensors(folder / "x"));
  CHECK(source->names() == std::vector<std::string>{"a.weight", "b.weight", "c_scale"});
  CHECK_FALSE(source->contains("a.weight_scale"));
  CHECK(source->info("a.weight").dtype == at::kFloat);
  CHECK(source->info("a.weight").shape == weight.sizes().vec());
  CHECK(source->tensor("a.weight").equal(round_trip(weight)));
  CHECK(source->tensor("b.weight").equal(at::ones({2, 2})));
  CHECK(source->origin("a.weight") == (folder / "x"));
}

TEST_CASE("a kept source has the scales under the names that loading takes") {
  const TemporaryFolder folder;
  const at::Tensor weight = uneven_rows();
  const at::Tensor scales = row_scales(weight);
  write_safetensors(folder / "x", {{"a.weight", quantize_rows(weight, scales)},
                                   {scale_name("a.weight"), scales},
                                   {"c_scale", at::ones({1})}});
  const auto source = kept_scaled(open_safetensors(folder / "x"));
  CHECK(source->names() == std::vector<std::string>{"a.weight", scale_key("a.weight"), "c_scale"});
  CHECK_FALSE(source->contains(scale_name("a.weight") + "x"));
  CHECK(source->info("a.weight").dtype == at::kFloat8_e4m3fn);
  CHECK(source->tensor(scale_key("a.weight")).equal(scales));
  CHECK(source->origin(scale_key("a.weight")) == (folder / "x"));
}

TEST_CASE("scales that do not fit are refused with both shapes") {
  const TemporaryFolder folder;
  for (const at::Tensor& scales : {at::ones({3, 1}), at::ones({2}), at::ones({2, 1}, at::kHalf)}) {
    write_safetensors(folder / "x",
                      {{"w", at::ones({2, 2}).to(at::kFloat8_e4m3fn)}, {"w_scale", scales}});
    const auto widened = dequantized(open_safetensors(folder / "x"));
    CHECK_THROWS_AS(widened->tensor("w"), Error);
    const auto kept = kept_scaled(open_safetensors(folder / "x"));
    CHECK_THROWS_AS(kept->tensor(scale_key("w")), Error);
  }
}

}  // namespace
}  // namespace multitalk
