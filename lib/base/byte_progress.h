// The progress of work on files, in bytes: a live bar on a terminal, a line a file elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/progress.h"

namespace multitalk {

/// Not thread-safe.
class ByteProgress {
 public:
  /// `total` is what all add() will add up to.
  explicit ByteProgress(std::uint64_t total);

  /// What is done from now on: "writing X".
  void begin(const std::string& what);

  void add(std::uint64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;

  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::string what_;
  LiveLine line_;
  Clock::time_point start_;
  Clock::time_point last_shown_;
};

}  // namespace multitalk
