#include "base/error.h"

#include <filesystem>

namespace multitalk::detail {

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  const std::string name = std::filesystem::path(file).filename().string();
  throw Error(ExitCode::kInternal, fmt::format("{} ({}:{}: {})", message, name, line, condition),
              "this is a bug in multitalk; please report it with the command that you ran");
}

}  // namespace multitalk::detail
