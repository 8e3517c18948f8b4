#include "base/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace multitalk {

namespace {

constexpr int kBarWidth = 24;

}  // namespace

std::string format_clock(double seconds) {
  const int s = static_cast<int>(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string progress_bar(double share) {
  const int filled = std::clamp(static_cast<int>(share * kBarWidth), 0, kBarWidth);
  return std::string(filled, '#') + std::string(kBarWidth - filled, '.');
}

LiveLine::LiveLine()
    : on_terminal_(log::format() == log::Format::kText && ::isatty(STDERR_FILENO) == 1) {}

void LiveLine::show(const std::string& text) {
  fmt::print(stderr, "\r\033[K{}", text);
  std::fflush(stderr);
  shown_ = true;
}

void LiveLine::finish() {
  if (shown_) fmt::print(stderr, "\n");
  shown_ = false;
}

Progress::Progress(int clips, int steps_per_clip)
    : clips_(clips), steps_per_clip_(steps_per_clip), last_step_(Clock::now()) {}

void Progress::stage(const std::string& name) {
  if (line_.on_terminal()) {
    line_.show(name + " ...");
  } else {
    log::debug("{}", name);
  }
  last_step_ = Clock::now();
}

double Progress::seconds_left(int done) const {
  return smoothed_step_s_ * std::max(0, clips_ * steps_per_clip_ - done);
}

void Progress::step_done(int clip, int step) {
  const Clock::time_point now = Clock::now();
  const double step_s = std::chrono::duration<double>(now - last_step_).count();
  last_step_ = now;
  smoothed_step_s_ = smoothed_step_s_ == 0 ? step_s : 0.8 * smoothed_step_s_ + 0.2 * step_s;
  const int done = clip * steps_per_clip_ + step + 1;
  const std::string of_clips = clips_ > 0 ? fmt::format("/{}", clips_) : "";
  const std::string left =
      clips_ > 0 ? fmt::format(", {} left", format_clock(seconds_left(done))) : "";

  log::event("step", {{"clip", clip},
                      {"clips", clips_},
                      {"step", step},
                      {"steps", steps_per_clip_},
                      {"step_s", step_s},
                      {"left_s", seconds_left(done)}});
  const std::string line = fmt::format("clip {}{} step {}/{}  {:.2f} s a step{}", clip + 1,
                                       of_clips, step + 1, steps_per_clip_, smoothed_step_s_, left);
  if (line_.on_terminal()) {
    const double total = std::max(1, std::max(clips_, clip + 1) * steps_per_clip_);
    line_.show(fmt::format("[{}] {}", progress_bar(done / total), line));
  } else if (log::format() == log::Format::kText) {
    log::info("{}", line);
  }
}

}  // namespace multitalk
