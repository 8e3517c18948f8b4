#include "nn/layers.h"

#include "support/catch.h"

namespace multitalk {
namespace {

nn::Linear quantized_layer(at::ScalarType dtype) {
  nn::Linear layer(3, 2);
  layer.weight = at::tensor({1.0, -2.0, 3.0, 4.0, 0.0, -6.0}).reshape({2, 3}).to(dtype);
  layer.scale = at::tensor({0.1f, 0.3f}).reshape({2, 1});
  layer.bias = at::tensor({0.5f, -0.5f});
  return layer;
}

}  // namespace

TEST_CASE("a quantised layer computes with its weight times its scales") {
  for (const at::ScalarType dtype : {at::kChar, at::kFloat8_e4m3fn}) {
    const nn::Linear layer = quantized_layer(dtype);
    const at::Tensor plain = layer.weight.to(at::kFloat) * layer.scale;
    const at::Tensor x = at::randn({5, 3});
    CHECK(at::allclose(layer(x), at::linear(x, plain, layer.bias)));
    CHECK(layer.weight.scalar_type() == dtype);
  }
}

TEST_CASE("in bfloat16 the product of weight and scale is rounded once") {
  const nn::Linear layer = quantized_layer(at::kChar);
  const at::Tensor exact = layer.weight.to(at::kFloat) * layer.scale;
  CHECK(layer.weight_as(at::kBFloat16).equal(exact.to(at::kBFloat16)));
}

TEST_CASE("a plain weight is only converted") {
  nn::Linear layer(3, 2);
  layer.weight = at::randn({2, 3});
  CHECK(layer.weight_as(at::kFloat).is_same(layer.weight));
  CHECK(layer.weight_as(at::kHalf).equal(layer.weight.to(at::kHalf)));
}

}  // namespace multitalk
