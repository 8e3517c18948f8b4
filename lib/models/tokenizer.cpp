#include "models/tokenizer.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kMetaspace = "\u2581";  // stands for a blank
constexpr std::string_view kEndToken = "</s>";
constexpr double kUnknownPenalty = 10;  // below the least score of a piece

std::string decode_base64(const std::string& text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) throw weights_error("precompiled_charsmap is no base64");
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

void require(bool condition, std::string_view what) {
  if (!condition) throw weights_error("not the tokenizer of umT5: {}", what);
}

/// Throws unless the normalizer is T5's; its charsmap.
Charsmap read_normalizer(const json& normalizer) {
  require(normalizer.at("type") == "Sequence", "its normalizer is no sequence");
  std::vector<std::string> types;
  std::string charsmap;
  for (const json& step : normalizer.at("normalizers")) {
    types.push_back(step.at("type"));
    if (types.back() == "Precompiled") charsmap = step.at("precompiled_charsmap");
    if (types.back() == "Strip") {
      require(!step.at("strip_left").get<bool>() && step.at("strip_right").get<bool>(),
              "it strips another side than the right one");
    }
    if (types.back() == "Replace") {
      require(step.at("pattern") == json{{"Regex", " {2,}"}} && step.at("content") == kMetaspace,
              "it replaces other text than runs of blanks");
    }
  }
  require(types == std::vector<std::string>{"Precompiled", "Strip", "Replace"},
          "its normalizer has other steps than a charsmap, strip and replace");
  return Charsmap(decode_base64(charsmap));
}

void check_pre_tokenizer(const json& pre_tokenizer) {
  require(pre_tokenizer.at("type") == "Metaspace" && pre_tokenizer.at("replacement") == kMetaspace,
          "its pre-tokenizer is no metaspace");
  const bool prepends = pre_tokenizer.contains("prepend_scheme")
                            ? pre_tokenizer["prepend_scheme"] == "always"
                            : pre_tokenizer.value("add_prefix_space", true);
  require(prepends && pre_tokenizer.value("split", true), "its metaspace settings are others");
}

/// Bytes of the character that starts with `lead`.
std::size_t character_bytes(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  if (byte < 0xC0) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

std::size_t bytes_without_trailing_space(const std::string& text) {
  auto end = static_cast<int32_t>(text.size());
  for (int32_t start = end; start > 0; end = start) {
    UChar32 character = 0;
    U8_PREV(text.data(), 0, start, character);
    if (!u_isUWhiteSpace(character)) break;
  }
  return end;
}

/// The text with one metaspace for every run of blanks, and one at the start.
std::string with_metaspaces(std::string_view text) {
  std::string result;
  if (!text.starts_with(' ') && !text.starts_with(kMetaspace)) result += kMetaspace;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ' ') {
      result += text[i];
    } else if (i == 0 || text[i - 1] != ' ') {
      result += kMetaspace;
    }
  }
  return result;
}

}  // namespace

Tokenizer::Tokenizer(const fs::path& folder) {
  const MappedFile file(folder / "tokenizer.json");
  try {
    read({reinterpret_cast<const char*>(file.data()), file.size()});
  } catch (const json::exception& error) {
    throw weights_error("{}: damaged: {}", file.path().string(), error.what());
  } catch (const Error& error) {
    throw error.within(file.path().string());
  }
}

