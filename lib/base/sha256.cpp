#include "base/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace multitalk {

class Sha256::State {
 public:
  State() : context_(EVP_MD_CTX_new()) {
    check(context_ != nullptr && EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1);
  }
  ~State() { EVP_MD_CTX_free(context_); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void update(const void* data, std::size_t bytes) {
    check(EVP_DigestUpdate(context_, data, bytes) == 1);
  }

  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    check(EVP_DigestFinal_ex(context_, digest.data(), &size) == 1);
    std::string text;
    for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

 private:
  static void check(bool done) { MULTITALK_CHECK(done, "OpenSSL cannot compute SHA-256"); }

  EVP_MD_CTX* context_;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;

void Sha256::update(const void* data, std::size_t bytes) { state_->update(data, bytes); }

std::string Sha256::hex() { return state_->hex(); }

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  return hash.hex();
}

std::string sha256_file(const std::filesystem::path& path, const std::function<bool()>& goes_on) {
  require_file(path, "file");
  std::ifstream stream(path, std::ios::binary);
  std::vector<char> block(1 << 20);
  Sha256 hash;
  while (stream.good()) {
    if (goes_on && !goes_on()) return "";
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    hash.update(block.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (!stream.eof()) throw input_error("{}: cannot read: {}", path.string(), std::strerror(errno));
  return hash.hex();
}

}  // namespace multitalk
