// Weights by the name of their file, whatever their format.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace multitalk {

/// Opens by the ending: .safetensors, .safetensors.index.json (also with "_old" behind it), .pth,
/// .pt or .bin. Throws a weights error where the ending is another or the file cannot be read.
std::unique_ptr<TensorSource> open_weights(const std::filesystem::path& file);

/// The first of `names` that exists in `dir`. Throws a weights error that lists them all; `role`
/// says what is missing ("the text encoder").
std::filesystem::path find_weights(const std::filesystem::path& dir, const std::string& role,
                                   const std::vector<std::string>& names);

}  // namespace multitalk
