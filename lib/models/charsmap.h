// The character normalisation of a SentencePiece model, as Hugging Face's fast tokenizers apply it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace multitalk {

/// A table of replacements (here NFKC and space folding): a double-array trie over UTF-8 keys,
/// whose values are offsets into one block of zero-terminated texts. Layout: SentencePiece's
/// `precompiled_charsmap`, a 4-byte trie size, the trie in 4-byte units, the texts.
class Charsmap {
 public:
  /// Throws a weights error where the sizes do not fit.
  explicit Charsmap(std::string_view blob);

  /// Replaces per grapheme cluster of fewer than 6 bytes, else per character; the shortest key that
  /// starts there decides, as in the `spm_precompiled` crate.
  std::string normalize(std::string_view utf8) const;

 private:
  /// The text for the shortest key that `text` begins with; null where there is none.
  const char* find(std::string_view text) const;

  std::vector<std::uint32_t> trie_;
  std::string texts_;
};

}  // namespace multitalk
