// What the shapes in a checkpoint tell of a model's dimensions, for models without a config file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace multitalk {

/// The shape of `name`, with so many dimensions. Throws a weights error where the tensor is missing
/// or has another number of dimensions.
std::vector<int64_t> shape_of(const TensorSource& source, const std::string& name,
                              std::size_t dimensions);

/// How many blocks there are: tensors prefix + "0" + suffix, prefix + "1" + suffix, ... without a
/// gap.
int64_t count_blocks(const TensorSource& source, const std::string& prefix,
                     const std::string& suffix);

}  // namespace multitalk
