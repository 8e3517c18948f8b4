#include "models/single_byte_encoding.h"

#include <unicode/ucnv.h>

#include <memory>

#include "base/error.h"

namespace multitalk {
namespace {

constexpr unsigned char kSubstitute = 0x1A;
constexpr char16_t kReplacement = 0xFFFD;

struct CloseConverter {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
};

bool is_private_use(char16_t character) { return character >= 0xE000 && character <= 0xF8FE; }

}  // namespace

SingleByteEncoding::SingleByteEncoding(const char* icu_name, bool lenient) : lenient_(lenient) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UConverter, CloseConverter> converter(ucnv_open(icu_name, &status));
  if (U_FAILURE(status)) throw internal_error("ICU, {}: {}", icu_name, u_errorName(status));
  for (int byte = 0; byte < 256; ++byte) {
    const char source = static_cast<char>(byte);
    std::array<char16_t, 4> target{};
    status = U_ZERO_ERROR;
    ucnv_toUChars(converter.get(), target.data(), target.size(), &source, 1, &status);
    const bool known = U_SUCCESS(status) && target[0] != kReplacement && !is_private_use(target[0]);
    if (byte < 0x80) {
      characters_[byte] = static_cast<char16_t>(byte);
    } else if (known) {
      characters_[byte] = target[0];
    } else if (lenient) {
      characters_[byte] = static_cast<char16_t>(byte);
    }
  }
  if (lenient) characters_[kSubstitute] = kReplacement;
  for (int byte = 255; byte >= 0; --byte) {
    if (characters_[byte]) bytes_[*characters_[byte]] = static_cast<unsigned char>(byte);
  }
}

std::optional<std::string> SingleByteEncoding::encode(const icu::UnicodeString& text) const {
  std::string encoded;
  for (int32_t i = 0; i < text.length(); ++i) {
    const auto found = bytes_.find(text.charAt(i));
    if (found == bytes_.end()) return std::nullopt;
    encoded += static_cast<char>(found->second);
  }
  return encoded;
}

std::optional<char16_t> SingleByteEncoding::character(unsigned char byte) const {
  return characters_[byte];
}

}  // namespace multitalk
