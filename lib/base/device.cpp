#include "base/device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"

namespace multitalk {

namespace {

/// Why the CUDA half cannot be used, or "" once it is loaded and sees a GPU. libtorch_cuda
/// registers its kernels while it is loaded; it lies beside libtorch_cpu.
std::string load_cuda() {
  Dl_info info{};
  // Any function of libtorch_cpu tells where that library lies.
  if (::dladdr(reinterpret_cast<void*>(&at::globalContext), &info) == 0) {
    return "libtorch_cpu.so cannot be located";
  }
  const auto library = std::filesystem::path(info.dli_fname).parent_path() / "libtorch_cuda.so";
  if (!std::filesystem::exists(library)) return library.string() + " does not exist";
  if (::dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) return ::dlerror();
  if (!at::globalContext().hasCUDA()) return "no CUDA device was found";
  at::globalContext().lazyInitDevice(at::kCUDA);
  return "";
}

const std::string& cuda_problem() {
  static const std::string problem = load_cuda();
  return problem;
}

/// The N of "cuda:N"; 0 for "cuda".
int cuda_index(std::string_view name) {
  if (name == "cuda") return 0;
  const std::string digits(name.substr(5));
  if (digits.empty() || digits.size() > 3 ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    throw input_error("--device {}: expected cuda:N with a number N", name);
  }
  return std::stoi(digits);
}

at::Device cuda_device(std::string_view name) {
  const int index = cuda_index(name);
  if (!cuda_problem().empty()) {
    throw resource_error("--device {}: no GPU can be used: {}", name, cuda_problem())
        .with_hint(
            "check `nvidia-smi`; `scripts/setup --cuda` brings the CUDA libraries; "
            "--device cpu computes without a GPU");
  }
  const int count = at::detail::getCUDAHooks().getNumGPUs();
  if (index >= count) {
    throw resource_error("--device {}: this machine has {} GPU{}", name, count,
                         count == 1 ? "" : "s");
  }
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

}  // namespace

at::Device resolve_device(std::string_view name) {
  if (name == "cpu") return at::kCPU;
  if (name == "auto") return cuda_problem().empty() ? at::Device(at::kCUDA, 0) : at::kCPU;
  if (name == "cuda" || name.substr(0, 5) == "cuda:") return cuda_device(name);
  throw input_error("--device {}: expected cpu, cuda, cuda:N or auto", name);
}

namespace {

MemoryInfo host_memory() {
  std::ifstream meminfo("/proc/meminfo");
  MemoryInfo result;
  std::string key;
  std::uint64_t kib = 0;
  std::string unit;
  while (meminfo >> key >> kib) {
    std::getline(meminfo, unit);
    if (key == "MemTotal:") result.total_bytes = kib * 1024;
    if (key == "MemAvailable:") result.free_bytes = kib * 1024;
  }
  return result;
}

}  // namespace

MemoryInfo memory_info(at::Device device) {
  if (device.is_cpu()) return host_memory();
  const auto [free_bytes, total_bytes] =
      at::getDeviceAllocator(device.type())->getMemoryInfo(device.index());
  return {free_bytes, total_bytes};
}

std::uint64_t peak_bytes(at::Device device) {
  if (device.is_cpu()) {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  }
  constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const auto stats = at::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  return static_cast<std::uint64_t>(stats.allocated_bytes[kAll].peak);
}

at::Generator make_generator(at::Device device, std::uint64_t seed) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(seed);
  at::Generator generator = at::detail::getCUDAHooks().getNewGenerator(device.index());
  generator.set_current_seed(seed);
  return generator;
}

void allow_tf32(bool allowed) {
  at::Context& context = at::globalContext();
  context.setAllowTF32CuDNN(allowed);
  context.setDeterministicCuDNN(true);
}

void synchronize(at::Device device) {
  if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

}  // namespace multitalk
