#include "kernels/rope.h"

#include <cmath>

#include "base/error.h"
#include "support/catch.h"
#include "support/golden.h"

using namespace multitalk;

namespace {

// Rotates the pairs of one head's numbers by angles[pair], in double.
at::Tensor rotate(const at::Tensor& x, const std::vector<double>& angles) {
  at::Tensor out = x.to(at::kDouble).clone();
  for (size_t i = 0; i < angles.size(); ++i) {
    const auto even = static_cast<int64_t>(2 * i);
    const double a = x[even].item<double>();
    const double b = x[even + 1].item<double>();
    out[even] = a * std::cos(angles[i]) - b * std::sin(angles[i]);
    out[even + 1] = a * std::sin(angles[i]) + b * std::cos(angles[i]);
  }
  return out;
}

// The angles of `pairs` pairs at one position.
std::vector<double> angles_at(double position, int64_t pairs) {
  std::vector<double> angles;
  for (int64_t i = 0; i < pairs; ++i) {
    angles.push_back(position *
                     std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(pairs)));
  }
  return angles;
}

}  // namespace

TEST_CASE("the 3-D rotation turns pairs with frame, row and column") {
  const int64_t head_dim = GENERATE(12, 16, 128);
  const int64_t space = head_dim / 6;
  const int64_t time = head_dim / 2 - 2 * space;
  const at::Tensor x = at::randn({2, 3 * 2 * 5, 2, head_dim});
  const at::Tensor out = apply_rope(x, rope_rotation_3d({3, 2, 5}, head_dim, at::kCPU));
  REQUIRE(out.sizes() == x.sizes());
  for (const int64_t token : {0, 7, 13, 29}) {
    std::vector<double> angles = angles_at(static_cast<double>(token / 10), time);
    for (const double position : {token / 5 % 2, token % 5}) {
      const auto more = angles_at(position, space);
      angles.insert(angles.end(), more.begin(), more.end());
    }
    CHECK(test::relative_l2(out[1][token][1], rotate(x[1][token][1], angles)) < 1e-6);
  }
}

TEST_CASE("the 1-D rotation takes any real position") {
  const at::Tensor positions = at::tensor({0.0, 3.25, 12.0, 41.5}).to(at::kFloat);
  const at::Tensor x = at::randn({1, 4, 3, 16});
  const at::Tensor out = apply_rope(x, rope_rotation_1d(positions, 16));
  CHECK(at::equal(out[0][0], x[0][0]));
  for (int64_t token = 0; token < 4; ++token) {
    const auto angles = angles_at(positions[token].item<double>(), 8);
    CHECK(test::relative_l2(out[0][token][2], rotate(x[0][token][2], angles)) < 1e-5);
  }
}

TEST_CASE("a rotation keeps dtype and length") {
  const at::Tensor x = at::randn({1, 6, 2, 24});
  const at::Tensor rotation = rope_rotation_3d({1, 2, 3}, 24, at::kCPU);
  const at::Tensor out = apply_rope(x, rotation);
  CHECK(test::relative_l2(out.norm(2, -1), x.norm(2, -1)) < 1e-6);
  const at::Tensor half = apply_rope(x.to(at::kBFloat16), rotation);
  CHECK(half.scalar_type() == at::kBFloat16);
  CHECK(test::relative_l2(half, out) < 1e-2);
  REQUIRE_THROWS_AS(apply_rope(x.slice(1, 0, 5), rotation), Error);
}
