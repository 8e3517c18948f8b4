#include "base/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace multitalk {

std::string_view version() { return MULTITALK_VERSION; }

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::string closest_match(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string join_and(const std::vector<std::string>& words) {
  if (words.empty()) return "";
  if (words.size() == 1) return words.front();
  return fmt::format("{} and {}", fmt::join(words.begin(), words.end() - 1, ", "), words.back());
}

std::string format_shape(const std::vector<long>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string format_list(const std::string& kind, const std::vector<std::string>& rows) {
  constexpr std::size_t kMaxListed = 20;
  if (rows.empty()) return "";
  std::string text = fmt::format("\n  {} {}:", rows.size(), kind);
  for (std::size_t i = 0; i < rows.size() && i < kMaxListed; ++i) text += "\n    " + rows[i];
  if (rows.size() > kMaxListed) text += fmt::format("\n    and {} more", rows.size() - kMaxListed);
  return text;
}

}  // namespace multitalk
