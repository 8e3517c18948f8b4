// The program against the official generate_multitalk.py, whole, on any device.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace multitalk::test {

/// The cases in models/e2e of the golden folder. Fails where there is none.
std::vector<std::string> golden_renders();

/// The tolerance that models/manifest.json states for a case: of latents, relative L2.
double golden_render_tolerance(const std::string& name);

/// Renders a case with its own command line, --compat reference, the CPU's noise and the flags
/// `more`, and hands over every tensor of the official trace beside ours. Fails where the program
/// fails or one is missing.
void run_golden_render(const std::string& name, const std::string& device, const std::string& dtype,
                       const std::function<void(const std::string& tensor, const at::Tensor& ours,
                                                const at::Tensor& theirs)>& compare,
                       const std::vector<std::string>& more = {});

}  // namespace multitalk::test
