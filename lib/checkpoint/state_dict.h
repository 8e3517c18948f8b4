// From a source to a module's parameters, with every tensor accounted for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/parameter.h"
#include "checkpoint/tensor_source.h"

namespace multitalk {

struct LoadOptions {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  ///< every floating tensor is converted to it

  /// Maps a parameter's name to its key in the source; identity where unset.
  std::function<std::string(const std::string&)> key_of;

  /// Keys of the source that the model may leave aside ("textual.*"); none where unset.
  std::function<bool(const std::string&)> may_ignore;
};

/// Compares names and shapes without reading any data. Throws one weights error that lists all that
/// is missing, unexpected or of another shape, with what was expected; `model` names it.
void check_state_dict(const std::string& model, const std::vector<Parameter>& parameters,
                      const TensorSource& source, const LoadOptions& options);

/// check_state_dict, then fills every slot, one tensor at a time: converted while streaming, never
/// held twice.
void load_state_dict(const std::string& model, const std::vector<Parameter>& parameters,
                     const TensorSource& source, const LoadOptions& options);

}  // namespace multitalk
