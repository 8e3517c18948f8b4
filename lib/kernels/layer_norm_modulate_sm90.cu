// One block a row. Each thread keeps its part of the row in registers, so that the row is read once
// and written once; mean and variance are two reductions over the block.
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "kernels/layer_norm_modulate_sm90.h"

namespace multitalk {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kVector = 8;  // elements of a load: 16 bytes of bfloat16, two loads of float32

template <typename T>
__device__ void load_vector(const T* from, float (&to)[kVector]);

template <>
__device__ void load_vector(const float* from, float (&to)[kVector]) {
  const float4 low = reinterpret_cast<const float4*>(from)[0];
  const float4 high = reinterpret_cast<const float4*>(from)[1];
  to[0] = low.x, to[1] = low.y, to[2] = low.z, to[3] = low.w;
  to[4] = high.x, to[5] = high.y, to[6] = high.z, to[7] = high.w;
}

template <>
__device__ void load_vector(const __nv_bfloat16* from, float (&to)[kVector]) {
  const uint4 packed = *reinterpret_cast<const uint4*>(from);
  const auto* pairs = reinterpret_cast<const __nv_bfloat162*>(&packed);
#pragma unroll
  for (int i = 0; i < kVector / 2; ++i) {
    const float2 pair = __bfloat1622float2(pairs[i]);
    to[2 * i] = pair.x;
    to[2 * i + 1] = pair.y;
  }
}

__device__ void store_vector(float* to, const float (&from)[kVector]) {
  reinterpret_cast<float4*>(to)[0] = make_float4(from[0], from[1], from[2], from[3]);
  reinterpret_cast<float4*>(to)[1] = make_float4(from[4], from[5], from[6], from[7]);
}

__device__ void store_vector(__nv_bfloat16* to, const float (&from)[kVector]) {
  uint4 packed;
  auto* pairs = reinterpret_cast<__nv_bfloat162*>(&packed);
#pragma unroll
  for (int i = 0; i < kVector / 2; ++i) {
    pairs[i] = __floats2bfloat162_rn(from[2 * i], from[2 * i + 1]);
  }
  *reinterpret_cast<uint4*>(to) = packed;
}

__device__ float rounded(float value, const float*) { return value; }
__device__ float rounded(float value, const __nv_bfloat16*) {
  return __bfloat162float(__float2bfloat16_rn(value));
}

/// The sum over the block, in every thread.
__device__ float block_sum(float value) {
  __shared__ float partial[kWarps];
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffff, value, offset);
  }
  __syncthreads();  // the last sum has been read by all
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) sum += partial[warp];
  return sum;
}

/// kVectors: loads a thread, so that kThreads * kVectors * kVector >= width.
template <typename T, int kVectors>
__global__ void __launch_bounds__(kThreads) kernel(LayerNormModulateArguments a) {
  const auto width = static_cast<int>(a.width);
  const T* row = static_cast<const T*>(a.x) + blockIdx.x * a.width;
  T* out = static_cast<T*>(a.out) + blockIdx.x * a.width;

  float values[kVectors][kVector];
  float sum = 0;
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int at = (v * kThreads + static_cast<int>(threadIdx.x)) * kVector;
    if (at < width) load_vector(row + at, values[v]);
#pragma unroll
    for (int i = 0; i < kVector; ++i) {
      if (at >= width) values[v][i] = 0;
      sum += values[v][i];
    }
  }
  const float mean = block_sum(sum) / width;

  float squares = 0;
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int at = (v * kThreads + static_cast<int>(threadIdx.x)) * kVector;
#pragma unroll
    for (int i = 0; i < kVector; ++i) {
      const float centred = at < width ? values[v][i] - mean : 0;
      squares += centred * centred;
    }
  }
  const float inverse_std = rsqrtf(block_sum(squares) / width + a.eps);

#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int at = (v * kThreads + static_cast<int>(threadIdx.x)) * kVector;
    if (at >= width) continue;
    float shift[kVector];
    float scale[kVector];
    load_vector(a.shift + at, shift);
    load_vector(a.scale + at, scale);
#pragma unroll
    for (int i = 0; i < kVector; ++i) {
      const float norm = rounded((values[v][i] - mean) * inverse_std, static_cast<const T*>(0));
      values[v][i] = norm * (1 + scale[i]) + shift[i];
    }
    store_vector(out + at, values[v]);
  }
}

template <typename T>
bool launch(const LayerNormModulateArguments& a, cudaStream_t stream) {
  const int64_t vectors = (a.width + kThreads * kVector - 1) / (kThreads * kVector);
  const auto run = [&](auto function) {
    cudaFuncAttributes attributes;
    if (cudaFuncGetAttributes(&attributes, function) != cudaSuccess) {
      cudaGetLastError();  // no code for this device: not an error of later calls
      return false;
    }
    function<<<static_cast<unsigned>(a.rows), kThreads, 0, stream>>>(a);
    return cudaGetLastError() == cudaSuccess;
  };
  if (vectors <= 1) return run(kernel<T, 1>);
  if (vectors <= 3) return run(kernel<T, 3>);
  return run(kernel<T, 8>);
}

}  // namespace

bool launch_layer_norm_modulate_sm90(const LayerNormModulateArguments& a, void* stream) {
  constexpr int64_t kWidest = 8 * kThreads * kVector;
  if (a.width % kVector != 0 || a.width > kWidest || a.rows < 1 || a.rows > 0x7fffffff) {
    return false;
  }
  auto* queue = static_cast<cudaStream_t>(stream);
  return a.bfloat16 ? launch<__nv_bfloat16>(a, queue) : launch<float>(a, queue);
}

}  // namespace multitalk
