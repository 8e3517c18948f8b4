#include "base/sha256.h"

#include "base/error.h"
#include "support/catch.h"
#include "support/process.h"

namespace multitalk::test {

namespace {

std::string hash_of(const std::string& text) {
  Sha256 hash;
  hash.update(text.data(), text.size());
  return hash.hex();
}

}  // namespace

TEST_CASE("SHA-256 of the standard's examples", "[sha256]") {
  CHECK(hash_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("a hash does not depend on the pieces", "[sha256]") {
  const std::string text(100'000, 'x');
  Sha256 hash;
  for (std::size_t i = 0; i < text.size(); i += 777) {
    hash.update(text.data() + i, std::min<std::size_t>(777, text.size() - i));
  }
  CHECK(hash.hex() == hash_of(text));
}

TEST_CASE("files are hashed whole", "[sha256]") {
  const TemporaryFolder folder;
  const std::string text(3'000'000, 'y');  // more than a block
  write_text(folder / "long", text);
  write_text(folder / "empty", "");
  CHECK(sha256_file(folder / "long") == hash_of(text));
  CHECK(sha256_file(folder / "empty") == hash_of(""));
  CHECK_THROWS_AS(sha256_file(folder / "none"), Error);
  CHECK_THROWS_AS(sha256_file(folder.path()), Error);
}

}  // namespace multitalk::test
