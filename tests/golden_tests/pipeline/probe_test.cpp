#include "pipeline/probe.h"

#include <algorithm>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "support/catch.h"
#include "support/figures.h"
#include "support/golden.h"
#include "support/probe_cases.h"
#include "support/process.h"

namespace multitalk::test {
namespace {

/// Returns how many tensors were compared.
std::size_t check_case(const ProbeCase& probe_case, WorstFigures& worst) {
  const double tolerance = golden_tolerance(probe_case.file).relative;
  std::size_t compared = 0;
  run_probe_case(probe_case, "cpu", "fp32",
                 [&](const std::string& name, const at::Tensor& ours, const at::Tensor& theirs) {
                   INFO(probe_case.file << ": " << name);
                   ++compared;
                   if (at::isFloatingType(theirs.scalar_type())) {
                     const double distance = relative_l2(ours, theirs);
                     CHECK(distance <= tolerance);
                     worst.note(probe_case.request.module, distance);
                   } else {
                     CHECK(at::equal(ours, theirs));
                   }
                 });
  return compared;
}

}  // namespace

TEST_CASE("every module probed on its golden inputs gives the official outputs", "[golden]") {
  WorstFigures worst("cpu fp32");
  for (const ProbeCase& probe_case : probe_cases()) check_case(probe_case, worst);
}

TEST_CASE("LoRAs and quantised weights give the official outputs", "[golden]") {
  WorstFigures worst("cpu fp32, LoRA or quantised,");
  for (const ProbeCase& probe_case : adapted_probe_cases()) {
    const std::size_t compared = check_case(probe_case, worst);
    if (probe_case.request.module != "dit") continue;
    INFO(probe_case.file << ": all tensors have a counterpart");
    CHECK(compared == read_safetensors(probe_case.expected).size());
  }
}

TEST_CASE("prompts are tokenised as by the official code", "[golden]") {
  for (ProbeCase probe_case : probe_cases()) {
    if (probe_case.request.module != "umt5") continue;
    probe_case.request.inputs = {probe_case.expected.parent_path() / "prompts.json"};
    run_probe_case(probe_case, "cpu", "fp32",
                   [&](const std::string& name, const at::Tensor& ours, const at::Tensor& theirs) {
                     INFO(name);
                     CHECK(relative_l2(ours, theirs) <= golden_tolerance(probe_case.file).relative);
                   });
  }
}

TEST_CASE("a probe names what it lacks", "[probe]") {
  const TemporaryFolder folder;
  ProbeRequest request = probe_cases().front().request;
  request.output = folder / "out.safetensors";
  SECTION("an unknown module") {
    request.module = "umt";
    REQUIRE_THROWS_AS(probe(request), Error);
  }
  SECTION("a missing tensor") {
    request.inputs.clear();
    REQUIRE_THROWS_AS(probe(request), Error);
  }
  CHECK_FALSE(std::filesystem::exists(request.output));
}

}  // namespace multitalk::test
