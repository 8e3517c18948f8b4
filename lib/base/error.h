// One exception type for everything that can go wrong, with the exit code that it leads to.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace multitalk {

/// The process's exit codes; documented in the user guide.
enum class ExitCode {
  kDone = 0,
  kInternal = 1,      ///< a bug of ours
  kInput = 2,         ///< usage, or a file or value that the user gave
  kWeights = 3,       ///< a checkpoint is missing, broken or of another shape
  kResources = 4,     ///< memory, disk, device
  kInterrupted = 130  ///< SIGINT or SIGTERM
};

/// An error that a person reads: what was wrong and where (`what()`), and what to do (`hint()`).
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message, std::string hint = "")
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ExitCode code() const { return code_; }
  const std::string& hint() const { return hint_; }

  /// The same error with advice added: `throw input_error("...").with_hint("...")`.
  Error with_hint(std::string hint) const { return Error(code_, what(), std::move(hint)); }

  /// The same error behind a prefix that says where it happened ("input.json: ...").
  Error within(const std::string& place) const {
    return Error(code_, place + ": " + what(), hint_);
  }

 private:
  ExitCode code_;
  std::string hint_;
};

/// `throw input_error("{}: no such file", path)`; exit code 2.
template <typename... Args>
Error input_error(fmt::format_string<Args...> format, Args&&... args) {
  return Error(ExitCode::kInput, fmt::format(format, std::forward<Args>(args)...));
}

/// Exit code 3.
template <typename... Args>
Error weights_error(fmt::format_string<Args...> format, Args&&... args) {
  return Error(ExitCode::kWeights, fmt::format(format, std::forward<Args>(args)...));
}

/// Exit code 4.
template <typename... Args>
Error resource_error(fmt::format_string<Args...> format, Args&&... args) {
  return Error(ExitCode::kResources, fmt::format(format, std::forward<Args>(args)...));
}

/// Exit code 1.
template <typename... Args>
Error internal_error(fmt::format_string<Args...> format, Args&&... args) {
  return Error(ExitCode::kInternal, fmt::format(format, std::forward<Args>(args)...));
}

namespace detail {
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& message);
}  // namespace detail

}  // namespace multitalk

/// For our own bugs only: throws an internal error that names the place. Inputs get input_error.
#define MULTITALK_CHECK(condition, ...)                                                            \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      ::multitalk::detail::check_failed(__FILE__, __LINE__, #condition, fmt::format(__VA_ARGS__)); \
    }                                                                                              \
  } while (false)
