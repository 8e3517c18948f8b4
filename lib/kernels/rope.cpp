#include "kernels/rope.h"

#include "base/error.h"
#include "base/text.h"

namespace multitalk {

namespace {

constexpr double kBase = 10000.0;

// Angles of positions 0 .. count - 1 for `pairs` pairs: float64 [count, pairs].
at::Tensor axis_angles(int64_t count, int64_t pairs, at::Device device) {
  const auto options = at::TensorOptions(device).dtype(at::kDouble);
  const at::Tensor exponent = at::arange(0, 2 * pairs, 2, options).div(2.0 * pairs);
  return at::outer(at::arange(count, options), at::pow(kBase, exponent).reciprocal());
}

}  // namespace

at::Tensor rope_rotation_3d(const std::array<int64_t, 3>& grid, int64_t head_dim,
                            at::Device device) {
  const auto [frames, rows, columns] = grid;
  const int64_t space_pairs = head_dim / 6;
  const int64_t time_pairs = head_dim / 2 - 2 * space_pairs;
  const auto spread = [&](const at::Tensor& angles, std::array<int64_t, 3> shape) {
    return angles.view({shape[0], shape[1], shape[2], angles.size(1)})
        .expand({frames, rows, columns, angles.size(1)});
  };
  const at::Tensor angles =
      at::cat({spread(axis_angles(frames, time_pairs, device), {frames, 1, 1}),
               spread(axis_angles(rows, space_pairs, device), {1, rows, 1}),
               spread(axis_angles(columns, space_pairs, device), {1, 1, columns})},
              -1)
          .flatten(0, 2);
  return at::polar(at::ones_like(angles), angles).to(at::kComplexFloat);
}

at::Tensor rope_rotation_1d(const at::Tensor& positions, int64_t head_dim) {
  const auto options = at::TensorOptions(positions.device()).dtype(at::kFloat);
  const at::Tensor exponent =
      at::arange(0, head_dim, 2, options).div(static_cast<double>(head_dim));
  const at::Tensor angles =
      at::outer(positions.to(at::kFloat), at::pow(kBase, exponent).reciprocal());
  return at::complex(angles.cos(), angles.sin());
}

at::Tensor apply_rope(const at::Tensor& x, const at::Tensor& rotation) {
  MULTITALK_CHECK(x.dim() == 4 && rotation.dim() == 2 && x.size(1) == rotation.size(0) &&
                      x.size(3) == 2 * rotation.size(1),
                  "rope: x {} against a rotation {}", format_shape(x.sizes().vec()),
                  format_shape(rotation.sizes().vec()));
  const at::Tensor pairs =
      at::view_as_complex(x.to(at::kFloat).contiguous().unflatten(-1, {rotation.size(1), 2}));
  return at::view_as_real(pairs * rotation.unsqueeze(1)).flatten(3).to(x.scalar_type());
}

}  // namespace multitalk
