// The golden cases on a GPU: every module, and the whole program with the CPU's noise. Skipped
// where there is no GPU. Prints the worst figures, for docs/parity.md.
#include "has_gpu.h"
#include "support/catch.h"
#include "support/figures.h"
#include "support/golden.h"
#include "support/golden_e2e.h"
#include "support/probe_cases.h"

namespace multitalk::test {
namespace {

void check_modules(const std::vector<ProbeCase>& cases, const std::string& dtype,
                   double tolerance) {
  WorstFigures worst("cuda " + dtype);
  for (const ProbeCase& probe_case : cases) {
    run_probe_case(probe_case, "cuda", dtype,
                   [&](const std::string& name, const at::Tensor& ours, const at::Tensor& theirs) {
                     if (!at::isFloatingType(theirs.scalar_type())) return;
                     const double distance = relative_l2(ours, theirs);
                     INFO(probe_case.file << ": " << name);
                     CHECK(distance <= tolerance);
                     worst.note(probe_case.request.module, distance);
                   });
  }
}

void check_renders(const std::string& dtype, double tolerance,
                   const std::vector<std::string>& more = {}) {
  WorstFigures worst("cuda " + dtype);
  for (const std::string& name : golden_renders()) {
    run_golden_render(
        name, "cuda", dtype,
        [&](const std::string& tensor, const at::Tensor& ours, const at::Tensor& theirs) {
          if (!tensor.ends_with("_latent_final")) return;
          const double distance = relative_l2(ours, theirs);
          INFO(name << ": " << tensor);
          CHECK(distance <= tolerance);
          worst.note("render " + name, distance);
        },
        more);
  }
}

}  // namespace

TEST_CASE("golden modules on a GPU in float32", "[gpu]") {
  if (has_gpu()) check_modules(probe_cases(), "fp32", 1e-3);
}

TEST_CASE("golden modules on a GPU in bfloat16", "[gpu]") {
  if (has_gpu()) check_modules(probe_cases(), "bf16", 2e-2);
}

// Not in bfloat16, where a token near two classes may take the other one.
TEST_CASE("LoRAs and quantised weights on a GPU in float32", "[gpu]") {
  if (has_gpu()) check_modules(adapted_probe_cases(), "fp32", 1e-3);
}

TEST_CASE("golden renders on a GPU in float32", "[gpu]") {
  if (has_gpu()) check_renders("fp32", 1e-3);
}

TEST_CASE("golden renders with most weights in host memory", "[gpu]") {
  if (has_gpu()) check_renders("fp32", 1e-3, {"--num_persistent_param_in_dit", "1000"});
}

// Rounding adds up over steps and clips; this only tells a right video from a wrong one.
TEST_CASE("golden renders on a GPU in bfloat16", "[gpu]") {
  if (has_gpu()) check_renders("bf16", 0.3);
}

}  // namespace multitalk::test
