// One module of a checkpoint on given tensors: for golden tests, and for users who check weights
// that they converted.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/adaptation.h"
#include "pipeline/task.h"

namespace multitalk {

struct ProbeRequest {
  std::string module;                         ///< one of probe_modules()
  std::vector<std::filesystem::path> inputs;  ///< .safetensors; for umt5 also a .json of prompts
  std::filesystem::path output;
  std::filesystem::path checkpoint_dir;
  std::filesystem::path wav2vec_dir;
  std::string device = "auto";
  std::string dtype = "fp32";
  AdaptationOptions adaptation;  ///< of modules dit, teacache and umt5

  // Of module teacache only.
  Task task;
  std::string size;
  int steps = 40;
  double shift = 0;  ///< the size's own where 0
  double teacache_thresh = 0.2;
};

/// Names that --help and errors list.
const std::vector<std::string>& probe_modules();

/// Runs the module and writes its outputs and captures, named as in the golden cases: inputs may be
/// called "x" or "in_x", captures come out as "cap_...". docs/user-guide.md has the table. Throws
/// input errors for missing inputs and weights errors for the checkpoint.
void probe(const ProbeRequest& request);

}  // namespace multitalk
