#include "nn/layers.h"

namespace multitalk::nn {

namespace {

/// A parameter where x is: one that is kept on the CPU is moved for this use.
at::Tensor at_use(const at::Tensor& parameter, const at::Tensor& x) {
  return parameter.defined() ? parameter.to(x.device()) : parameter;
}

/// The product is rounded once, from float32: the in-place form converts the scale, not the weight.
at::Tensor widened(const at::Tensor& weight, const at::Tensor& scale, at::ScalarType dtype) {
  return weight.to(dtype).mul_(scale);
}

}  // namespace

void Linear::declare(const ParameterScope& scope) {
  scope.add_quantizable("weight", weight, scale, {out, in});
  if (has_bias) scope.add("bias", bias, {out});
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  const at::Tensor stored = at_use(weight, x);
  if (!scale.defined()) return at::linear(x, stored, at_use(bias, x));
  return at::linear(x, widened(stored, at_use(scale, x), x.scalar_type()), at_use(bias, x));
}

at::Tensor Linear::weight_as(at::ScalarType dtype) const {
  return scale.defined() ? widened(weight, scale, dtype) : weight.to(dtype);
}

void LayerNorm::declare(const ParameterScope& scope) {
  if (!affine) return;
  scope.add("weight", weight, {dim});
  scope.add("bias", bias, {dim});
}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  if (!affine) return at::layer_norm(x.to(at::kFloat), {dim}, {}, {}, eps).to(x.scalar_type());
  return at::layer_norm(x.to(at::kFloat), {dim}, at_use(weight, x).to(at::kFloat),
                        at_use(bias, x).to(at::kFloat), eps)
      .to(x.scalar_type());
}

void RmsNorm::declare(const ParameterScope& scope) { scope.add("weight", weight, {dim}); }

at::Tensor RmsNorm::operator()(const at::Tensor& x) const {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor scale = at::rsqrt(wide.square().mean({-1}, /*keepdim=*/true) + eps);
  return (wide * scale).to(x.scalar_type()) * at_use(weight, x);
}

template <int N>
void Conv<N>::declare(const ParameterScope& scope) {
  std::vector<int64_t> shape = {out, in / options.groups};
  shape.insert(shape.end(), options.kernel.begin(), options.kernel.end());
  scope.add("weight", weight, shape);
  if (options.bias) scope.add("bias", bias, {out});
}

template <int N>
at::Tensor Conv<N>::operator()(const at::Tensor& x) const {
  const Sizes dilation = filled(1);
  if constexpr (N == 1) {
    return at::conv1d(x, weight, bias, options.stride, options.padding, dilation, options.groups);
  } else if constexpr (N == 2) {
    return at::conv2d(x, weight, bias, options.stride, options.padding, dilation, options.groups);
  } else {
    return at::conv3d(x, weight, bias, options.stride, options.padding, dilation, options.groups);
  }
}

template struct Conv<1>;
template struct Conv<2>;
template struct Conv<3>;

}  // namespace multitalk::nn
