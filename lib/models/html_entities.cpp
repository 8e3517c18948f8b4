#include "models/html_entities.h"

#include <unicode/locid.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "models/text_pattern.h"

namespace multitalk {
namespace {

using icu::UnicodeString;
using Table = std::unordered_map<std::string, UnicodeString>;

constexpr std::string_view kStandardNames =
#include "models/html_entities.inc"
    ;

// What the standard has the numbers 0x80 to 0x9F mean: Windows-1252.
constexpr char16_t kWindows1252[] =
    u"\u20AC\u0081\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\u008D\u017D"
    u"\u008F\u0090\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\u009D"
    u"\u017E\u0178";

struct Tables {
  Table names;   ///< without the semicolon
  Table legacy;  ///< those that count without it
  Table upper;   ///< upper-case forms without a meaning of their own
};

UnicodeString parse_codes(std::string_view codes) {
  UnicodeString text;
  while (!codes.empty()) {
    const std::size_t end = std::min(codes.find('+'), codes.size());
    UChar32 code = 0;
    std::from_chars(codes.data(), codes.data() + end, code, 16);
    text.append(code);
    codes.remove_prefix(std::min(end + 1, codes.size()));
  }
  return text;
}

bool has_legacy_prefix(const Table& legacy, const std::string& name) {
  for (std::size_t length = 2; length <= name.size(); ++length) {
    if (legacy.contains(name.substr(0, length))) return true;
  }
  return false;
}

void add_upper_forms(Tables& tables) {
  for (const auto& [name, text] : tables.names) {
    std::string upper = name;
    bool is_lower = true;
    for (char& c : upper) {
      is_lower = is_lower && !(c >= 'A' && c <= 'Z');
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    if (!is_lower || tables.names.contains(upper) || has_legacy_prefix(tables.legacy, upper)) {
      continue;
    }
    tables.upper.emplace(upper, UnicodeString(text).toUpper(icu::Locale::getRoot()));
  }
}

Tables make_tables() {
  Tables tables;
  std::string_view rest = kStandardNames;
  while (!rest.empty()) {
    const std::string_view row = rest.substr(0, rest.find(' '));
    const std::size_t mark = row.find_first_of(":!");
    const std::string name(row.substr(0, mark));
    const UnicodeString text = parse_codes(row.substr(mark + 1));
    tables.names.emplace(name, text);
    if (row[mark] == '!') tables.legacy.emplace(name, text);
    rest.remove_prefix(row.size() + 1);
  }
  add_upper_forms(tables);
  return tables;
}

const Tables& tables() {
  static const Tables tables = make_tables();
  return tables;
}

std::string utf8_of(const UnicodeString& text) {
  std::string utf8;
  text.toUTF8String(utf8);
  return utf8;
}

/// Control characters and non-characters, which a number gives nothing for.
bool is_dropped(UChar32 code) {
  return (code >= 0x1 && code <= 0x8) || code == 0xB || (code >= 0xE && code <= 0x1F) ||
         code == 0x7F || (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFE) == 0xFFFE;
}

UnicodeString character_of(UChar32 code) {
  if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {0xFFFD};
  if (code >= 0x80 && code <= 0x9F) return {kWindows1252[code - 0x80]};
  return is_dropped(code) ? UnicodeString() : UnicodeString(code);
}

/// "#233" or "#xe9", perhaps with a semicolon.
UnicodeString decode_number(std::string_view digits) {
  digits.remove_prefix(1);
  const bool hexadecimal = digits.front() == 'x' || digits.front() == 'X';
  if (hexadecimal) digits.remove_prefix(1);
  UChar32 code = 0;
  const auto parsed =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hexadecimal ? 16 : 10);
  const bool overflows = parsed.ec == std::errc::result_out_of_range;
  return character_of(overflows ? 0x110000 : code);
}

/// A whole name with its semicolon, else the longest beginning that counts without one.
UnicodeString decode_name(const UnicodeString& match) {
  const std::string name = utf8_of(match.tempSubString(1));
  if (name.ends_with(';')) {
    const auto found = tables().names.find(name.substr(0, name.size() - 1));
    if (found != tables().names.end()) return found->second;
  }
  for (std::size_t length = name.size(); length >= 2; --length) {
    const auto found = tables().legacy.find(name.substr(0, length));
    if (found == tables().legacy.end()) continue;
    return found->second + UnicodeString::fromUTF8(name.substr(length));
  }
  return match;
}

}  // namespace

UnicodeString unescape_html(const UnicodeString& text) {
  static const TextPattern kReference(
      R"(&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?))");
  return kReference.replace(text, [](const UnicodeString& match) {
    return match.charAt(1) == u'#' ? decode_number(utf8_of(match.tempSubString(1)))
                                   : decode_name(match);
  });
}

UnicodeString unescape_html_strictly(const UnicodeString& text) {
  static const TextPattern kReference("&#?[0-9A-Za-z]{1,24};");
  return kReference.replace(text, [](const UnicodeString& match) {
    if (match.charAt(1) == u'#') {
      const UnicodeString decoded = unescape_html(match);
      return decoded.indexOf(u';') >= 0 ? match : decoded;
    }
    const std::string name = utf8_of(match.tempSubStringBetween(1, match.length() - 1));
    for (const Table* table : {&tables().names, &tables().upper}) {
      const auto found = table->find(name);
      if (found != table->end()) return found->second;
    }
    return match;
  });
}

}  // namespace multitalk
