// Small helpers for messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace multitalk {

/// The program's version, "0.1.0".
std::string_view version();

/// The candidate nearest to `word` by edit distance, or "" where none is near enough to suggest.
std::string closest_match(std::string_view word, const std::vector<std::string>& candidates);

/// "a, b and c".
std::string join_and(const std::vector<std::string>& words);

/// "[1, 3, 48, 80]".
std::string format_shape(const std::vector<long>& shape);

/// "\n  3 missing:" and below it the rows, one a line, of many the first 20. "" where there is
/// none.
std::string format_list(const std::string& kind, const std::vector<std::string>& rows);

}  // namespace multitalk
