// Weights in 8 bits with one scale a row: `X` in float8 e4m3 beside `X_scale`, float32 [rows, 1].
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>

#include "checkpoint/tensor_source.h"

namespace multitalk {

/// The name of the scales of `weight`: "blocks.0.ffn.0.weight" to "blocks.0.ffn.0.weight_scale".
std::string scale_name(const std::string& weight);

/// The scales that make the largest value of each row the largest of e4m3, 448. weight [rows, n]
/// float32 -> [rows, 1] float32. Throws a weights error where a value is not finite.
at::Tensor row_scales(const at::Tensor& weight);

/// weight [rows, n] float32, scales [rows, 1] -> [rows, n] float8 e4m3, rounded to nearest. A value
/// w comes back as w' with |w' - w| <= max(2^-4 |w|, 2^-10 scale): e4m3 has 3 bits of mantissa and
/// its subnormals are 2^-9 apart.
at::Tensor quantize_rows(const at::Tensor& weight, const at::Tensor& scales);

/// The same tensors, with the scales under the names that load_state_dict takes (scale_key), so
/// that the weights stay in 8 bits in memory.
std::unique_ptr<TensorSource> kept_scaled(std::unique_ptr<TensorSource> source);

/// The same tensors, but those that have scales beside them are multiplied by them and come as
/// float32, and the scales are hidden. Tensors without scales come as they are.
std::unique_ptr<TensorSource> dequantized(std::unique_ptr<TensorSource> source);

}  // namespace multitalk
