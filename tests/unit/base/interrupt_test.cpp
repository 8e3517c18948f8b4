#include "base/interrupt.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/error.h"
#include "support/catch.h"

namespace multitalk {
namespace {

/// The wait status of a process that runs `body` and exits with what it returns: signals are for
/// a process of their own.
template <typename Body>
int status_of_child(Body body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(body());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

int code_of_check() {
  try {
    check_interrupted();
  } catch (const Error& error) {
    return static_cast<int>(error.code());
  }
  return 0;
}

TEST_CASE("without a signal nothing is thrown", "[base]") {
  install_interrupt_handler();
  CHECK_NOTHROW(check_interrupted());
}

TEST_CASE("a signal is thrown as the interrupted error", "[base]") {
  const int signal = GENERATE(SIGINT, SIGTERM);
  const int status = status_of_child([signal] {
    install_interrupt_handler();
    std::raise(signal);
    return code_of_check();
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == static_cast<int>(ExitCode::kInterrupted));
}

TEST_CASE("a second signal ends the process", "[base]") {
  const int second = GENERATE(SIGINT, SIGTERM);
  const int status = status_of_child([second] {
    install_interrupt_handler();
    std::raise(SIGINT);
    std::raise(second);
    return 0;
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == second);
}

}  // namespace
}  // namespace multitalk
