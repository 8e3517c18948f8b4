// Our own kernels against the plain libtorch reference beside them, over odd sizes and both dtypes.
#include <ATen/ATen.h>

#include <chrono>
#include <iostream>

#include "base/device.h"
#include "has_gpu.h"
#include "kernels/layer_norm_modulate.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk::test {
namespace {

struct Sizes {
  int64_t rows;
  int64_t width;
};

struct Inputs {
  at::Tensor x, shift, scale;
};

Inputs make_inputs(const Sizes& sizes, at::ScalarType dtype) {
  const at::Generator generator = make_generator(at::Device(at::kCUDA, 0), 11);
  const at::TensorOptions options = at::TensorOptions(at::Device(at::kCUDA, 0)).dtype(at::kFloat);
  const auto randn = [&](at::IntArrayRef shape) { return at::randn(shape, generator, options); };
  return {(randn({1, sizes.rows, sizes.width}) * 3 + 0.5).to(dtype), randn({1, 1, sizes.width}),
          randn({1, 1, sizes.width})};
}

/// Milliseconds a call, after a warm-up.
template <typename Call>
double time_ms(const Call& call) {
  constexpr int kCalls = 50;
  for (int i = 0; i < 5; ++i) call();
  synchronize(at::Device(at::kCUDA, 0));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) call();
  synchronize(at::Device(at::kCUDA, 0));
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  return spent.count() / kCalls;
}

}  // namespace

TEST_CASE("adaptive layer norm: the kernel against the reference", "[gpu]") {
  if (!has_gpu()) return;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const Sizes& sizes : {Sizes{1, 8}, Sizes{7, 256}, Sizes{33, 1000}, Sizes{45, 1536},
                               Sizes{129, 5120}, Sizes{3, 13824}, Sizes{2, 16384}, Sizes{5, 36}}) {
      INFO(sizes.rows << " x " << sizes.width << " " << at::toString(dtype));
      const Inputs in = make_inputs(sizes, dtype);
      const at::Tensor got = layer_norm_modulate(in.x, in.shift, in.scale, 1e-6);
      const at::Tensor expected = layer_norm_modulate_reference(in.x, in.shift, in.scale, 1e-6);
      CHECK(relative_l2(got, expected) <= (dtype == at::kFloat ? 1e-6 : 2e-3));
    }
  }
}

TEST_CASE("adaptive layer norm: time at full size", "[gpu][bench]") {
  if (!has_gpu()) return;
  const Sizes sizes = {33600, 5120};
  const Inputs in = make_inputs(sizes, at::kBFloat16);
  const double ours = time_ms([&] { layer_norm_modulate(in.x, in.shift, in.scale, 1e-6); });
  const double plain =
      time_ms([&] { layer_norm_modulate_reference(in.x, in.shift, in.scale, 1e-6); });
  const double bytes = 2.0 * 2 * static_cast<double>(sizes.rows * sizes.width);
  std::cout << "layer_norm_modulate bf16 33600 x 5120: " << ours << " ms, " << bytes / ours / 1e9
            << " TB/s; libtorch's operations " << plain << " ms\n";
}

}  // namespace multitalk::test
