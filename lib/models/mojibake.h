// Repairs text that was decoded with the wrong character encoding ("sch\u00C3\u00B6n" for
// "sch\u00F6n").
#pragma once

#include <unicode/unistr.h>

namespace multitalk {

/// Finds and undoes mix-ups of UTF-8 with single-byte encodings; text that does not look like one
/// is returned as it is. Equals ftfy 6.3's fix_encoding, whose heuristic this is.
icu::UnicodeString repair_encoding(const icu::UnicodeString& text);

/// C1 control characters (U+0080 to U+009F) as what the bytes mean in Windows-1252.
icu::UnicodeString c1_to_windows_1252(const icu::UnicodeString& text);

}  // namespace multitalk
