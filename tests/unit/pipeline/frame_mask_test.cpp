#include "pipeline/frame_mask.h"

#include "support/catch.h"

namespace multitalk {
namespace {

TEST_CASE("frame mask: a picture alone fills the first latent frame") {
  const at::Tensor mask = given_frame_mask(9, 1);
  CHECK(at::equal(mask, at::tensor({1, 0, 0}, at::kFloat).expand({4, 3})));
}

TEST_CASE("frame mask: each later latent frame holds its own four frames") {
  const at::Tensor mask = given_frame_mask(9, 3);
  CHECK(mask.slice(1, 0, 1).sum().item<float>() == 4);
  CHECK(at::equal(mask.select(1, 1), at::tensor({1, 1, 0, 0}, at::kFloat)));
  CHECK(mask.select(1, 2).sum().item<float>() == 0);
}

TEST_CASE("frame mask: all frames given") {
  CHECK(at::equal(given_frame_mask(5, 5), at::ones({4, 2})));
}

}  // namespace
}  // namespace multitalk
