// Character references of HTML ("&amp;", "&#233;"), decoded in two ways.
#pragma once

#include <unicode/unistr.h>

namespace multitalk {

/// Decodes references as a browser does, those without a semicolon included (the HTML standard,
/// 13.2.5.72 ff.); equals Python's html.unescape.
icu::UnicodeString unescape_html(const icu::UnicodeString& text);

/// Decodes only references that end with a semicolon, and besides the standard's names also their
/// upper-case forms ("&EACUTE;") where those have no meaning of their own; equals ftfy's
/// unescape_html.
icu::UnicodeString unescape_html_strictly(const icu::UnicodeString& text);

}  // namespace multitalk
