// The message and the hint of the error that a call throws.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"

namespace multitalk::test {

/// "" where nothing is thrown.
inline std::string error_text(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return std::string(error.what()) + "\n" + error.hint();
  }
  return "";
}

inline bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace multitalk::test
