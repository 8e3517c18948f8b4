#include "checkpoint/byte_reader.h"

#include <string>

#include "base/error.h"
#include "support/catch.h"

namespace multitalk {
namespace {

ByteSpan bytes_of(const std::string& text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

TEST_CASE("numbers are little-endian") {
  const std::string bytes("\x01\x02\x03\x04\x05\x06\x07\x08\xff", 9);
  ByteReader reader(bytes_of(bytes), "test");
  CHECK(reader.u16() == 0x0201);
  CHECK(reader.u32() == 0x06050403);
  CHECK(reader.remaining() == 3);
  CHECK(ByteReader(bytes_of(bytes), "test", 1).u64() == 0xff08070605040302);
}

TEST_CASE("a read beyond the end is refused") {
  const std::string bytes = "ab";
  ByteReader reader(bytes_of(bytes), "test");
  CHECK_THROWS_AS(reader.u32(), Error);
  CHECK_THROWS_AS(reader.take(~std::uint64_t{0}), Error);
  CHECK_THROWS_AS(reader.line(), Error);
  CHECK_THROWS_AS(ByteReader(bytes_of(bytes), "test", 3), Error);
  CHECK(as_text(reader.take(2)) == "ab");
  CHECK(as_text(reader.take(0)).empty());
}

TEST_CASE("a line ends at the newline") {
  const std::string bytes = "os\nsystem\n";
  ByteReader reader(bytes_of(bytes), "test");
  CHECK(reader.line() == "os");
  CHECK(reader.line() == "system");
  CHECK(reader.remaining() == 0);
}

}  // namespace
}  // namespace multitalk
