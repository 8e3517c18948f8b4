// Checkpoints that optimum-quanto quantised: a safetensors file and a JSON map of its modules.
// https://github.com/huggingface/optimum-quanto
#pragma once

#include <filesystem>
#include <memory>

#include "checkpoint/tensor_source.h"

namespace multitalk {

/// Opens a file of X.weight._data (int8 or float8) and X.weight._scale (float, one a row) for every
/// module X in `map`, and plain tensors beside them. X.weight._data is presented as X.weight, so
/// that the names are those of the unquantised model, with scale_key(X.weight) beside it; the
/// scales of activations, which are not quantised, are left out. Throws a weights error where a
/// file is missing or broken, the two do not fit each other, or activations are quantised.
std::unique_ptr<TensorSource> open_quanto(const std::filesystem::path& file,
                                          const std::filesystem::path& map);

}  // namespace multitalk
