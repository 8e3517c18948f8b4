// Encodings of one byte a character, and which text could have been read in them.
#pragma once

#include <unicode/unistr.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace multitalk {

/// One byte a character; the lower half is ASCII.
class SingleByteEncoding {
 public:
  /// `lenient` as browsers read the Windows encodings: a byte without a meaning is the character of
  /// the same number, and the byte 0x1A stands for U+FFFD.
  SingleByteEncoding(const char* icu_name, bool lenient);

  /// The bytes of a text; nothing where it has a character that the encoding lacks.
  std::optional<std::string> encode(const icu::UnicodeString& text) const;

  /// The character of a byte; nothing where it has no meaning.
  std::optional<char16_t> character(unsigned char byte) const;

  bool lenient() const { return lenient_; }

 private:
  bool lenient_;
  std::array<std::optional<char16_t>, 256> characters_;
  std::map<char16_t, unsigned char> bytes_;
};

}  // namespace multitalk
