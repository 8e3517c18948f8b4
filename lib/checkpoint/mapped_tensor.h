// Tensors that view a mapped file.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/file.h"

namespace multitalk {

/// The product of a shape; nothing where a size is negative, the product is beyond all memories, or
/// there are more dimensions than torch has.
std::optional<int64_t> checked_numel(const std::vector<int64_t>& shape);

/// A row-major tensor over the bytes of `file` from `offset` on, which the caller has checked to
/// lie in the file. Views them and keeps the mapping alive; copied where they are not aligned. With
/// the last reference to a view its pages go back to the system's file cache.
at::Tensor view_mapped(const std::shared_ptr<const MappedFile>& file, std::uint64_t offset,
                       const std::vector<int64_t>& shape, at::ScalarType dtype);

}  // namespace multitalk
