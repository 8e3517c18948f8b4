#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/error.h"

namespace multitalk {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  require_file(path, "file");
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << stream.rdbuf();
  if (!stream) throw input_error("{}: cannot read: {}", path.string(), std::strerror(errno));
  return bytes.str();
}

void require_file(const fs::path& path, std::string_view role) {
  std::error_code ec;
  const fs::file_status status = fs::status(path, ec);
  if (!fs::exists(status)) throw input_error("{}: no such file: {}", role, path.string());
  if (fs::is_directory(status)) {
    throw input_error("{}: {} is a folder, expected a file", role, path.string());
  }
  if (::access(path.c_str(), R_OK) != 0) {
    throw input_error("{}: {} cannot be read: {}", role, path.string(), std::strerror(errno));
  }
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  PendingFile file(path);
  {
    std::ofstream stream(file.temporary(), std::ios::binary);
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream) {
      throw resource_error("{}: cannot write: {}", path.string(), std::strerror(errno))
          .with_hint("is the disk full?");
    }
  }
  file.commit();
}

namespace {

/// ".NAME.PID-N.part.EXT" beside the final file: same disk, and muxers still see the ending.
fs::path temporary_beside(const fs::path& path) {
  static std::atomic<int> counter{0};
  return path.parent_path() / fmt::format(".{}.{}-{}.part{}", path.stem().string(), ::getpid(),
                                          counter++, path.extension().string());
}

}  // namespace

PendingFile::PendingFile(fs::path final_path)
    : final_path_(std::move(final_path)), temporary_(temporary_beside(final_path_)) {
  const fs::path folder = final_path_.has_parent_path() ? final_path_.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) {
    throw input_error("{}: the folder {} does not exist", final_path_.string(), folder.string())
        .with_hint("create it first: mkdir -p " + folder.string());
  }
  if (fs::is_directory(final_path_)) {
    throw input_error("{} is a folder, expected the name of a file", final_path_.string());
  }
  const int fd = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    throw input_error("{}: cannot write there: {}", final_path_.string(), std::strerror(errno));
  }
  ::close(fd);
}

PendingFile::~PendingFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void PendingFile::remove_abandoned(const fs::path& final_path) {
  const fs::path folder = final_path.has_parent_path() ? final_path.parent_path() : fs::path(".");
  const std::string begin = fmt::format(".{}.", final_path.stem().string());
  const std::string end = fmt::format(".part{}", final_path.extension().string());
  std::error_code ec;
  std::vector<fs::path> abandoned;
  for (const auto& entry : fs::directory_iterator(folder, ec)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(begin) && name.ends_with(end)) abandoned.push_back(entry.path());
  }
  for (const fs::path& file : abandoned) fs::remove(file, ec);
}

void PendingFile::commit() {
  const int fd = ::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced || ::rename(temporary_.c_str(), final_path_.c_str()) != 0) {
    throw resource_error("{}: cannot finish the file: {}", final_path_.string(),
                         std::strerror(errno));
  }
  committed_ = true;
}

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw weights_error("{}: cannot open: {}", path.string(), std::strerror(errno));
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw weights_error("{}: not a regular file", path.string());
  }
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ > 0) {
    void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED) {
      const int error = errno;
      ::close(fd);
      throw resource_error("{}: cannot map {}: {}", path.string(), format_bytes(size_),
                           std::strerror(error));
    }
    data_ = static_cast<const std::byte*>(mapped);
  }
  ::close(fd);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::size_t offset, std::size_t bytes) const {
  // Only whole pages; those at the ends may be shared with neighbours, which costs them nothing.
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t begin = offset / page * page;
  if (data_ == nullptr || bytes == 0) return;
  ::madvise(const_cast<std::byte*>(data_) + begin, offset + bytes - begin, MADV_DONTNEED);
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  constexpr std::array<const char*, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value < 10 ? 1 : 0, kUnits[unit]);
}

}  // namespace multitalk
