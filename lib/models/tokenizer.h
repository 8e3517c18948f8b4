// From a prompt to token ids: the umT5 unigram tokenizer, as the official code's fast one works.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "models/charsmap.h"

namespace multitalk {

/// Kudo, "Subword Regularization" (2018): of all ways to cut a word into pieces, the one whose
/// scores add up highest. Characters that no piece covers are unknown; there is no byte fallback.
/// Immutable, so it may be shared between threads.
class Tokenizer {
 public:
  /// Reads `folder`/tokenizer.json. Throws a weights error where it is missing, damaged or of
  /// another kind than T5's: unigram, metaspace, a precompiled charsmap.
  explicit Tokenizer(const std::filesystem::path& folder);

  /// The ids of `utf8` (cleaned, see clean_prompt), cut so that with the end token, which is always
  /// the last, there are at most `max_tokens`. No padding.
  std::vector<int64_t> encode(std::string_view utf8, int64_t max_tokens = 512) const;

 private:
  /// A token that is matched in the raw text before anything else ("</s>", "<extra_id_0>").
  struct AddedToken {
    std::string content;
    int64_t id = 0;
    bool strips_left = false;   ///< takes the blanks before it along
    bool strips_right = false;  ///< and those after it
  };
  struct Piece {
    int64_t id = 0;
    double score = 0;
  };
  struct TransparentHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  void read(std::string_view text);
  const AddedToken* added_token_at(std::string_view text) const;

  /// The charsmap's form of the text, trimmed at the right, with metaspaces for blanks.
  std::string normalize(std::string_view text) const;

  void encode_text(std::string_view text, std::vector<int64_t>& ids) const;
  void encode_word(std::string_view word, std::vector<int64_t>& ids) const;

  std::optional<Charsmap> charsmap_;
  std::vector<AddedToken> added_tokens_;  // the longest first
  std::unordered_map<std::string, Piece, TransparentHash, std::equal_to<>> pieces_;
  std::size_t longest_piece_ = 0;  // bytes
  int64_t unknown_id_ = 0;
  double unknown_score_ = 0;
  int64_t end_id_ = -1;
};

}  // namespace multitalk
