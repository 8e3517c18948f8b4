#include "base/interrupt.h"

#include <csignal>

#include "base/error.h"

namespace multitalk {

namespace {

volatile std::sig_atomic_t g_interrupted = 0;

void on_signal(int) {
  g_interrupted = 1;
  std::signal(SIGINT, SIG_DFL);  // the second one is final
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

void install_interrupt_handler() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool was_interrupted() { return g_interrupted != 0; }

void check_interrupted() {
  if (was_interrupted()) {
    throw Error(ExitCode::kInterrupted, "interrupted; nothing unfinished was left behind");
  }
}

}  // namespace multitalk
