// What a module expects of its checkpoint: names, shapes, and where the loaded tensors go.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace multitalk {

/// One tensor that a module needs.
struct Parameter {
  std::string name;            ///< the whole key, as "blocks.0.self_attn.q.weight"
  std::vector<int64_t> shape;  ///< exactly; a checkpoint of another shape is refused
  at::Tensor* slot = nullptr;  ///< receives the tensor

  /// Receives the scales where the tensor is stored quantised, one a row; null where the module
  /// takes no quantised tensor.
  at::Tensor* scale = nullptr;
};

/// Collects the parameters of a module tree. A module's `declare(scope)` adds its own tensors and
/// hands `scope.child("name")` to its parts, so the keys come out as in the official checkpoints.
/// Nothing is allocated: a 14B tree can be listed anywhere.
class ParameterScope {
 public:
  explicit ParameterScope(std::vector<Parameter>& out, std::string prefix = "")
      : out_(&out), prefix_(std::move(prefix)) {}

  ParameterScope child(std::string_view name) const {
    return ParameterScope(*out_, prefix_ + std::string(name) + ".");
  }
  ParameterScope child(int64_t index) const { return child(std::to_string(index)); }

  void add(std::string_view name, at::Tensor& slot, std::vector<int64_t> shape) const {
    out_->push_back({prefix_ + std::string(name), std::move(shape), &slot});
  }

  /// A tensor that may also come quantised, with `scale` [rows, 1].
  void add_quantizable(std::string_view name, at::Tensor& slot, at::Tensor& scale,
                       std::vector<int64_t> shape) const {
    out_->push_back({prefix_ + std::string(name), std::move(shape), &slot, &scale});
  }

 private:
  std::vector<Parameter>* out_;
  std::string prefix_;
};

/// All parameters of a module, in declaration order.
template <typename Module>
std::vector<Parameter> parameters_of(Module& module) {
  std::vector<Parameter> parameters;
  module.declare(ParameterScope(parameters));
  return parameters;
}

}  // namespace multitalk
