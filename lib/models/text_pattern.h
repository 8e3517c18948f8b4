// Regular expressions over Unicode text.
#pragma once

#include <unicode/regex.h>
#include <unicode/unistr.h>

#include <functional>
#include <memory>
#include <string>

namespace multitalk {

/// A compiled ICU regular expression. Immutable, so it may be shared between threads.
class TextPattern {
 public:
  /// `pattern` in UTF-8, one of ours: a malformed one is a bug.
  explicit TextPattern(const std::string& pattern);

  bool found_in(const icu::UnicodeString& text) const;

  /// `text` with every match replaced by what `replacement` makes of it.
  icu::UnicodeString replace(
      const icu::UnicodeString& text,
      const std::function<icu::UnicodeString(const icu::UnicodeString&)>& replacement) const;

  icu::UnicodeString replace(const icu::UnicodeString& text, const char* replacement_utf8) const;

 private:
  std::unique_ptr<icu::RegexPattern> pattern_;
};

}  // namespace multitalk
