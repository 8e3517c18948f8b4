#include "models/text_pattern.h"

#include "base/error.h"

namespace multitalk {
namespace {

void check(UErrorCode status, const char* what) {
  if (U_FAILURE(status)) throw internal_error("ICU, {}: {}", what, u_errorName(status));
}

}  // namespace

TextPattern::TextPattern(const std::string& pattern) {
  UErrorCode status = U_ZERO_ERROR;
  UParseError where;
  pattern_.reset(
      icu::RegexPattern::compile(icu::UnicodeString::fromUTF8(pattern), 0, where, status));
  check(status, pattern.c_str());
}

bool TextPattern::found_in(const icu::UnicodeString& text) const {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::RegexMatcher> matcher(pattern_->matcher(text, status));
  check(status, "matcher");
  const bool found = matcher->find(status);
  check(status, "find");
  return found;
}

icu::UnicodeString TextPattern::replace(
    const icu::UnicodeString& text,
    const std::function<icu::UnicodeString(const icu::UnicodeString&)>& replacement) const {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::RegexMatcher> matcher(pattern_->matcher(text, status));
  check(status, "matcher");
  icu::UnicodeString result;
  int32_t end = 0;
  while (matcher->find(status) && U_SUCCESS(status)) {
    const int32_t start = matcher->start(status);
    result.append(text, end, start - end);
    end = matcher->end(status);
    result.append(replacement(text.tempSubStringBetween(start, end)));
  }
  check(status, "find");
  return result.append(text, end, text.length() - end);
}

icu::UnicodeString TextPattern::replace(const icu::UnicodeString& text,
                                        const char* replacement_utf8) const {
  const icu::UnicodeString replacement = icu::UnicodeString::fromUTF8(replacement_utf8);
  return replace(text, [&](const icu::UnicodeString&) { return replacement; });
}

}  // namespace multitalk
