// Stand-ins for checkpoints: the official files' names and shapes (tests/manifests), and random
// weights of any size.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "checkpoint/parameter.h"
#include "checkpoint/tensor_source.h"
#include "support/catch.h"

namespace multitalk::test {

/// The tensors of an official checkpoint without their data, from tests/manifests/<name>.json.
class ManifestSource : public TensorSource {
 public:
  explicit ManifestSource(const std::string& name)
      : file_(std::string(MULTITALK_SOURCE_DIR) + "/tests/manifests/" + name + ".json") {
    INFO(file_);
    std::ifstream stream(file_);
    REQUIRE(stream.good());
    shapes_ = nlohmann::json::parse(stream).at("shapes");
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, shape] : shapes_.items()) names.push_back(name);
    return names;
  }
  bool contains(const std::string& name) const override { return shapes_.contains(name); }
  TensorInfo info(const std::string& name) const override {
    if (!contains(name)) throw weights_error("{}: no tensor {}", file_, name);
    return {at::kFloat, shapes_.at(name).get<std::vector<int64_t>>()};
  }
  at::Tensor tensor(const std::string& name) const override {
    throw internal_error("{} holds no data; {} was asked for", file_, name);
  }
  std::string origin(const std::string&) const override { return file_; }

  /// Renames or adds a tensor, to make a variant of the official file.
  void add(const std::string& name, const std::vector<int64_t>& shape) { shapes_[name] = shape; }
  void remove(const std::string& name) { shapes_.erase(name); }

 private:
  std::string file_;
  nlohmann::json shapes_;
};

/// Fills every parameter of a module with small normal numbers; the same seed gives the same
/// numbers, rounded to the dtype. Vectors (norms, biases) are near one.
template <typename Module>
void fill_randomly(Module& module, at::ScalarType dtype, uint64_t seed = 1) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  for (const Parameter& parameter : parameters_of(module)) {
    const bool is_vector = parameter.shape.size() == 1;
    *parameter.slot =
        (at::randn(parameter.shape, generator, at::kFloat) * 0.1 + (is_vector ? 1.0 : 0.0))
            .to(dtype);
  }
}

}  // namespace multitalk::test
