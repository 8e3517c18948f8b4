// torch.save files (.pth, .bin): a zip of one pickle and raw storages, read by a restricted
// unpickler that knows tensors, plain containers and numbers, and runs nothing.
#pragma once

#include <filesystem>
#include <memory>

#include "checkpoint/tensor_source.h"

namespace multitalk {

/// Opens a flat dict of tensors (a plain dict or an OrderedDict, or {"state_dict": {...}}). Throws
/// a weights error where the file is missing, truncated, not such a zip, or asks for anything that
/// is not a tensor of numbers.
std::unique_ptr<TensorSource> open_torch_pickle(const std::filesystem::path& file);

}  // namespace multitalk
