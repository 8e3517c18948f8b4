#include "models/text_cleaning.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "models/html_entities.h"
#include "models/mojibake.h"
#include "models/text_pattern.h"

namespace multitalk {
namespace {

using icu::UnicodeString;

constexpr std::array<std::pair<char16_t, const char16_t*>, 22> kLigatures = {{
    {0x0132, u"IJ"},      {0x0133, u"ij"}, {0x0149, u"\u02BCn"}, {0x01F1, u"DZ"},
    {0x01F2, u"Dz"},      {0x01F3, u"dz"}, {0x01C4, u"D\u017D"}, {0x01C5, u"D\u017E"},
    {0x01C6, u"d\u017E"}, {0x01C7, u"LJ"}, {0x01C8, u"Lj"},      {0x01C9, u"lj"},
    {0x01CA, u"NJ"},      {0x01CB, u"Nj"}, {0x01CC, u"nj"},      {0xFB00, u"ff"},
    {0xFB01, u"fi"},      {0xFB02, u"fl"}, {0xFB03, u"ffi"},     {0xFB04, u"ffl"},
    {0xFB05, u"\u017Ft"}, {0xFB06, u"st"},
}};

UnicodeString normalize(const icu::Normalizer2* (*form)(UErrorCode&), const UnicodeString& text) {
  UErrorCode status = U_ZERO_ERROR;
  UnicodeString normal = form(status)->normalize(text, status);
  if (U_FAILURE(status)) throw internal_error("ICU: {}", u_errorName(status));
  return normal;
}

/// The fullwidth and halfwidth forms (U+FF01 to U+FFEF) and the ideographic space.
UnicodeString to_standard_width(char16_t c) {
  if (c == 0x3000) return {u' '};
  return normalize(icu::Normalizer2::getNFKCInstance, UnicodeString(c));
}

bool is_unwanted_control(char16_t c) {
  return c < 0x09 || c == 0x0B || (c >= 0x0E && c < 0x20) || c == 0x7F ||
         (c >= 0x206A && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFC);
}

UnicodeString fix_ligatures_and_widths(const UnicodeString& text) {
  UnicodeString result;
  for (int32_t i = 0; i < text.length(); ++i) {
    const char16_t c = text.charAt(i);
    const auto* ligature = std::find_if(kLigatures.begin(), kLigatures.end(),
                                        [c](const auto& entry) { return entry.first == c; });
    if (ligature != kLigatures.end()) {
      result.append(ligature->second, -1);
    } else if (c == 0x3000 || (c >= 0xFF01 && c <= 0xFFEF)) {
      result.append(to_standard_width(c));
    } else {
      result.append(c);
    }
  }
  return result;
}

/// Straight quotes, and "\n" for every kind of line break.
UnicodeString straighten(const UnicodeString& text) {
  UnicodeString result;
  for (int32_t i = 0; i < text.length(); ++i) {
    const char16_t c = text.charAt(i);
    if (c == 0x02BC || (c >= 0x2018 && c <= 0x201B)) {
      result.append(u'\'');
    } else if (c >= 0x201C && c <= 0x201F) {
      result.append(u'"');
    } else if (c == u'\r' && text.charAt(i + 1) == u'\n') {
      continue;
    } else if (c == u'\r' || c == 0x2028 || c == 0x2029 || c == 0x85) {
      result.append(u'\n');
    } else {
      result.append(c);
    }
  }
  return result;
}

UnicodeString remove_controls(const UnicodeString& text) {
  static const TextPattern kTerminalEscape(R"(\u001B\[[\p{Nd};]*[a-zA-Z])");
  const UnicodeString unescaped = kTerminalEscape.replace(text, "");
  UnicodeString result;
  for (int32_t i = 0; i < unescaped.length(); ++i) {
    if (!is_unwanted_control(unescaped.charAt(i))) result.append(unescaped.charAt(i));
  }
  return result;
}

/// One line of text, repaired until nothing changes any more.
UnicodeString fix_segment(const UnicodeString& segment, bool unescapes_html) {
  UnicodeString text = segment;
  while (true) {
    const UnicodeString before = text;
    if (unescapes_html) text = unescape_html_strictly(text);
    text = c1_to_windows_1252(repair_encoding(text));
    text = remove_controls(straighten(fix_ligatures_and_widths(text)));
    text = normalize(icu::Normalizer2::getNFCInstance, text);
    if (text == before) return text;
  }
}

/// Line by line. From the first line with a "<" on, the text counts as HTML and its references
/// stay.
UnicodeString fix_text(const UnicodeString& text) {
  UnicodeString result;
  bool is_html = false;
  for (int32_t start = 0; start < text.length();) {
    const int32_t line_break = text.indexOf(u'\n', start);
    const int32_t end = line_break < 0 ? text.length() : line_break + 1;
    const UnicodeString segment = text.tempSubStringBetween(start, end);
    is_html = is_html || segment.indexOf(u'<') >= 0;
    result.append(fix_segment(segment, !is_html));
    start = end;
  }
  return result;
}

UnicodeString collapse_white_space(const UnicodeString& text) {
  UnicodeString result;
  for (int32_t i = 0; i < text.length(); ++i) {
    if (!u_isUWhiteSpace(text.charAt(i))) {
      result.append(text.charAt(i));
    } else if (!result.isEmpty() && !result.endsWith(u' ')) {
      result.append(u' ');
    }
  }
  if (result.endsWith(u' ')) result.truncate(result.length() - 1);
  return result;
}

}  // namespace

std::string clean_prompt(std::string_view utf8) {
  const auto text = UnicodeString::fromUTF8({utf8.data(), static_cast<int32_t>(utf8.size())});
  std::string cleaned;
  collapse_white_space(unescape_html(unescape_html(fix_text(text)))).toUTF8String(cleaned);
  return cleaned;
}

}  // namespace multitalk
