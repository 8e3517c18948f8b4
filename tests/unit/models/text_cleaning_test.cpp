#include "models/text_cleaning.h"

#include "support/catch.h"

namespace multitalk {
namespace {

// What is expected here was made with ftfy 6.3.1 and Python's html.unescape.

TEST_CASE("white space is collapsed and cut at the ends") {
  CHECK(clean_prompt("") == "");
  CHECK(clean_prompt(" \t\r\n ") == "");
  CHECK(clean_prompt("  two\r\n\r\n words\u3000here ") == "two words here");
  CHECK(clean_prompt("a\u2028b\u2029c\u00A0d") == "a b c d");
}

TEST_CASE("typography is made plain") {
  CHECK(clean_prompt("\u201CHello\u201D, it\u2019s") == "\"Hello\", it's");
  CHECK(clean_prompt("\uFB01ne \uFB06 \u0132 \u01C6") == "fine st IJ d\u017E");
  CHECK(clean_prompt("\uFF21\uFF22\uFF01 \uFF76\uFF9E") == "AB! \u30AC");
  CHECK(clean_prompt("e\u0301") == "\u00E9");
}

TEST_CASE("control characters and terminal escapes go") {
  CHECK(clean_prompt(std::string("a\0b\x07\x0B\x7F", 6)) == "ab");
  CHECK(clean_prompt("\u001B[1;31mred\u001B[0m \uFEFF\u206A\uFFFC") == "red");
  CHECK(clean_prompt("zero\u200Dwidth") == "zero\u200Dwidth");
}

TEST_CASE("character references are decoded") {
  CHECK(clean_prompt("Tom &amp; Jerry &lt;3 &hearts;") == "Tom & Jerry <3 \u2665");
  CHECK(clean_prompt("&amp;amp;amp;amp; deep") == "& deep");
  CHECK(clean_prompt("&#233;&#xE9;&#128;&#0;") == "\u00E9\u00E9\u20AC\uFFFD");
  CHECK(clean_prompt("&#xD800;&#99999999999;") == "\uFFFD\uFFFD");
  CHECK(clean_prompt("x&#1;y&#x7F;z") == "xyz");
  CHECK(clean_prompt("&copy2024 &notit; &unknown;") == "\u00A92024 \u00ACit; &unknown;");
  CHECK(clean_prompt("P&EACUTE;REZ &SZLIG;") == "P\u00C9REZ SS");
  CHECK(clean_prompt("& &; &# &#x; &#59;") == "& &; &# &#x; ;");
}

TEST_CASE("from a \"<\" on, references are decoded twice and no more") {
  CHECK(clean_prompt("<b>&amp;amp;amp;</b>") == "<b>&amp;</b>");
  CHECK(clean_prompt("&amp;amp;amp;\n<b>\n&amp;amp;amp;") == "& <b> &amp;");
}

TEST_CASE("text in a wrong encoding is repaired") {
  const auto misread = [](const std::string& utf8) {  // as Latin-1
    std::string text;
    for (const char c : utf8) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x80) {
        text += c;
      } else {
        text += static_cast<char>(0xC0 | byte >> 6);
        text += static_cast<char>(0x80 | (byte & 0x3F));
      }
    }
    return text;
  };
  const std::string text = "sch\u00F6n \u4F60\u597D \U0001F600";
  CHECK(clean_prompt(misread(text)) == text);
  CHECK(clean_prompt(misread(misread(text))) == text);
  CHECK(clean_prompt("It\u00E2\u20AC\u2122s") == "It's");
  CHECK(clean_prompt("fa\u00E7ade \u00C3\u00A9t\u00C3\u00A9") == "fa\u00E7ade \u00E9t\u00E9");
  CHECK(clean_prompt("voil\u00C3 le travail") == "voil\u00E0 le travail");
  CHECK(clean_prompt("a\u0085b") == "a\u2026b");
}

TEST_CASE("right text is left alone") {
  for (const std::string text :
       {"Plain text.", "\u00C0 la carte", "\u4E2D\u6587", "\u041F\u0440\u0438\u0432\u0435\u0442",
        "\u00AB\u00C9t\u00E9\u00BB", "\U0001F468\u200D\U0001F469"}) {
    CHECK(clean_prompt(text) == text);
  }
}

TEST_CASE("ill-formed UTF-8 does no harm") {
  CHECK(clean_prompt("a\xFF z") == "a\uFFFD z");
  CHECK(clean_prompt("\xE4\xBD") == "\uFFFD");
}

}  // namespace
}  // namespace multitalk
