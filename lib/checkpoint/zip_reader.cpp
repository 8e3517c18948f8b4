#include "checkpoint/zip_reader.h"

#include <algorithm>

#include "base/error.h"

namespace multitalk {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kCentralHeader = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kZip64End = 0x06064b50;
constexpr std::uint32_t kZip64Locator = 0x07064b50;
constexpr std::uint64_t kEndBytes = 22;
constexpr std::uint64_t kZip64LocatorBytes = 20;
constexpr std::uint16_t kZip64Extra = 1;
constexpr std::uint32_t kInZip64 = 0xFFFFFFFF;  // "the value is in the zip64 field"

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t entries = 0;
};

/// An entry as the central directory has it.
struct CentralEntry {
  std::string name;
  std::uint64_t stored_bytes = 0;
  std::uint64_t size = 0;
  std::uint64_t header_offset = 0;
};

ByteReader reader_at(ByteSpan file, std::uint64_t offset) {
  return ByteReader(file, "zip directory", offset);
}

/// The end record is the last thing in the file but for a comment of up to 65535 bytes.
std::uint64_t find_end_record(ByteSpan file) {
  if (file.size() >= kEndBytes) {
    const std::uint64_t last = file.size() - kEndBytes;
    const std::uint64_t first = last - std::min<std::uint64_t>(last, 65535);
    for (std::uint64_t offset = last + 1; offset-- > first;) {
      if (reader_at(file, offset).u32() != kEnd) continue;
      if (reader_at(file, offset + 20).u16() == last - offset) return offset;
    }
  }
  throw weights_error("truncated: the zip file has no directory at its end")
      .with_hint("download or copy the file again");
}

Directory zip64_directory(ByteSpan file, std::uint64_t locator) {
  ByteReader record = reader_at(file, reader_at(file, locator + 8).u64());
  if (record.u32() != kZip64End)
    throw weights_error("the zip64 end record is not where it should be");
  record.take(28);
  Directory directory;
  directory.entries = record.u64();
  record.take(8);
  directory.offset = record.u64();
  return directory;
}

Directory find_directory(ByteSpan file) {
  const std::uint64_t end = find_end_record(file);
  if (end >= kZip64LocatorBytes) {
    const std::uint64_t locator = end - kZip64LocatorBytes;
    if (reader_at(file, locator).u32() == kZip64Locator) return zip64_directory(file, locator);
  }
  ByteReader record = reader_at(file, end + 10);
  Directory directory;
  directory.entries = record.u16();
  record.take(4);
  directory.offset = record.u32();
  return directory;
}

/// Takes the 64-bit values, which the extra field has in a fixed order, for those that are marked.
void apply_zip64_extra(ByteSpan extra, CentralEntry& entry) {
  ByteReader fields(extra, "zip extra field of " + entry.name);
  while (fields.remaining() >= 4) {
    const std::uint16_t id = fields.u16();
    ByteReader field(fields.take(fields.u16()), "zip64 field of " + entry.name);
    if (id != kZip64Extra) continue;
    for (std::uint64_t* value : {&entry.size, &entry.stored_bytes, &entry.header_offset}) {
      if (*value == kInZip64) *value = field.u64();
    }
  }
}

CentralEntry read_central_entry(ByteReader& reader) {
  if (reader.u32() != kCentralHeader) throw weights_error("the zip directory is damaged");
  reader.take(4);
  const std::uint16_t flags = reader.u16();
  const std::uint16_t method = reader.u16();
  reader.take(8);
  CentralEntry entry;
  entry.stored_bytes = reader.u32();
  entry.size = reader.u32();
  const std::uint16_t name_bytes = reader.u16();
  const std::uint16_t extra_bytes = reader.u16();
  const std::uint16_t comment_bytes = reader.u16();
  reader.take(8);
  entry.header_offset = reader.u32();
  entry.name = as_text(reader.take(name_bytes));
  apply_zip64_extra(reader.take(extra_bytes), entry);
  reader.take(comment_bytes);
  if ((flags & 1) != 0) throw weights_error("the zip entry {} is encrypted", entry.name);
  if (method != 0 || entry.stored_bytes != entry.size) {
    throw weights_error("the zip entry {} is compressed", entry.name)
        .with_hint("torch.save stores its entries; save the checkpoint again with it");
  }
  return entry;
}

/// The bytes start after the local header, whose name and extra field have lengths of their own.
ZipEntry locate(ByteSpan file, const CentralEntry& entry) {
  ByteReader local(file, "zip entry " + entry.name, entry.header_offset);
  if (local.u32() != kLocalHeader) {
    throw weights_error("the zip entry {} is not where the directory says", entry.name);
  }
  local.take(22);
  const std::uint16_t name_bytes = local.u16();
  const std::uint16_t extra_bytes = local.u16();
  local.take(name_bytes);
  local.take(extra_bytes);
  const ZipEntry located{local.offset(), entry.size};
  local.take(entry.size);
  return located;
}

}  // namespace

bool is_zip(ByteSpan file) { return file.size() >= 4 && reader_at(file, 0).u32() == kLocalHeader; }

std::map<std::string, ZipEntry> read_zip_directory(ByteSpan file) {
  const Directory directory = find_directory(file);
  ByteReader reader = reader_at(file, directory.offset);
  std::map<std::string, ZipEntry> entries;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    const CentralEntry entry = read_central_entry(reader);
    entries.insert_or_assign(entry.name, locate(file, entry));
  }
  return entries;
}

}  // namespace multitalk
