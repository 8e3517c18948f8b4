// SIGINT and SIGTERM as an orderly end: long loops ask, and unwinding removes unfinished files.
#pragma once

namespace multitalk {

/// Catches SIGINT and SIGTERM from now on. A second signal ends the process at once.
void install_interrupt_handler();

/// Whether a signal has come, for code that must come to an end of its own.
bool was_interrupted();

/// Throws Error(kInterrupted) once a signal has come; called between the steps of long loops.
void check_interrupted();

}  // namespace multitalk
