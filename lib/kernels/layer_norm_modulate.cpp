#include "kernels/layer_norm_modulate.h"

#include "base/error.h"
#include "base/text.h"

#ifdef MULTITALK_CUDA
#include <c10/core/GradMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "kernels/layer_norm_modulate_sm90.h"
#endif

namespace multitalk {

namespace {

void check_shapes(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale) {
  MULTITALK_CHECK(x.dim() == 3 && x.size(0) == 1 && shift.sizes() == scale.sizes() &&
                      shift.numel() == x.size(2) && shift.scalar_type() == at::kFloat &&
                      scale.scalar_type() == at::kFloat,
                  "modulate: x {}, shift {}, scale {}", format_shape(x.sizes().vec()),
                  format_shape(shift.sizes().vec()), format_shape(scale.sizes().vec()));
}

#ifdef MULTITALK_CUDA
/// Undefined where the kernel does not serve this device, dtype or width.
at::Tensor try_kernel(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale,
                      double eps) {
  const bool half = x.scalar_type() == at::kBFloat16;
  if (!x.is_cuda() || (!half && x.scalar_type() != at::kFloat)) return {};
  const c10::impl::VirtualGuardImpl guard(at::kCUDA);
  if (guard.getDevice() != x.device()) return {};
  const at::Tensor input = x.contiguous();
  const at::Tensor shifts = shift.contiguous();
  const at::Tensor scales = scale.contiguous();
  at::Tensor output = at::empty_like(input);
  const LayerNormModulateArguments arguments = {input.const_data_ptr(),
                                                shifts.const_data_ptr<float>(),
                                                scales.const_data_ptr<float>(),
                                                output.mutable_data_ptr(),
                                                x.size(1),
                                                x.size(2),
                                                static_cast<float>(eps),
                                                half};
  void* stream = guard.getStreamNativeHandle(guard.getStream(x.device()));
  return launch_layer_norm_modulate_sm90(arguments, stream) ? output : at::Tensor();
}
#endif

}  // namespace

at::Tensor layer_norm_modulate(const at::Tensor& x, const at::Tensor& shift,
                               const at::Tensor& scale, double eps) {
  check_shapes(x, shift, scale);
#ifdef MULTITALK_CUDA
  const bool wants_gradient = c10::GradMode::is_enabled() && x.requires_grad();
  if (!wants_gradient) {
    const at::Tensor fused = try_kernel(x, shift, scale, eps);
    if (fused.defined()) return fused;
  }
#endif
  return layer_norm_modulate_reference(x, shift, scale, eps);
}

at::Tensor layer_norm_modulate_reference(const at::Tensor& x, const at::Tensor& shift,
                                         const at::Tensor& scale, double eps) {
  const at::ScalarType dtype = x.scalar_type();
  const at::Tensor norm =
      at::layer_norm(x.to(at::kFloat), {x.size(-1)}, {}, {}, eps).to(dtype).to(at::kFloat);
  return at::addcmul(shift, norm, 1 + scale).to(dtype);
}

}  // namespace multitalk
