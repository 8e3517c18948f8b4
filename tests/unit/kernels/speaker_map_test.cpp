#include "kernels/speaker_map.h"

#include <sys/resource.h>

#include "base/error.h"
#include "support/catch.h"
#include "support/golden.h"

using namespace multitalk;

namespace {

// The most memory that this process has held, in bytes.
int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

at::Tensor random_masks(int64_t classes, int64_t keys) {
  return at::rand({classes, keys}).gt(0.6).to(at::kFloat);
}

}  // namespace

TEST_CASE("the speaker map is the mean attention to each class") {
  const int64_t classes = GENERATE(3, 4, 6);
  const int64_t keys = GENERATE(1, 15, 77);
  const int64_t head_dim = GENERATE(24, 128);
  CAPTURE(classes, keys, head_dim);
  at::manual_seed(static_cast<uint64_t>(classes * 1000 + keys));
  const at::Tensor q = at::randn({1, 3 * keys + 2, 5, head_dim}) * 2;
  const at::Tensor k = at::randn({1, keys, 5, head_dim});
  const at::Tensor masks = random_masks(classes, keys);
  const at::Tensor map = speaker_map(q, k, masks);
  const at::Tensor expected = speaker_map_reference(q, k, masks);
  REQUIRE(map.scalar_type() == at::kFloat);
  CHECK(test::relative_l2(map, expected) <= 1e-6);

  const at::Tensor half =
      speaker_map(q.to(at::kBFloat16), k.to(at::kBFloat16), masks.to(at::kBFloat16));
  CHECK(test::relative_l2(half, expected) < 4e-2);
}

TEST_CASE("a class without tokens is looked at by none") {
  at::Tensor masks = at::ones({3, 8});
  masks[1].zero_();
  const at::Tensor map = speaker_map(at::randn({1, 8, 2, 16}), at::randn({1, 8, 2, 16}), masks);
  CHECK(map[1].abs().max().item<float>() == 0);
  CHECK(map.isfinite().all().item<bool>());
}

TEST_CASE("the speaker map never holds a matrix of tokens by keys") {
  const int64_t tokens = 24000;
  const int64_t keys = 4000;
  const int64_t matrix_bytes = 2 * tokens * keys * 4;
  const at::ScalarType dtype = GENERATE(at::kFloat, at::kBFloat16);
  const at::Tensor q = at::randn({1, tokens, 2, 16}).to(dtype);
  const at::Tensor k = at::randn({1, keys, 2, 16}).to(dtype);
  const at::Tensor masks = random_masks(3, keys).to(dtype);
  const int64_t before = peak_bytes();
  const at::Tensor map = speaker_map(q, k, masks);
  CHECK(map.sizes() == at::IntArrayRef({3, tokens}));
  CHECK(peak_bytes() - before < matrix_bytes / 4);
}

TEST_CASE("two speakers sit at 0 to 4 and 20 to 24, the background at 12") {
  const at::Tensor map = at::tensor({0.1, 0.5, 0.3, 0.2,    // speaker 1
                                     0.2, 0.1, 0.6, 0.2,    // speaker 2
                                     0.15, 0.2, 0.2, 0.9})  // background
                             .to(at::kFloat)
                             .view({3, 4});
  const at::Tensor expected = at::tensor({20.8, 4.0, 24.0, 12.0}).to(at::kFloat);
  CHECK(test::max_abs_difference(speaker_positions(map), expected) < 1e-5);
  CHECK(at::equal(voice_positions(2, 2, at::kCPU), at::tensor({2.0F, 2.0F, 22.0F, 22.0F})));
}

TEST_CASE("more speakers keep their distance") {
  const at::Tensor map = at::cat({at::eye(4), at::full({1, 4}, 0.5)});
  const at::Tensor positions = speaker_positions(map);
  CHECK(test::max_abs_difference(positions, at::tensor({4.0F, 24.0F, 44.0F, 64.0F})) < 1e-5);
  CHECK(at::equal(voice_positions(4, 1, at::kCPU), at::tensor({2.0F, 22.0F, 42.0F, 62.0F})));
}

TEST_CASE("a constant map divides by no zero") {
  const at::Tensor map = at::cat({at::full({2, 5}, 0.5), at::full({1, 5}, 0.25)});
  CHECK(at::equal(speaker_positions(map), at::zeros({5})));
}

TEST_CASE("the speaker map refuses shapes that do not fit") {
  const at::Tensor q = at::randn({1, 8, 2, 16});
  REQUIRE_THROWS_AS(speaker_map(q, q, at::ones({3, 7})), Error);
  REQUIRE_THROWS_AS(speaker_map(q, q, at::ones({17, 8})), Error);
}
