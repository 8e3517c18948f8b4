// Which device computes, and how much memory it has.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string_view>

namespace multitalk {

/// "cpu", "cuda", "cuda:N" or "auto" (CUDA where a GPU can be used, else the CPU) to a device.
/// Loads libtorch's CUDA half where needed. Throws an input error for another word and a resource
/// error where CUDA was asked for and there is no GPU, saying why. Call it before anything else
/// asks libtorch about CUDA: libtorch remembers the answer.
at::Device resolve_device(std::string_view name);

struct MemoryInfo {
  std::uint64_t free_bytes = 0;
  std::uint64_t total_bytes = 0;
};

/// Free and total memory of the device (of the host for the CPU).
MemoryInfo memory_info(at::Device device);

/// The most memory that was in use at once: of this process for the CPU, of libtorch's tensors for
/// a GPU.
std::uint64_t peak_bytes(at::Device device);

/// A generator of its own, seeded: the same seed gives the numbers that torch.manual_seed(seed)
/// gives on the same kind of device.
at::Generator make_generator(at::Device device, std::uint64_t seed);

/// Whether float32 convolutions on a GPU may be computed in TF32 (10 bits), as by PyTorch's
/// default. Also makes cuDNN choose deterministic algorithms, as the reference does.
void allow_tf32(bool allowed);

/// Waits until the device has done all that was asked of it; nothing on the CPU.
void synchronize(at::Device device);

}  // namespace multitalk
