#include "models/tokenizer.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/error.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Ids = std::vector<int64_t>;

/// A tokenizer of a few pieces, with an empty charsmap.
json small_tokenizer() {
  json content = json::parse(R"({
    "normalizer": {"type": "Sequence", "normalizers": [
      {"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="},
      {"type": "Strip", "strip_left": false, "strip_right": true},
      {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]},
    "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": true},
    "model": {"type": "Unigram", "unk_id": 2, "byte_fallback": false, "vocab": [
      ["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["▁", -2], ["▁ab", -3],
      ["a", -2], ["b", -2], ["abc", -6.5], ["c", -2]]}})");
  const std::vector<std::tuple<int, std::string, bool>> added = {
      {0, "<pad>", false}, {1, "</s>", false}, {9, "<x>", true}, {10, "<x>y", false}};
  for (const auto& [id, text, strips] : added) {
    content["added_tokens"].push_back({{"id", id},
                                       {"content", text},
                                       {"single_word", false},
                                       {"lstrip", strips},
                                       {"rstrip", strips},
                                       {"normalized", false}});
  }
  return content;
}

/// A folder with a tokenizer.json.
struct Folder : test::TemporaryFolder {
  explicit Folder(const std::string& content) { write("tokenizer.json", content); }
};

Ids encode(const std::string& text, int64_t max_tokens = 512) {
  return Tokenizer(Folder(small_tokenizer().dump()).path()).encode(text, max_tokens);
}

std::string message_of(const std::string& content) {
  try {
    const Tokenizer tokenizer(Folder(content).path());
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kWeights);
    return error.what();
  }
  return "";
}

TEST_CASE("the pieces with the greatest sum of scores are taken") {
  CHECK(encode("") == Ids{1});
  CHECK(encode("ab") == Ids{4, 1});
  CHECK(encode("abc") == Ids{4, 8, 1});            // -3 -2 beats -2 -6.5
  CHECK(encode("aabc") == Ids{3, 5, 5, 6, 8, 1});  // three letters beat "abc"
  CHECK(encode("c  ab ") == Ids{3, 8, 4, 1});
}

TEST_CASE("a run of unknown characters is one unknown token within a word") {
  CHECK(encode("\U0001F600\u4E2D") == Ids{3, 2, 1});
  CHECK(encode("\u4E2D \u4E2D") == Ids{3, 2, 3, 2, 1});
  CHECK(encode("\u4E2Da\u4E2D") == Ids{3, 2, 5, 2, 1});
}

TEST_CASE("added tokens are matched first, the longest one") {
  CHECK(encode("a</s>b") == Ids{3, 5, 1, 3, 6, 1});
  CHECK(encode("a <x> b") == Ids{3, 5, 9, 3, 6, 1});
  CHECK(encode("<x>y") == Ids{10, 1});
  CHECK(encode("  <pad>  ") == Ids{0, 1});
}

TEST_CASE("the end token is kept when the ids are cut") {
  CHECK(encode("ab ab ab", 3) == Ids{4, 4, 1});
  CHECK(encode("ab ab", 3) == Ids{4, 4, 1});
  CHECK(encode("ab", 1) == Ids{1});
}

TEST_CASE("tokenizers of another kind are refused") {
  CHECK_THROWS_AS(Tokenizer(fs::temp_directory_path() / "multitalk_no_such_folder"), Error);
  CHECK(message_of("{").find("damaged") != std::string::npos);
  CHECK(message_of("{}").find("damaged") != std::string::npos);
  json content = small_tokenizer();
  content["model"]["byte_fallback"] = true;
  CHECK(message_of(content.dump()).find("byte fallback") != std::string::npos);
  content = small_tokenizer();
  content["pre_tokenizer"]["type"] = "ByteLevel";
  CHECK(message_of(content.dump()).find("metaspace") != std::string::npos);
  content = small_tokenizer();
  content["normalizer"]["normalizers"].erase(1);
  CHECK(message_of(content.dump()).find("normalizer") != std::string::npos);
  content = small_tokenizer();
  content["normalizer"]["normalizers"][0]["precompiled_charsmap"] = "/////w==";
  CHECK(message_of(content.dump()).find("charsmap") != std::string::npos);
  content = small_tokenizer();
  content["added_tokens"].erase(1);
  CHECK(message_of(content.dump()).find("end token") != std::string::npos);
}

}  // namespace
}  // namespace multitalk
