// SHA-256 (FIPS 180-4), computed by OpenSSL.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

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

/// The hash of a string, as hex().
std::string sha256(std::string_view bytes);

/// The hash of a file's bytes, as hex(); "" where `goes_on`, asked before each piece, says no.
/// Throws an input error where the file cannot be read.
std::string sha256_file(const std::filesystem::path& path,
                        const std::function<bool()>& goes_on = {});

}  // namespace multitalk
