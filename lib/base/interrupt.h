// SIGINT and SIGTERM as an orderly end: long loops ask, and unwinding removes unfinished files.
#pragma once

namespace multitalk {

/// Catches SIGINT and SIGTERM from now on. A second signal ends the process at once.
void install_interrupt_handler();

/// Throws Error(kInterrupted) once a signal has come; called between the steps of long loops.
void check_interrupted();

}  // namespace multitalk
