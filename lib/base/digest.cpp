#include "base/digest.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"

namespace multitalk {

namespace {

/// A descriptor that is closed at the end.
class ReadOnlyFile {
 public:
  explicit ReadOnlyFile(const std::filesystem::path& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw weights_error("{}: cannot open: {}", path.string(), std::strerror(errno));
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED);
  }
  ~ReadOnlyFile() { ::close(fd_); }
  ReadOnlyFile(const ReadOnlyFile&) = delete;
  ReadOnlyFile& operator=(const ReadOnlyFile&) = delete;

  std::size_t read(std::vector<char>& buffer) const {
    const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
    if (count < 0) {
      throw weights_error("{}: cannot read: {}", path_.string(), std::strerror(errno));
    }
    return static_cast<std::size_t>(count);
  }

 private:
  std::filesystem::path path_;
  int fd_;
};

}  // namespace

FileDigest digest_of(const std::filesystem::path& path, const BytesDone& done) {
  constexpr std::size_t kBufferBytes = std::size_t{8} << 20;
  const ReadOnlyFile file(path);
  std::vector<char> buffer(kBufferBytes);
  FileDigest digest;
  Sha256 hash;
  while (const std::size_t count = file.read(buffer)) {
    check_interrupted();
    hash.update(buffer.data(), count);
    digest.bytes += count;
    if (done) done(count);
  }
  digest.sha256 = hash.hex();
  return digest;
}

HashingWriter::HashingWriter(const std::filesystem::path& file)
    : file_(file), stream_(file_.temporary(), std::ios::binary | std::ios::trunc) {}

void HashingWriter::write(const void* data, std::size_t bytes) {
  stream_.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
  if (!stream_) fail();
  hash_.update(data, bytes);
  bytes_ += bytes;
}

FileDigest HashingWriter::finish() {
  stream_.close();
  if (!stream_) fail();
  file_.commit();
  return {bytes_, hash_.hex()};
}

void HashingWriter::fail() const {
  throw resource_error("{}: cannot write: {}", file_.final_path().string(), std::strerror(errno))
      .with_hint("is the disk full?");
}

}  // namespace multitalk
