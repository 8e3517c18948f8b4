// The names that the safetensors format has for dtypes.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <string_view>

namespace multitalk {

/// "BF16" to its dtype. Throws a weights error for a name that the format does not have.
at::ScalarType safetensors_dtype(const std::string& name);

/// The name of a dtype; an internal error where the format has none.
std::string_view safetensors_dtype_name(at::ScalarType dtype);

}  // namespace multitalk
