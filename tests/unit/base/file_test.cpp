#include "base/file.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

ExitCode code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    CAPTURE(error.what());
    CHECK(std::string(error.what()).size() > 8);
    return error.code();
  }
  return ExitCode::kDone;
}

TEST_CASE("bytes survive an atomic write and a read", "[base]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a file.bin";
  const std::string bytes("\0\xff\r\n\x1a text", 9);
  write_file_atomically(path, bytes);
  CHECK(read_file(path) == bytes);
  write_file_atomically(path, "");
  CHECK(read_file(path).empty());
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a pending file appears on commit and not before", "[base]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "out.mp4";
  {
    PendingFile file(path);
    CHECK(file.final_path() == path);
    CHECK(file.temporary().extension() == ".mp4");
    CHECK(file.temporary().parent_path() == folder.path());
    CHECK_FALSE(fs::exists(path));
    std::ofstream(file.temporary()) << "whole";
    file.commit();
    CHECK(read_file(path) == "whole");
  }
  CHECK(read_file(path) == "whole");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("without a commit nothing is left and the old file stays", "[base]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "out.mp4";
  write_file_atomically(path, "old");
  {
    PendingFile file(path);
    std::ofstream(file.temporary()) << "half";
  }
  CHECK(read_file(path) == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("two pending files of one name do not meet", "[base]") {
  const TemporaryFolder folder;
  PendingFile first(folder.path() / "out");
  PendingFile second(folder.path() / "out");
  CHECK(first.temporary() != second.temporary());
}

TEST_CASE("what a killed process left of a file is removed, and nothing else", "[base]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "out.bin";
  for (const std::string name : {".out.1-0.part.bin", ".out.77-3.part.bin"}) {
    write_file_atomically(folder.path() / name, "half");
  }
  for (const std::string name : {"out.bin", ".other.1-0.part.bin", ".out.1-0.part.txt"}) {
    write_file_atomically(folder.path() / name, "whole");
  }
  PendingFile::remove_abandoned(path);
  CHECK(entries(folder.path()) == 3);
  CHECK(fs::exists(path));
}

TEST_CASE("places where no file can be are input errors", "[base]") {
  const TemporaryFolder folder;
  const auto pending = [](const fs::path& path) {
    return code_of([&] { PendingFile file(path); });
  };
  CHECK(pending(folder.path() / "missing" / "out.mp4") == ExitCode::kInput);
  CHECK(pending(folder.path()) == ExitCode::kInput);
  // No file can be made there, whoever asks (root passes permission bits).
  CHECK(pending("/proc/out.mp4") == ExitCode::kInput);
  CHECK(entries(folder.path()) == 0);
}

TEST_CASE("a commit that cannot be is a resource error", "[base]") {
  const TemporaryFolder folder;
  PendingFile file(folder.path() / "out");
  fs::remove(file.temporary());
  CHECK(code_of([&] { file.commit(); }) == ExitCode::kResources);
}

TEST_CASE("require_file says what the file was for", "[base]") {
  const TemporaryFolder folder;
  const fs::path missing = folder.path() / "face.png";
  try {
    require_file(missing, "cond_image");
    FAIL("a missing file was accepted");
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(error.code() == ExitCode::kInput);
    CHECK(message.find("cond_image") != std::string::npos);
    CHECK(message.find(missing.string()) != std::string::npos);
  }
  CHECK(code_of([&] { require_file(folder.path(), "cond_image"); }) == ExitCode::kInput);
  CHECK(code_of([&] { read_file(missing); }) == ExitCode::kInput);
  write_file_atomically(missing, "");
  CHECK_NOTHROW(require_file(missing, "cond_image"));
}

TEST_CASE("a mapped file shows the file's bytes", "[base]") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "weights";
  write_file_atomically(path, "weights");
  const MappedFile mapped(path);
  CHECK(mapped.path() == path);
  CHECK(std::string(reinterpret_cast<const char*>(mapped.data()), mapped.size()) == "weights");

  mapped.release(2, 5);
  CHECK(std::string(reinterpret_cast<const char*>(mapped.data()), mapped.size()) == "weights");

  write_file_atomically(folder.path() / "empty", "");
  CHECK(MappedFile(folder.path() / "empty").size() == 0);
  CHECK(code_of([&] { MappedFile(folder.path() / "none"); }) == ExitCode::kWeights);
  CHECK(code_of([&] { MappedFile(folder.path()); }) == ExitCode::kWeights);
}

TEST_CASE("sizes are given in binary units", "[base]") {
  CHECK(format_bytes(0) == "0 bytes");
  CHECK(format_bytes(1023) == "1023 bytes");
  CHECK(format_bytes(1024) == "1.0 KiB");
  CHECK(format_bytes(340ull << 20) == "340 MiB");
  CHECK(format_bytes(1288490189) == "1.2 GiB");
  CHECK(format_bytes(66ull << 30) == "66 GiB");
}

}  // namespace
}  // namespace multitalk
