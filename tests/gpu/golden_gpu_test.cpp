// The golden cases of every module on a GPU; skipped where there is none. Prints the worst figure
// of each module, for docs/parity.md.
#include <algorithm>
#include <iostream>
#include <map>

#include "base/device.h"
#include "base/error.h"
#include "support/catch.h"
#include "support/golden.h"
#include "support/probe_cases.h"

namespace multitalk::test {
namespace {

bool has_gpu() {
  try {
    resolve_device("cuda");
    return true;
  } catch (const Error&) {
    return false;
  }
}

void check_all(const std::vector<ProbeCase>& cases, const std::string& dtype, double tolerance) {
  std::map<std::string, double> worst;
  for (const ProbeCase& probe_case : cases) {
    double& figure = worst[probe_case.request.module];
    run_probe_case(probe_case, "cuda", dtype,
                   [&](const std::string& name, const at::Tensor& ours, const at::Tensor& theirs) {
                     if (!at::isFloatingType(theirs.scalar_type())) return;
                     const double distance = relative_l2(ours, theirs);
                     INFO(probe_case.file << ": " << name);
                     CHECK(distance <= tolerance);
                     figure = std::max(figure, distance);
                   });
  }
  for (const auto& [module, figure] : worst) {
    std::cout << "cuda " << dtype << " " << module << ": worst relative L2 " << figure << "\n";
  }
}

}  // namespace

TEST_CASE("golden cases on a GPU in float32", "[gpu]") {
  if (!has_gpu()) {
    WARN("skipped: no GPU");
    return;
  }
  check_all(probe_cases(), "fp32", 1e-3);
  // Not in bfloat16, where a token near two classes may take the other one.
  check_all(adapted_probe_cases(), "fp32", 1e-3);
}

TEST_CASE("golden cases on a GPU in bfloat16", "[gpu]") {
  if (!has_gpu()) {
    WARN("skipped: no GPU");
    return;
  }
  check_all(probe_cases(), "bf16", 2e-2);
}

}  // namespace multitalk::test
