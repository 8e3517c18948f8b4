// Scaled dot-product attention, softmax(q k^T / sqrt(d)) v, through libtorch's fused kernel.
#pragma once

#include <ATen/ATen.h>

#include <optional>

namespace multitalk {

/// q [B, Lq, H, D], k [B, Lk, H, D], v [B, Lk, H, Dv] -> [B, Lq, H, Dv], in v's dtype. `bias` is
/// added to the scores and must broadcast to [B, H, Lq, Lk]; `scale` is 1 / sqrt(D) where unset.
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const std::optional<at::Tensor>& bias = std::nullopt,
                     std::optional<double> scale = std::nullopt);

}  // namespace multitalk
