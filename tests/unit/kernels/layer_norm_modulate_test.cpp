#include "kernels/layer_norm_modulate.h"

#include <ATen/CPUGeneratorImpl.h>

#include "support/catch.h"
#include "support/golden.h"

using namespace multitalk;
using namespace multitalk::test;

TEST_CASE("adaptive layer norm is norm(x) (1 + scale) + shift") {
  const at::Generator generator = at::detail::createCPUGenerator(3);
  const at::Tensor x = at::randn({1, 5, 24}, generator) * 4 + 1;
  const at::Tensor shift = at::randn({1, 1, 24}, generator);
  const at::Tensor scale = at::randn({1, 1, 24}, generator);
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor centred = wide - wide.mean({2}, true);
  const at::Tensor norm = centred / (centred.square().mean({2}, true) + 1e-6).sqrt();
  const at::Tensor expected = norm * (1 + scale) + shift;
  CHECK(relative_l2(layer_norm_modulate(x, shift, scale, 1e-6), expected) < 1e-6);

  const at::Tensor half = layer_norm_modulate(x.to(at::kBFloat16), shift, scale, 1e-6);
  CHECK(half.scalar_type() == at::kBFloat16);
  CHECK(relative_l2(half, expected) < 1e-2);
}
