// The layers that the models are made of. A layer is a plain struct: its sizes are fixed when it is
// made, its tensors are empty until a checkpoint fills them, and calling it is a pure function.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <functional>
#include <string>

#include "checkpoint/parameter.h"

namespace multitalk::nn {

/// Receives intermediate results by name, for probes and tests; may be empty.
using Capture = std::function<void(const std::string& name, const at::Tensor& value)>;

/// y = x W^T + b. weight [out, in], bias [out]. The weight may be quantised to int8 or float8: then
/// `scale` is defined, and the weight is dequantised to x's dtype whenever the layer is used.
struct Linear {
  Linear(int64_t in, int64_t out, bool bias = true) : in(in), out(out), has_bias(bias) {}
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;  // [..., in] -> [..., out]

  /// The weight as numbers of a dtype, dequantised where it is quantised.
  at::Tensor weight_as(at::ScalarType dtype) const;

  int64_t in;
  int64_t out;
  bool has_bias;
  at::Tensor weight;
  at::Tensor scale;  ///< float32 [out, 1]; undefined where the weight is not quantised
  at::Tensor bias;
};

/// Normalises the last dimension; computed in float32, returned in x's dtype.
struct LayerNorm {
  explicit LayerNorm(int64_t dim, double eps = 1e-5, bool affine = true)
      : dim(dim), eps(eps), affine(affine) {}
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;

  int64_t dim;
  double eps;
  bool affine;
  at::Tensor weight;
  at::Tensor bias;
};

/// x / rms(x) * weight over the last dimension; the norm is computed in float32 and rounded to x's
/// dtype before the weight is applied (as in Wan and T5).
struct RmsNorm {
  explicit RmsNorm(int64_t dim, double eps = 1e-6) : dim(dim), eps(eps) {}
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;

  int64_t dim;
  double eps;
  at::Tensor weight;
};

/// Convolution over the last N dimensions. weight [out, in / groups, kernel...], bias [out].
template <int N>
struct Conv {
  using Sizes = std::array<int64_t, N>;
  struct Options {
    Sizes kernel;
    Sizes stride = filled(1);
    Sizes padding = filled(0);
    int64_t groups = 1;
    bool bias = true;
  };
  Conv(int64_t in, int64_t out, Options options) : in(in), out(out), options(options) {}
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;  // [B, in, sizes...] -> [B, out, sizes...]

  static constexpr Sizes filled(int64_t value) {
    Sizes sizes{};
    sizes.fill(value);
    return sizes;
  }

  int64_t in;
  int64_t out;
  Options options;
  at::Tensor weight;
  at::Tensor bias;
};

using Conv1d = Conv<1>;
using Conv2d = Conv<2>;
using Conv3d = Conv<3>;

}  // namespace multitalk::nn
