// Files: whole reads, atomic writes, and paths as a person wants to see them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace multitalk {

/// The whole file as bytes. Throws an input error that names the file and the reason.
std::string read_file(const std::filesystem::path& path);

/// Throws an input error unless `path` is a readable regular file; `role` says what it is for
/// ("cond_image"). Nothing is thrown for an empty file.
void require_file(const std::filesystem::path& path, std::string_view role);

/// Writes `bytes` to a temporary neighbour and renames it: the name never holds half a file.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// A file under construction. It is written at `temporary()` and appears at its final name only on
/// `commit()`; destruction without a commit removes it.
class PendingFile {
 public:
  /// Throws an input error where the folder is missing or cannot be written.
  explicit PendingFile(std::filesystem::path final_path);
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  const std::filesystem::path& temporary() const { return temporary_; }
  const std::filesystem::path& final_path() const { return final_path_; }

  /// Removes what a process that was killed left of this file. For a folder that only the caller
  /// writes to.
  static void remove_abandoned(const std::filesystem::path& final_path);

  /// Flushes to disk and renames. Throws a resource error where that fails.
  void commit();

 private:
  std::filesystem::path final_path_;
  std::filesystem::path temporary_;
  bool committed_ = false;
};

/// A whole file mapped read-only into memory.
class MappedFile {
 public:
  /// Throws a weights error that names the file and the reason.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

  /// These bytes will not be needed soon: the process gives their pages back to the system's file
  /// cache. They may be read again.
  void release(std::size_t offset, std::size_t bytes) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// "1.2 GiB", "340 MiB", "17 bytes".
std::string format_bytes(std::uint64_t bytes);

}  // namespace multitalk
