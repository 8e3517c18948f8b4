// Layer norm without weights, then a shift and a scale that depend on the timestep: what stands in
// front of the attention and the feed forward of every transformer block (Peebles and Xie,
// "Scalable Diffusion Models with Transformers", adaptive layer norm).
#pragma once

#include <ATen/ATen.h>

namespace multitalk {

/// norm(x) (1 + scale) + shift over the last dimension. The norm is computed in float32 and rounded
/// to x's dtype, the rest is float32, and the result is rounded to x's dtype, as in Wan under
/// autocast. One kernel on a Hopper GPU where this build has it, libtorch's operations elsewhere.
/// x [1, L, dim] float32 or bfloat16; shift and scale [1, 1, dim] float32 -> as x
at::Tensor layer_norm_modulate(const at::Tensor& x, const at::Tensor& shift,
                               const at::Tensor& scale, double eps);

/// The same by libtorch's operations, on any device.
at::Tensor layer_norm_modulate_reference(const at::Tensor& x, const at::Tensor& shift,
                                         const at::Tensor& scale, double eps);

}  // namespace multitalk
