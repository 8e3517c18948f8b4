// A cursor over bytes that are not trusted: little-endian reads, every one checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace multitalk {

using ByteSpan = std::span<const std::byte>;

/// The bytes as text, not copied.
std::string_view as_text(ByteSpan bytes);

/// Reads forward from an offset; a read beyond the end throws a weights error "NAME: ends early".
class ByteReader {
 public:
  /// `name` is what messages call the bytes: a file, or an entry of one.
  ByteReader(ByteSpan bytes, std::string name, std::uint64_t offset = 0);

  std::uint8_t u8() { return static_cast<std::uint8_t>(little_endian(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(little_endian(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little_endian(4)); }
  std::uint64_t u64() { return little_endian(8); }

  /// The next `count` bytes.
  ByteSpan take(std::uint64_t count);

  /// The bytes up to the next newline, which is passed over.
  std::string_view line();

  std::uint64_t offset() const { return offset_; }
  std::uint64_t remaining() const { return bytes_.size() - offset_; }

 private:
  std::uint64_t little_endian(int width);

  ByteSpan bytes_;
  std::string name_;
  std::uint64_t offset_;
};

}  // namespace multitalk
