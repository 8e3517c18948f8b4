// The progress of a render: a live bar on a terminal, plain lines elsewhere, events in JSON.
#pragma once

#include <chrono>
#include <string>

namespace multitalk {

/// Counts the sampling steps of all clips. Not thread-safe.
class Progress {
 public:
  /// `clips` is 0 where the number is not known beforehand.
  Progress(int clips, int steps_per_clip);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Names what is going on outside the steps ("decoding"); shown until the next call.
  void stage(const std::string& name);

  /// Step `step` (from 0) of clip `clip` (from 0) is done.
  void step_done(int clip, int step);

  /// Ends the live line, so that other output starts on a line of its own.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  void show(const std::string& line);
  double seconds_left(int done) const;

  int clips_;
  int steps_per_clip_;
  bool terminal_;
  bool live_line_ = false;
  Clock::time_point last_step_;
  double smoothed_step_s_ = 0;
};

}  // namespace multitalk
