// What the program says on standard error: text for people, JSON lines for machines.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <utility>

namespace multitalk::log {

enum class Format { kText, kJson };
enum class Level { kDebug, kInfo, kWarning, kError };

/// Where lines go and which are shown; standard error, text, info until called.
void configure(Format format, Level level);
Format format();

/// One line. In JSON: {"time": ..., "level": "info", "message": ...}.
void write(Level level, std::string_view message);

/// An event with fields of its own. In JSON: the fields beside "time" and "event"; in text,
/// nothing.
void event(std::string_view name, const nlohmann::json& fields);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace multitalk::log
