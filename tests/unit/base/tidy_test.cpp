// The rules of the house that a compiler does not hold: the direction of the rooms, the length of
// files, no notes to ourselves.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "support/catch.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLines = 600;

/// lib/README.md has the same table.
const std::vector<std::string> kRooms = {"base", "media",  "checkpoint", "kernels",
                                         "nn",   "models", "sampling",   "pipeline"};

/// Rooms above that a room may not include all the same.
const std::map<std::string, std::vector<std::string>> kForbidden = {
    {"sampling", {"nn", "models"}}, {"checkpoint", {"media"}}, {"kernels", {"media"}}};

struct SourceFile {
  fs::path path;  // from the root of the project
  std::vector<std::string> lines;
};

std::vector<SourceFile> sources(const std::string& folder) {
  const fs::path root = MULTITALK_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h" && extension != ".cpp" && extension != ".cu") continue;
    SourceFile file{fs::relative(entry.path(), root), {}};
    std::ifstream stream(entry.path());
    for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
    files.push_back(std::move(file));
  }
  return files;
}

/// The name in `#include "name"` or `#include <name>`, with the opening mark; "" in other lines.
std::string included(const std::string& line) {
  const std::string directive = "#include ";
  if (line.compare(0, directive.size(), directive) != 0) return "";
  return line.substr(directive.size(), line.find_last_of("\">") - directive.size());
}

/// Calls `check(file, name)` for every include in the folder.
void for_each_include(const std::string& folder,
                      const std::function<void(const SourceFile&, const std::string&)>& check) {
  for (const SourceFile& file : sources(folder)) {
    for (const std::string& line : file.lines) {
      const std::string name = included(line);
      if (!name.empty()) check(file, name);
    }
  }
}

/// The room of an include of ours ("base/error.h"), or "".
std::string room_of(const std::string& include) {
  const std::string room = include.substr(1, include.find('/') - 1);
  const bool ours = include[0] == '"' && std::count(kRooms.begin(), kRooms.end(), room) > 0;
  return ours ? room : "";
}

std::ptrdiff_t rank(const std::string& room) {
  return std::find(kRooms.begin(), kRooms.end(), room) - kRooms.begin();
}

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

TEST_CASE("every folder of lib is a room", "[tidy]") {
  for (const auto& entry : fs::directory_iterator(fs::path(MULTITALK_SOURCE_DIR) / "lib")) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path());
    CHECK(rank(entry.path().filename().string()) < static_cast<std::ptrdiff_t>(kRooms.size()));
  }
}

TEST_CASE("no room includes a later one", "[tidy]") {
  int seen = 0;
  for_each_include("lib", [&](const SourceFile& file, const std::string& include) {
    const std::string target = room_of(include);
    if (target.empty()) return;
    const std::string room = std::next(file.path.begin())->string();
    INFO(file.path << " includes " << include);
    CHECK(rank(target) <= rank(room));
    const auto forbidden = kForbidden.find(room);
    if (forbidden != kForbidden.end()) {
      CHECK(std::count(forbidden->second.begin(), forbidden->second.end(), target) == 0);
    }
    ++seen;
  });
  CHECK(seen > 0);
}

TEST_CASE("media knows no tensors, and nobody includes all of libtorch", "[tidy]") {
  for_each_include("lib", [](const SourceFile& file, const std::string& include) {
    INFO(file.path << " includes " << include);
    CHECK(include != "<torch/torch.h");
    if (starts_with(file.path.generic_string(), "lib/media/")) {
      CHECK_FALSE(starts_with(include, "<ATen/"));
      CHECK_FALSE(starts_with(include, "<c10/"));
      CHECK_FALSE(starts_with(include, "<torch/"));
    }
  });
}

TEST_CASE("the apps include only the pipeline and base", "[tidy]") {
  for_each_include("apps", [](const SourceFile& file, const std::string& include) {
    const std::string room = room_of(include);
    INFO(file.path << " includes " << include);
    CHECK((room.empty() || room == "pipeline" || room == "base"));
  });
}

TEST_CASE("files are short and hold no notes to ourselves", "[tidy]") {
  const std::vector<std::string> notes = {std::string("TO") + "DO", std::string("FIX") + "ME"};
  for (const char* folder : {"lib", "apps", "tests"}) {
    for (const SourceFile& file : sources(folder)) {
      CAPTURE(file.path, file.lines.size());
      if (file.path.extension() != ".cu") CHECK(file.lines.size() <= kMaxLines);
      for (const std::string& line : file.lines) {
        for (const std::string& note : notes) {
          CAPTURE(line);
          CHECK(line.find(note) == std::string::npos);
        }
      }
    }
  }
}

}  // namespace
}  // namespace multitalk
