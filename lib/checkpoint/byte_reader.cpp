#include "checkpoint/byte_reader.h"

#include <utility>

#include "base/error.h"

namespace multitalk {

std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

ByteReader::ByteReader(ByteSpan bytes, std::string name, std::uint64_t offset)
    : bytes_(bytes), name_(std::move(name)), offset_(offset) {
  if (offset > bytes.size()) {
    throw weights_error("{}: truncated: byte {} is beyond the end at {}", name_, offset,
                        bytes.size());
  }
}

ByteSpan ByteReader::take(std::uint64_t count) {
  if (count > remaining()) {
    throw weights_error("{}: truncated: {} bytes are needed at offset {}, {} are left", name_,
                        count, offset_, remaining());
  }
  const ByteSpan taken = bytes_.subspan(offset_, count);
  offset_ += count;
  return taken;
}

std::string_view ByteReader::line() {
  const std::string_view rest = as_text(bytes_.subspan(offset_));
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) throw weights_error("{}: truncated within a line", name_);
  offset_ += end + 1;
  return rest.substr(0, end);
}

std::uint64_t ByteReader::little_endian(int width) {
  std::uint64_t value = 0;
  int shift = 0;
  for (const std::byte byte : take(width)) {
    value |= std::to_integer<std::uint64_t>(byte) << shift;
    shift += 8;
  }
  return value;
}

}  // namespace multitalk
