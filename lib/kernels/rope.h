// Rotary position embedding: neighbouring pairs of a head's numbers are rotated by angles that grow
// with the token's position (RoFormer, arXiv:2104.09864).
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>

namespace multitalk {

/// The rotation of every token of a video, frame by frame and row by row, as Wan's `rope_params`
/// and `rope_apply` have it: of the head_dim / 2 pairs, d/2 - 2 (d/6) turn with the frame, d/6 with
/// the row and d/6 with the column (22, 21 and 21 pairs for 128). `grid` is {frames, rows, columns}
/// in tokens. Angles are computed in float64.
/// -> complex64 [frames * rows * columns, head_dim / 2]
at::Tensor rope_rotation_3d(const std::array<int64_t, 3>& grid, int64_t head_dim,
                            at::Device device);

/// The rotation of tokens at any real positions, as MultiTalk's `RotaryPositionalEmbedding1D` has
/// it; in float32. positions [L] -> complex64 [L, head_dim / 2]
at::Tensor rope_rotation_1d(const at::Tensor& positions, int64_t head_dim);

/// Rotates the pairs (0, 1), (2, 3), ... of x [B, L, H, D] by rotation [L, D / 2]. Computed in
/// float32, returned in x's dtype.
at::Tensor apply_rope(const at::Tensor& x, const at::Tensor& rotation);

}  // namespace multitalk
