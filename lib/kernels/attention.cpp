#include "kernels/attention.h"

namespace multitalk {

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const std::optional<at::Tensor>& bias, std::optional<double> scale) {
  return at::scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2),
                                          bias, /*dropout_p=*/0.0, /*is_causal=*/false, scale)
      .transpose(1, 2);
}

}  // namespace multitalk