void Tokenizer::read(std::string_view text) {
  const json content = json::parse(text);
  charsmap_ = read_normalizer(content.at("normalizer"));
  check_pre_tokenizer(content.at("pre_tokenizer"));

  const json& model = content.at("model");
  require(model.value("type", "Unigram") == "Unigram" && !model.value("byte_fallback", false),
          "its model is no unigram without byte fallback");
  double least_score = std::numeric_limits<double>::infinity();
  for (const json& entry : model.at("vocab")) {
    const auto id = static_cast<int64_t>(pieces_.size());
    const std::string piece = entry.at(0);
    const double score = entry.at(1);
    require(pieces_.emplace(piece, Piece{id, score}).second, "a piece appears twice");
    longest_piece_ = std::max(longest_piece_, piece.size());
    least_score = std::min(least_score, score);
  }
  unknown_id_ = model.at("unk_id");
  unknown_score_ = least_score - kUnknownPenalty;

  for (const json& token : content.at("added_tokens")) {
    require(!token.at("normalized").get<bool>() && !token.at("single_word").get<bool>(),
            "an added token is matched in another way");
    added_tokens_.push_back(
        {token.at("content"), token.at("id"), token.at("lstrip"), token.at("rstrip")});
    require(!added_tokens_.back().content.empty(), "an added token is empty");
    if (added_tokens_.back().content == kEndToken) end_id_ = added_tokens_.back().id;
  }
  std::stable_sort(added_tokens_.begin(), added_tokens_.end(), [](const auto& a, const auto& b) {
    return a.content.size() > b.content.size();
  });
  require(end_id_ >= 0, "it has no end token");
}

const Tokenizer::AddedToken* Tokenizer::added_token_at(std::string_view text) const {
  for (const AddedToken& token : added_tokens_) {
    if (text.starts_with(token.content)) return &token;
  }
  return nullptr;
}

std::vector<int64_t> Tokenizer::encode(std::string_view utf8, int64_t max_tokens) const {
  MULTITALK_CHECK(max_tokens >= 1, "max_tokens {}", max_tokens);
  std::vector<int64_t> ids;
  std::size_t start = 0;  // of the text that no added token has taken yet
  for (std::size_t at = 0; at < utf8.size();) {
    const AddedToken* token = added_token_at(utf8.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::string_view before = utf8.substr(start, at - start);
    if (token->strips_left) before = before.substr(0, before.find_last_not_of(' ') + 1);
    encode_text(before, ids);
    ids.push_back(token->id);
    at += token->content.size();
    if (token->strips_right) at = std::min(utf8.find_first_not_of(' ', at), utf8.size());
    start = at;
  }
  encode_text(utf8.substr(start), ids);
  if (static_cast<int64_t>(ids.size()) >= max_tokens) ids.resize(max_tokens - 1);
  ids.push_back(end_id_);
  return ids;
}

std::string Tokenizer::normalize(std::string_view text) const {
  std::string normal = charsmap_->normalize(text);
  normal.resize(bytes_without_trailing_space(normal));
  return normal.empty() ? normal : with_metaspaces(normal);
}

/// Every metaspace starts a new word.
void Tokenizer::encode_text(std::string_view text, std::vector<int64_t>& ids) const {
  const std::string normal = normalize(text);
  std::string_view rest = normal;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(kMetaspace, 1), rest.size());
    encode_word(rest.substr(0, end), ids);
    rest.remove_prefix(end);
  }
}

/// Viterbi's algorithm over the byte positions; a run of unknown characters gives one id.
void Tokenizer::encode_word(std::string_view word, std::vector<int64_t>& ids) const {
  struct Node {
    int64_t id = -1;
    double score = 0;
    std::size_t start = 0;
  };
  std::vector<Node> best(word.size() + 1);  // the best path that ends at a position
  const auto offer = [&](std::size_t start, std::size_t end, const Piece& piece) {
    const double score = best[start].score + piece.score;
    if (best[end].id < 0 || score > best[end].score) best[end] = {piece.id, score, start};
  };
  for (std::size_t start = 0; start < word.size();) {
    const std::size_t next = std::min(start + character_bytes(word[start]), word.size());
    bool known = false;
    for (std::size_t end = start + 1; end <= std::min(start + longest_piece_, word.size()); ++end) {
      const auto found = pieces_.find(word.substr(start, end - start));
      if (found == pieces_.end()) continue;
      offer(start, end, found->second);
      known = known || end == next;
    }
    if (!known) offer(start, next, {unknown_id_, unknown_score_});
    start = next;
  }
  std::vector<int64_t> reversed;
  for (std::size_t end = word.size(); end > 0; end = best[end].start) {
    const bool again = !reversed.empty() && reversed.back() == unknown_id_;
    if (best[end].id != unknown_id_ || !again) reversed.push_back(best[end].id);
  }
  ids.insert(ids.end(), reversed.rbegin(), reversed.rend());
}

}  // namespace multitalk
