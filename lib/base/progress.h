// The progress of a render: a live bar on a terminal, plain lines elsewhere, events in JSON.
#pragma once

#include <chrono>
#include <string>

namespace multitalk {

/// A line of a terminal's standard error that is written over and over. Not thread-safe.
class LiveLine {
 public:
  LiveLine();
  ~LiveLine() { finish(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  /// Whether standard error is a terminal and the log is text.
  bool on_terminal() const { return on_terminal_; }
  void show(const std::string& text);

  /// Ends the line, so that other output starts on a line of its own.
  void finish();

 private:
  bool on_terminal_;
  bool shown_ = false;
};

/// "######.................." for a share of 0 to 1.
std::string progress_bar(double share);

/// "1:02:03" or "2:03".
std::string format_clock(double seconds);

/// Counts the sampling steps of all clips. Not thread-safe.
class Progress {
 public:
  /// `clips` is 0 where the number is not known beforehand.
  Progress(int clips, int steps_per_clip);

  /// Names what is going on outside the steps ("decoding"); shown until the next call.
  void stage(const std::string& name);

  /// Step `step` (from 0) of clip `clip` (from 0) is done.
  void step_done(int clip, int step);

  /// Ends the live line, so that other output starts on a line of its own.
  void finish() { line_.finish(); }

 private:
  using Clock = std::chrono::steady_clock;

  double seconds_left(int done) const;

  int clips_;
  int steps_per_clip_;
  LiveLine line_;
  Clock::time_point last_step_;
  double smoothed_step_s_ = 0;
};

}  // namespace multitalk
