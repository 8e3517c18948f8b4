#include "base/device.h"

#include <ATen/Context.h>

#include <string>

#include "base/error.h"
#include "support/catch.h"

namespace multitalk {
namespace {

ExitCode code_for(const std::string& name) {
  try {
    resolve_device(name);
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("--device " + name) != std::string::npos);
    if (error.code() == ExitCode::kResources) CHECK_FALSE(error.what() == error.hint());
    return error.code();
  }
  return ExitCode::kDone;
}

/// Asked first, before anything else asks libtorch about CUDA.
bool has_gpu() {
  static const bool found = resolve_device("auto").is_cuda();
  return found;
}

TEST_CASE("words that name no device are input errors", "[base]") {
  has_gpu();
  CHECK(resolve_device("cpu").is_cpu());
  for (const char* name : {"", "gpu", "CPU", "cud", "cudax", "cuda:", "cuda:x", "cuda:-1",
                           "cuda:12345", "cuda:1 ", "cpu:0"}) {
    CAPTURE(name);
    CHECK(code_for(name) == ExitCode::kInput);
  }
}

TEST_CASE("a GPU that is not there is a resource error", "[base]") {
  CHECK(code_for("cuda:999") == ExitCode::kResources);
  CHECK(code_for("cuda") == (has_gpu() ? ExitCode::kDone : ExitCode::kResources));
}

TEST_CASE("the peak of memory only grows", "[base]") {
  const std::uint64_t before = peak_bytes(at::kCPU);
  CHECK(before > 1'000'000);
  CHECK(before < memory_info(at::kCPU).total_bytes);
  const std::string touched(std::size_t{2} * before, 'x');
  CHECK(peak_bytes(at::kCPU) >= touched.size());
  if (has_gpu()) {
    const at::Device gpu = resolve_device("cuda");
    const at::Tensor tensor = at::ones({1000, 1000}, at::TensorOptions().device(gpu));
    CHECK(peak_bytes(gpu) >= tensor.nbytes());
  }
}

TEST_CASE("memory is known on every device", "[base]") {
  const MemoryInfo memory = memory_info(resolve_device("auto"));
  CHECK(memory.free_bytes > 0);
  CHECK(memory.total_bytes >= memory.free_bytes);
  CHECK(memory_info(at::kCPU).total_bytes > (100u << 20));
}

TEST_CASE("a generator gives the numbers that manual_seed gives", "[base]") {
  const at::Device device = resolve_device("auto");
  for (const std::uint64_t seed : {0ull, 42ull, 123456789012345ull}) {
    CAPTURE(seed);
    at::manual_seed(seed);
    const at::TensorOptions options = at::TensorOptions().dtype(at::kFloat).device(device);
    // A second draw, so that the state after the first one counts too; 5 is below the size from
    // which the CPU draws in blocks.
    const at::Tensor block = at::randn({16, 3, 6, 10}, options);
    const at::Tensor few = at::randn({5}, options);
    at::Generator generator = make_generator(device, seed);
    CHECK(at::equal(at::randn({16, 3, 6, 10}, generator, options), block));
    CHECK(at::equal(at::randn({5}, generator, options), few));
  }
  synchronize(device);
}

TEST_CASE("generators do not disturb each other", "[base]") {
  at::Generator first = make_generator(at::kCPU, 1);
  at::Generator second = make_generator(at::kCPU, 1);
  const at::Tensor alone = at::randn({32}, first);
  at::randn({32});
  CHECK(at::equal(at::randn({32}, second), alone));
}

}  // namespace
}  // namespace multitalk
