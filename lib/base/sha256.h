// SHA-256 (FIPS 180-4), computed by OpenSSL.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace multitalk {

/// The hash of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(const void* data, std::size_t bytes);

  /// The hash of all that came, as 64 lower-case hexadecimal digits. Nothing may follow it.
  std::string hex();

 private:
  class State;
  std::unique_ptr<State> state_;
};

/// The hash of a file's bytes, as hex(). Throws an input error where it cannot be read.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace multitalk
