#include "base/digest.h"

#include <filesystem>
#include <string>

#include "base/error.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;

TEST_CASE("SHA-256 of the standard's examples", "[base]") {
  // FIPS 180-4 examples, https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 hash;
  for (int i = 0; i < 1000; ++i) hash.update(std::string(1000, 'a').data(), 1000);
  CHECK(hash.hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

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
