// From a source to a module's parameters, with every tensor accounted for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/parameter.h"
#include "checkpoint/tensor_source.h"

namespace multitalk {

struct LoadOptions {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  ///< every floating tensor is converted to it

  /// Parameters that stay on the CPU whatever the device, to be moved at use; none where unset.
  std::function<bool(const std::string&)> stays_on_cpu;

  /// Maps a parameter's name to its key in the source; identity where unset.
  std::function<std::string(const std::string&)> key_of;

  /// Keys of the source that the model may leave aside ("textual.*"); none where unset.
  std::function<bool(const std::string&)> may_ignore;

  /// Changes a parameter (its name, and the tensor on its device in its dtype, not to be written
  /// to) before it is stored, as a LoRA does; nothing where unset. Quantised tensors are not shown.
  std::function<at::Tensor(const std::string&, at::Tensor)> adjust;
};

/// The key of the scales of a quantised tensor. A tensor is quantised where the source has it.
std::string scale_key(const std::string& key);

/// Compares names and shapes without reading any data. Throws one weights error that lists all that
/// is missing, unexpected or of another shape, with what was expected; `model` names it.
void check_state_dict(const std::string& model, const std::vector<Parameter>& parameters,
                      const TensorSource& source, const LoadOptions& options);

/// check_state_dict, then fills every slot, one tensor at a time: converted while streaming, never
/// held twice. A quantised tensor keeps its stored dtype, and its scales become float32.
void load_state_dict(const std::string& model, const std::vector<Parameter>& parameters,
                     const TensorSource& source, const LoadOptions& options);

/// What the loaded parameters take up on the device, and the largest of those that are quantised or
/// stay on the CPU once more, in options.dtype, as it is when it is used.
std::uint64_t state_dict_bytes(const std::vector<Parameter>& parameters, const TensorSource& source,
                               const LoadOptions& options);

}  // namespace multitalk
