// Tidies a prompt before it is tokenized, as the official code does.
#pragma once

#include <string>
#include <string_view>

namespace multitalk {

/// ftfy 6.3's fix_text (wrong encodings, character references, ligatures, widths, curly quotes,
/// control characters, NFC), then HTML's character references twice, then every run of white space
/// as one blank, none at the ends. Ill-formed UTF-8 becomes U+FFFD.
std::string clean_prompt(std::string_view utf8);

}  // namespace multitalk
