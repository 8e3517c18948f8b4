#include "sampling/guidance.h"

#include "base/device.h"
#include "support/catch.h"

namespace multitalk {
namespace {

TEST_CASE("scales of 1 give back the conditional prediction") {
  GuidanceOptions options;
  options.text_scale = 1;
  options.audio_scale = 1;
  if (GENERATE(false, true)) options.apg = ApgOptions{};
  const at::Tensor conditional = at::randn({16, 2, 3, 5}, make_generator(at::kCPU, 1));
  const at::Tensor drop_audio = at::randn({16, 2, 3, 5}, make_generator(at::kCPU, 2));
  Guidance guidance(options);
  REQUIRE(guidance.branches().size() == 2);
  CHECK(at::allclose(guidance.combine({conditional, drop_audio}), conditional, 1e-5, 1e-6));
}

TEST_CASE("momentum adds up") {
  MomentumBuffer momentum(-0.5);
  CHECK(momentum.update(at::full({2}, 4.0F)).equal(at::full({2}, 4.0F)));
  CHECK(momentum.update(at::full({2}, 4.0F)).equal(at::full({2}, 2.0F)));
}

TEST_CASE("the norm threshold shortens long updates and leaves short ones") {
  const at::Tensor diff = at::tensor({3.0F, 4.0F});
  const at::Tensor prediction = at::zeros({2});
  CHECK(at::allclose(adaptive_projected_guidance(diff, prediction, nullptr, 1),
                     at::tensor({0.6F, 0.8F})));
  CHECK(adaptive_projected_guidance(diff, prediction, nullptr, 10).equal(diff));
  CHECK(adaptive_projected_guidance(diff, prediction, nullptr, 0).equal(diff));
}

}  // namespace
}  // namespace multitalk
