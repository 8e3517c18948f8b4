// Runs a program and looks at what it says.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/temporary_folder.h"

namespace multitalk::test {

struct ProcessResult {
  int exit_code = -1;  ///< 128 + N where signal N ended it
  std::string out;
  std::string err;
};

/// Runs `command` in `folder`, without input, and waits for it.
ProcessResult run_process(const std::vector<std::string>& command,
                          const std::filesystem::path& folder);

/// Writes a small text file.
void write_text(const std::filesystem::path& file, const std::string& text);

}  // namespace multitalk::test
