#include "models/mojibake.h"

#include <unicode/ustring.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "models/mojibake_rules.h"
#include "models/single_byte_encoding.h"
#include "models/text_pattern.h"

namespace multitalk {
namespace {

using icu::UnicodeString;

/// The encodings that UTF-8 may have been read in, in the order to try.
const std::vector<SingleByteEncoding>& candidates() {
  static const std::vector<SingleByteEncoding> encodings = [] {
    std::vector<SingleByteEncoding> list;
    list.emplace_back("ISO-8859-1", false);
    for (const char* name : {"windows-1252", "windows-1251", "windows-1250", "windows-1253",
                             "windows-1254", "windows-1257"}) {
      list.emplace_back(name, true);
    }
    for (const char* name : {"ISO-8859-2", "macintosh", "IBM437"}) list.emplace_back(name, false);
    return list;
  }();
  return encodings;
}

constexpr std::size_t kLatin1 = 0;
constexpr std::size_t kWindows1252 = 1;
constexpr std::size_t kMacRoman = 8;

// Bytes are searched as the text that they are in Latin-1.
UnicodeString text_of_bytes(const std::string& bytes) {
  UnicodeString text;
  for (const char byte : bytes)
    text.append(static_cast<char16_t>(static_cast<unsigned char>(byte)));
  return text;
}

std::string bytes_of_text(const UnicodeString& text) {
  std::string bytes;
  for (int32_t i = 0; i < text.length(); ++i) bytes += static_cast<char>(text.charAt(i));
  return bytes;
}

/// Where byte A0 of a UTF-8 sequence became a plain blank, puts it back.
UnicodeString restore_byte_a0(const UnicodeString& bytes) {
  static const TextPattern kAltered(
      R"([\u00C2\u00C3\u00C5\u00CE\u00D0\u00D9][ ])"
      R"(|[\u00E2\u00E3][ ][\u0080-\u0084\u0086-\u009F\u00A1-\u00BF])"
      R"(|[\u00E0-\u00E3][\u0080-\u0084\u0086-\u009F\u00A1-\u00BF][ ])"
      R"(|\u00F0[ ][\u0080-\u00BF]{2}|\u00F0[\u0080-\u00BF][ ][\u0080-\u00BF])"
      R"(|\u00F0[\u0080-\u00BF]{2}[ ])");
  // An "a grave" that stands alone keeps a blank after it, but in some Portuguese words.
  static const TextPattern kGraveWord(R"(\u00C3 (?! |quele|quela|quilo|s ))");
  if (!kAltered.found_in(bytes)) return bytes;
  const UnicodeString separated = kGraveWord.replace(bytes, "\u00C3\u00A0 ");
  return kAltered.replace(separated, [](UnicodeString match) {
    return match.findAndReplace(UnicodeString(u' '), UnicodeString(u'\u00A0'));
  });
}

/// UTF-8 sequences that lost bytes (0x1A, or one "?") become the sequence of U+FFFD.
UnicodeString replace_lossy_sequences(const UnicodeString& bytes) {
  static const TextPattern kLossy(
      R"([\u00C2-\u00DF]\u001A|[\u00C2\u00C3]\?)"
      R"(|\u00ED[\u00A0-\u00AF][\u001A?]\u00ED[\u00B0-\u00BF][\u001A?\u0080-\u00BF])"
      R"(|\u00ED[\u00A0-\u00AF][\u001A?\u0080-\u00BF]\u00ED[\u00B0-\u00BF][\u001A?])"
      R"(|[\u00E0-\u00EF][\u001A?][\u001A\u0080-\u00BF])"
      R"(|[\u00E0-\u00EF][\u001A\u0080-\u00BF][\u001A?])"
      R"(|[\u00F0-\u00F4][\u001A?][\u001A\u0080-\u00BF]{2})"
      R"(|[\u00F0-\u00F4][\u001A\u0080-\u00BF][\u001A?][\u001A\u0080-\u00BF])"
      R"(|[\u00F0-\u00F4][\u001A\u0080-\u00BF]{2}[\u001A?]|\u001A)");
  return kLossy.replace(bytes, "\u00EF\u00BF\u00BD");
}

/// Rewrites Java's two-byte zero and CESU-8's surrogate pairs as UTF-8.
UnicodeString plain_utf8(const UnicodeString& bytes) {
  static const TextPattern kVariant(
      R"(\u00C0\u0080|\u00ED[\u00A0-\u00AF][\u0080-\u00BF]\u00ED[\u00B0-\u00BF][\u0080-\u00BF])");
  return kVariant.replace(bytes, [](const UnicodeString& match) {
    if (match.length() == 2) return UnicodeString(u'\0');
    const UChar32 code = 0x10000 + ((match.charAt(1) & 0x0F) << 16) +
                         ((match.charAt(2) & 0x3F) << 10) + ((match.charAt(4) & 0x0F) << 6) +
                         (match.charAt(5) & 0x3F);
    std::string utf8;
    UnicodeString(code).toUTF8String(utf8);
    return text_of_bytes(utf8);
  });
}

/// Nothing where the bytes are not valid UTF-8.
std::optional<UnicodeString> decode_utf8(const std::string& bytes) {
  UnicodeString text;
  const auto capacity = static_cast<int32_t>(bytes.size());
  int32_t length = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strFromUTF8(text.getBuffer(capacity + 1), capacity + 1, &length, bytes.data(), capacity,
                &status);
  text.releaseBuffer(U_SUCCESS(status) ? length : 0);
  return U_SUCCESS(status) ? std::optional(text) : std::nullopt;
}

/// The text that `text` was before it was read in the encoding; nothing where it cannot have been.
std::optional<UnicodeString> undo(const SingleByteEncoding& encoding, bool restores_a0,
                                  const UnicodeString& text) {
  const std::optional<std::string> encoded = encoding.encode(text);
  if (!encoded) return std::nullopt;
  UnicodeString bytes = text_of_bytes(*encoded);
  if (restores_a0) bytes = restore_byte_a0(bytes);
  if (encoding.lenient()) bytes = replace_lossy_sequences(bytes);
  return decode_utf8(bytes_of_text(plain_utf8(bytes)));
}

/// The characters that a range of bytes has in the Latin-like encodings, as members of a set.
std::string members(unsigned char first, unsigned char last) {
  constexpr std::size_t kLatinLike = 7;  // Latin-1 and the Windows encodings
  UnicodeString set;
  for (std::size_t i = 0; i < kLatinLike; ++i) {
    for (int byte = first; byte <= last; ++byte) {
      const auto character = candidates()[i].character(static_cast<unsigned char>(byte));
      if (character) set.append(*character);
    }
  }
  std::string utf8;
  set.toUTF8String(utf8);
  return utf8;
}

/// Runs of what looks like UTF-8 sequences, not right after the rest of another one.
const TextPattern& embedded_utf8() {
  static const TextPattern pattern([] {
    const std::string rest = members(0x80, 0xBF);
    const std::string any = "[" + rest + " ]";
    // Quotation marks, dashes and the like often stand for themselves.
    return "(?<![[" + rest + R"(]--[–-―‘’‚“”„•…]])(?:[)" + members(0xC2, 0xDF) + "]" + any + "|[" +
           members(0xE0, 0xEF) + "]" + any + "{2}|[" + members(0xF0, 0xF0) + members(0xF3, 0xF3) +
           "]" + any + "{3})+";
  }());
  return pattern;
}

bool looks_bad(const UnicodeString& text) { return mojibake_pattern().found_in(text); }

/// Repairs sequences one by one where the text as a whole is of no one encoding.
UnicodeString repair_embedded(const UnicodeString& text) {
  return embedded_utf8().replace(text, [&](const UnicodeString& match) {
    return match.length() < text.length() && looks_bad(match) ? repair_encoding(match) : match;
  });
}

/// Bytes of Windows-1252 that were read as Latin-1; nothing where one has no meaning there.
std::optional<UnicodeString> latin1_as_windows_1252(const UnicodeString& text) {
  if (!candidates()[kLatin1].encode(text)) return std::nullopt;
  constexpr std::array<char16_t, 5> kUndefined = {0x81, 0x8D, 0x8F, 0x90, 0x9D};
  for (const char16_t byte : kUndefined) {
    if (text.indexOf(byte) >= 0) return std::nullopt;
  }
  return c1_to_windows_1252(text);
}

UnicodeString repair_once(const UnicodeString& text) {
  if (!looks_bad(text)) return text;
  for (std::size_t i = 0; i < candidates().size(); ++i) {
    if (const auto undone = undo(candidates()[i], i != kMacRoman, text)) return *undone;
  }
  const UnicodeString repaired = repair_embedded(text);
  if (repaired != text) return repaired;
  const std::optional<UnicodeString> as_1252 = latin1_as_windows_1252(text);
  return as_1252 && *as_1252 != text ? *as_1252 : c1_to_windows_1252(text);
}

}  // namespace

UnicodeString c1_to_windows_1252(const UnicodeString& text) {
  UnicodeString result;
  for (int32_t i = 0; i < text.length(); ++i) {
    const char16_t c = text.charAt(i);
    const bool control = c >= 0x80 && c <= 0x9F;
    result.append(control ? *candidates()[kWindows1252].character(static_cast<unsigned char>(c))
                          : c);
  }
  return result;
}

UnicodeString repair_encoding(const UnicodeString& text) {
  UnicodeString before = text;
  UnicodeString after = repair_once(before);
  while (after != before) {
    before = after;
    after = repair_once(before);
  }
  return after;
}

}  // namespace multitalk
