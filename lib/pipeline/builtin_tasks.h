// The task files of configs/, embedded into the binary by room.cmake.
#pragma once

#include <map>
#include <string_view>

namespace multitalk {

/// Name (the file's name without ".json") to the file's text.
const std::map<std::string_view, std::string_view>& builtin_tasks();

}  // namespace multitalk
