#include "base/byte_progress.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"

namespace multitalk {

ByteProgress::ByteProgress(std::uint64_t total) : total_(total), start_(Clock::now()) {}

void ByteProgress::begin(const std::string& what) {
  what_ = what;
  if (!line_.on_terminal()) log::info("{}", what);
}

void ByteProgress::add(std::uint64_t bytes) {
  constexpr auto kInterval = std::chrono::milliseconds(200);
  done_ += bytes;
  const Clock::time_point now = Clock::now();
  if (!line_.on_terminal() || done_ == 0 || now - last_shown_ < kInterval) return;
  last_shown_ = now;
  const double share =
      static_cast<double>(done_) / static_cast<double>(std::max<std::uint64_t>(total_, 1));
  const double spent_s = std::chrono::duration<double>(now - start_).count();
  line_.show(fmt::format("[{}] {} of {}, {} left  {}", progress_bar(share), format_bytes(done_),
                         format_bytes(total_), format_clock(spent_s / share - spent_s), what_));
}

}  // namespace multitalk
