// A place that named tensors come from, whatever the file format.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace multitalk {

/// What is known of a stored tensor without reading its data.
struct TensorInfo {
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
};

/// Read-only access to the tensors of one or several files.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  /// All names, sorted.
  virtual std::vector<std::string> names() const = 0;
  virtual bool contains(const std::string& name) const = 0;

  /// Throws a weights error that names the source where `name` is unknown.
  virtual TensorInfo info(const std::string& name) const = 0;

  /// The tensor on the CPU, in its stored dtype. Views the mapped file where the format allows; it
  /// stays valid as long as the tensor lives, and must not be written to.
  virtual at::Tensor tensor(const std::string& name) const = 0;

  /// The file that `name` comes from, for messages.
  virtual std::string origin(const std::string& name) const = 0;
};

/// The files that the tensors of `source` come from.
inline std::set<std::string> files_of(const TensorSource& source) {
  std::set<std::string> files;
  const std::vector<std::string> names = source.names();
  for (const std::string& name : names) files.insert(source.origin(name));
  return files;
}

}  // namespace multitalk
