#include "models/mojibake_rules.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace multitalk {
namespace {

using Named = std::pair<std::string_view, std::string_view>;

// Of the characters that UTF-8 read in a single-byte encoding turns into.
constexpr std::array<Named, 16> kClasses = {{
    {"common", R"(\u00A0\u00AD\u00B4·–-―’…)"},
    {"c1", R"(\u0080-\u009F)"},
    {"bad", R"(¤¦\u00A8ª¬\u00AF\u00B8ºƒ\u02C6\u02C7\u02D8\u02DB\u02DC†‡‰⌐◊\uFFFD)"},
    {"law", "§¶"},
    {"currency", "¢£¥₧€"},
    {"start", R"(¡©«¿\u0384\u0385‘‚“„•‹\uF8FF)"},
    {"end", R"(®»\u02DD”›™)"},
    {"numeric", "±-³µ¹¼-¾×÷⁄№∂∆∏∑√∞∩∫≈≠≡≤≥"},
    {"kaomoji", "°Ò-ÖÙ-Üò-öø-üŌŐŪŲ"},
    {"upper", "À-ÑØÜÝĀĂĄĆČĎĐĒĖĘĚĞĢĪİĶĹĻĽŁŃŅŇŒŘŚŞŠŢŤŮŰŸŹŻŽҐ"},
    {"lower", "ß-ñüāăąćčďđēėęěğģīįķĺļľłœŕśşšťźżžґﬁﬂ"},
    {"upper_common", "ÞΆΈ-ΊΌΎΏΑ-ΫЁ-Я"},
    {"lower_common", "ά-ωа-џ"},
    {"box", "│┌┐┘├┤┬┼═-╬▀▄█▌▐-▓"},
    {"space", R"(\t-\r\u001C-\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000)"},
    {"word", R"(\p{L}\p{N}_)"},
}};

// One alternative a line; {name} stands for the members of a class.
constexpr std::array<std::string_view, 36> kRules = {
    "[{c1}]",
    "[{bad}{lower}{upper}{box}{start}{end}{currency}{numeric}{law}][{bad}]",
    "[a-zA-Z][{lower_common}{upper_common}][{bad}]",
    "[{bad}][{lower}{upper}{box}{start}{end}{currency}{numeric}{law}]",
    "[{lower}{lower_common}{box}{end}{currency}{numeric}][{upper}]",
    "[{box}{end}{currency}{numeric}][{lower}]",
    "[{lower}{box}{end}][{currency}]",
    "[{space}][{upper}][{currency}]",
    "[{upper}{box}][{numeric}{law}]",
    "[{lower}{upper}{box}{currency}{end}][{start}][{numeric}]",
    "[{lower}{upper}{currency}{numeric}{box}{law}][{end}][{start}]",
    "[{currency}{numeric}{box}][{start}]",
    "[a-z][{upper}][{start}{currency}]",
    "[{box}][{kaomoji}]",
    "[{lower}{upper}{currency}{numeric}{start}{end}{law}][{box}]",
    "[{box}][{end}]",
    "[{lower}{upper}][{start}{end}][{word}]",
    "[Œœ][^A-Za-z]",
    "[{upper}]°",
    // Windows-1252, two characters
    R"([ÂÃÎÐ][€œŠš¢£Ÿž\u00A0\u00AD®©°·»{start}{end}–—\u00B4])",
    "×[²³]",
    // Arabic in Windows-1252
    "[ØÙ][{common}{currency}{bad}{numeric}{start}ŸŠ®°µ»]"
    "[ØÙ][{common}{currency}{bad}{numeric}{start}ŸŠ®°µ»]",
    // South Asian scripts in Windows-1252
    "à[²µ¹¼½¾]",
    // MacRoman
    R"(√[±∂†≠®™\u00B4≤≥¥µø])",
    "≈[°¢]",
    "‚Ä[ìîïòôúùû†°¢π]",
    "‚[âó][àä°ê]",
    // Windows-1251
    "вЂ",
    "[ВГРС][{c1}{bad}{start}{end}{currency}°µ][ВГРС]",
    R"(ГўВЂВ[^\n][A-Za-z ])",
    // The letter a with grave or acute, and the no-break space, in Windows-1252
    R"(Ã[\u00A0¡])",
    R"([a-z][{space}]?[ÃÂ][ ])",
    "^[ÃÂ][ ]",
    "[a-z.,?!{end}]Â[ {start}{end}]",
    // Windows-1253
    R"(β€[™\u00A0Ά\u00AD®°]|[ΒΓΞΟ][{c1}{bad}{start}{end}{currency}°][ΒΓΞΟ])",
    // Windows-1257
    "ā€",
};

std::string expand(std::string_view rule) {
  std::string pattern(rule);
  for (const auto& [name, members] : kClasses) {
    const std::string placeholder = fmt::format("{{{}}}", name);
    for (std::size_t at = pattern.find(placeholder); at != std::string::npos;
         at = pattern.find(placeholder, at)) {
      pattern.replace(at, placeholder.size(), members);
      at += members.size();
    }
  }
  return pattern;
}

std::string all_rules() {
  std::string pattern;
  for (const std::string_view rule : kRules) {
    if (!pattern.empty()) pattern += '|';
    pattern += expand(rule);
  }
  return pattern;
}

}  // namespace

const TextPattern& mojibake_pattern() {
  static const TextPattern pattern(all_rules());
  return pattern;
}

}  // namespace multitalk
