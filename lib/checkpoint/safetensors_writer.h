// Writes the safetensors format tensor by tensor: what is known of all of them goes into the header
// first, so that no more than a piece of one need be in memory.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/digest.h"
#include "checkpoint/tensor_source.h"

namespace multitalk {

/// The data of a file begins at a multiple of so many bytes, as libtorch's own memory does: kernels
/// may sum in another order where their operands are aligned otherwise.
inline constexpr std::uint64_t kTensorAlignment = 64;

/// A tensor that is going to be written.
struct TensorSpec {
  std::string name;
  TensorInfo info;
};

/// Of the tensor's data.
std::uint64_t byte_size(const TensorInfo& info);

/// Of the whole file that a SafetensorsWriter makes of these tensors, without metadata.
std::uint64_t safetensors_file_bytes(const std::vector<TensorSpec>& tensors);

/// One file, in the order of `tensors`. It appears under its name when it is finished.
class SafetensorsWriter {
 public:
  /// Writes the header. Throws an input error where no file can be made there, and a resource error
  /// where the disk is full; so do append() and finish(). A tensor is aligned where
  /// the sizes of those before it add up to a multiple of its alignment.
  SafetensorsWriter(const std::filesystem::path& file, std::vector<TensorSpec> tensors,
                    const std::map<std::string, std::string>& metadata = {});

  /// The next elements, in row-major order: a whole tensor, or as many of its rows as the caller
  /// likes. Any device; in the dtype of the tensor that is being written, and not beyond its end.
  void append(const at::Tensor& rows);

  /// To be called when every tensor is whole. Size and SHA-256 of the file, taken while writing.
  FileDigest finish();

 private:
  void skip_full_tensors();

  std::vector<TensorSpec> tensors_;
  HashingWriter writer_;
  std::size_t current_ = 0;     // the tensor that is being written
  std::uint64_t appended_ = 0;  // bytes of it
};

}  // namespace multitalk
