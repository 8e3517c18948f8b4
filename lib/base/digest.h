// Files and their SHA-256: checked by reading back, and hashed while they are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "base/file.h"
#include "base/sha256.h"

namespace multitalk {

/// What tells one file from another.
struct FileDigest {
  std::uint64_t bytes = 0;
  std::string sha256;  ///< 64 hexadecimal digits

  bool operator==(const FileDigest&) const = default;
};

/// Receives how many more bytes are done; may be empty.
using BytesDone = std::function<void(std::uint64_t bytes)>;

/// Reads the whole file, from the disk where the system lets go of its copy in memory. Throws a
/// weights error where it cannot be read. Can be interrupted.
FileDigest digest_of(const std::filesystem::path& file, const BytesDone& done = {});

/// A file that is written from start to end and hashed on the way. It appears under its name when
/// it is finished; without finish() nothing is left of it.
class HashingWriter {
 public:
  /// Throws an input error where no file can be made there.
  explicit HashingWriter(const std::filesystem::path& file);

  /// Throws a resource error where the disk is full.
  void write(const void* data, std::size_t bytes);

  /// Flushes to disk and renames. Throws a resource error where that fails.
  FileDigest finish();

 private:
  [[noreturn]] void fail() const;

  PendingFile file_;
  std::ofstream stream_;
  Sha256 hash_;
  std::uint64_t bytes_ = 0;
};

}  // namespace multitalk
