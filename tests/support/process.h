// Runs a program and looks at what it says.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace multitalk::test {

struct ProcessResult {
  int exit_code = -1;  ///< 128 + N where signal N ended it
  std::string out;
  std::string err;
};

/// Runs `command` in `folder`, without input, and waits for it.
ProcessResult run_process(const std::vector<std::string>& command,
                          const std::filesystem::path& folder);

/// A new folder of its own below the system's temporary one, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Writes a small text file.
void write_text(const std::filesystem::path& file, const std::string& text);

}  // namespace multitalk::test
