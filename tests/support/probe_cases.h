// Every golden case of a single module, run through `probe` on any device and in any dtype.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "pipeline/probe.h"

namespace multitalk::test {

/// What to run, and the file that holds the official outputs.
struct ProbeCase {
  ProbeRequest request;
  std::filesystem::path expected;
  std::string file;  ///< of the expectation, below models/
};

/// All cases in the golden folder of the modules that `probe` has. Fails where a kind has none.
std::vector<ProbeCase> probe_cases();

/// All cases of changed weights: LoRAs, and quantised transformers and text encoders; by what the
/// manifest says of them. Fails where a kind has none.
std::vector<ProbeCase> adapted_probe_cases();

/// Runs the case on a device and hands over each output that the official code has too: its name,
/// ours and theirs. Fails where the probe made none of them.
void run_probe_case(ProbeCase probe_case, const std::string& device, const std::string& dtype,
                    const std::function<void(const std::string& name, const at::Tensor& ours,
                                             const at::Tensor& theirs)>& compare);

}  // namespace multitalk::test
