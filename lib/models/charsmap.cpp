#include "models/charsmap.h"

#include <unicode/brkiter.h>
#include <unicode/unistr.h>

#include <memory>

#include "base/error.h"

namespace multitalk {
namespace {

constexpr std::size_t kUnitBytes = 4;

// A unit of a darts-clone double array: https://github.com/s-yata/darts-clone
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000FF; }
std::uint32_t offset_of(std::uint32_t unit) { return unit >> 10 << ((unit & 0x200) >> 6); }

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kUnitBytes; ++i) {
    value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

/// Calls `visit` with the UTF-8 of every grapheme cluster.
template <typename Visit>
void for_each_grapheme(const icu::UnicodeString& text, const Visit& visit) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  if (U_FAILURE(status)) throw internal_error("ICU: {}", u_errorName(status));
  breaks->setText(text);
  int32_t start = breaks->first();
  for (int32_t end = breaks->next(); end != icu::BreakIterator::DONE; end = breaks->next()) {
    visit(text.tempSubStringBetween(start, end));
    start = end;
  }
}

std::string utf8_of(const icu::UnicodeString& text) {
  std::string utf8;
  text.toUTF8String(utf8);
  return utf8;
}

}  // namespace

Charsmap::Charsmap(std::string_view blob) {
  if (blob.size() < kUnitBytes || little_endian(blob) > blob.size() - kUnitBytes ||
      little_endian(blob) % kUnitBytes != 0) {
    throw weights_error("the tokenizer's precompiled_charsmap is damaged");
  }
  const std::size_t trie_bytes = little_endian(blob);
  blob.remove_prefix(kUnitBytes);
  for (std::size_t i = 0; i < trie_bytes; i += kUnitBytes) {
    trie_.push_back(little_endian(blob.substr(i)));
  }
  texts_ = blob.substr(trie_bytes);
}

const char* Charsmap::find(std::string_view text) const {
  if (trie_.empty()) return nullptr;
  std::uint32_t position = offset_of(trie_[0]);
  for (const char c : text) {
    const std::uint32_t label = static_cast<unsigned char>(c);
    position ^= label;
    if (label == 0 || position >= trie_.size()) return nullptr;
    const std::uint32_t unit = trie_[position];
    if (label_of(unit) != label) return nullptr;
    position ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (position >= trie_.size() || value_of(trie_[position]) >= texts_.size()) return nullptr;
    return texts_.c_str() + value_of(trie_[position]);
  }
  return nullptr;
}

std::string Charsmap::normalize(std::string_view utf8) const {
  constexpr std::size_t kMaxGraphemeBytes = 6;
  std::string normal;
  const auto text = icu::UnicodeString::fromUTF8({utf8.data(), static_cast<int32_t>(utf8.size())});
  for_each_grapheme(text, [&](const icu::UnicodeString& grapheme) {
    const std::string whole = utf8_of(grapheme);
    if (whole.size() < kMaxGraphemeBytes) {
      if (const char* replacement = find(whole)) {
        normal += replacement;
        return;
      }
    }
    for (int32_t i = 0; i < grapheme.length(); i = grapheme.moveIndex32(i, 1)) {
      const std::string character = utf8_of(icu::UnicodeString(grapheme.char32At(i)));
      const char* replacement = find(character);
      normal += replacement != nullptr ? std::string(replacement) : character;
    }
  });
  return normal;
}

}  // namespace multitalk
