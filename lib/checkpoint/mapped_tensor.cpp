#include "checkpoint/mapped_tensor.h"

#include <algorithm>
#include <cstring>

namespace multitalk {

std::optional<int64_t> checked_numel(const std::vector<int64_t>& shape) {
  constexpr std::size_t kMaxDims = 64;  // of a torch tensor
  constexpr int64_t kLimit = int64_t{1} << 59;
  if (shape.size() > kMaxDims) return std::nullopt;
  int64_t strides = 1;  // what torch computes, where an empty dimension counts as 1
  int64_t numel = 1;
  for (const int64_t size : shape) {
    if (size < 0 || (size > 0 && strides > kLimit / size)) return std::nullopt;
    strides *= std::max<int64_t>(size, 1);
    numel *= size;
  }
  return numel;
}

namespace {

std::size_t numel_bytes(const std::vector<int64_t>& shape, at::ScalarType dtype) {
  return static_cast<std::size_t>(c10::multiply_integers(shape)) * c10::elementSize(dtype);
}

}  // namespace

at::Tensor view_mapped(const std::shared_ptr<const MappedFile>& file, std::uint64_t offset,
                       const std::vector<int64_t>& shape, at::ScalarType dtype) {
  const at::TensorOptions options = at::device(at::kCPU).dtype(dtype);
  const std::byte* bytes = file->data() + offset;
  if (reinterpret_cast<std::uintptr_t>(bytes) % c10::elementSize(dtype) != 0) {
    at::Tensor copy = at::empty(shape, options);
    std::memcpy(copy.data_ptr(), bytes, copy.nbytes());
    return copy;
  }
  const auto release = [file, offset, size = numel_bytes(shape, dtype)](void*) {
    file->release(offset, size);
  };
  return at::from_blob(const_cast<std::byte*>(bytes), shape, release, options);
}

}  // namespace multitalk
