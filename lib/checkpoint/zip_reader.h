// The directory of a zip file whose entries are stored, not compressed (as torch.save writes them).
// PKWARE APPNOTE 6.3.10, with the zip64 extensions.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "checkpoint/byte_reader.h"

namespace multitalk {

/// Where an entry's bytes lie in the file.
struct ZipEntry {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// True where the bytes begin as a zip file does.
bool is_zip(ByteSpan file);

/// Reads the central directory; every entry is checked to lie inside the file. Throws a weights
/// error where the file is truncated or malformed, or an entry is compressed or encrypted.
std::map<std::string, ZipEntry> read_zip_directory(ByteSpan file);

}  // namespace multitalk
