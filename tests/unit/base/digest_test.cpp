#include "base/digest.h"

#include <filesystem>
#include <string>

#include "base/error.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a hashing writer tells the digest of what the disk has", "[base]") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path() / "x.bin";
  HashingWriter writer(path);
  writer.write("ab", 2);
  writer.write("c", 1);
  CHECK_FALSE(fs::exists(path));
  const FileDigest digest = writer.finish();
  CHECK(digest.bytes == 3);
  CHECK(digest.sha256 == sha256("abc"));
  std::uint64_t seen = 0;
  CHECK((digest_of(path, [&](std::uint64_t bytes) { seen += bytes; }) == digest));
  CHECK(seen == 3);
}

TEST_CASE("a hashing writer that is not finished leaves nothing", "[base]") {
  const test::TemporaryFolder folder;
  { HashingWriter(folder.path() / "x.bin").write("abc", 3); }
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("the digest of a missing file is a weights error", "[base]") {
  const test::TemporaryFolder folder;
  try {
    digest_of(folder.path() / "absent");
    FAIL("a missing file was accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kWeights);
  }
}

}  // namespace
}  // namespace multitalk
