// The launch of the fused kernel, on raw pointers: the one place that nvcc and the rest share.
#pragma once

#include <cstdint>

namespace multitalk {

struct LayerNormModulateArguments {
  const void* x;       ///< [rows, width], float32 or bfloat16, contiguous, on the device
  const float* shift;  ///< [width]
  const float* scale;  ///< [width]
  void* out;           ///< as x
  int64_t rows;
  int64_t width;
  float eps;
  bool bfloat16;
};

/// Queues the kernel on a cudaStream_t. False, and nothing queued, where the build holds no code
/// for the current device or the width is not served: a multiple of 8, at most 16384.
bool launch_layer_norm_modulate_sm90(const LayerNormModulateArguments& arguments, void* stream);

}  // namespace multitalk
