#include "pipeline/task.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "support/catch.h"
#include "support/error_text.h"
#include "support/stderr_capture.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

using test::error_text;
using test::mentions;

const std::string kTaskText = R"({
  "name": "small",
  "negative_prompt": "blurred",
  "default_size": "s",
  "sizes": {
    "s": {"sample_shift": 5, "teacache_coefficients": [1, 0],
          "buckets": {"1.00": [48, 48], "0.50": [[32, 64], 1], "2.00": [64, 32]}}
  }
})";

/// kTaskText with one part exchanged.
std::string changed(const std::string& from, const std::string& to) {
  std::string text = kTaskText;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string parse_error(const std::string& text) {
  return error_text([&] { parse_task(text, "small.json"); });
}

TEST_CASE("task: multitalk-14B is built in") {
  const Task task = load_task("multitalk-14B");
  CHECK(task.name == "multitalk-14B");
  CHECK(task.default_size == "multitalk-480");
  CHECK_FALSE(task.negative_prompt.empty());
  CHECK(task.sizes.at("multitalk-480").sample_shift == 7);
  CHECK(task.sizes.at("multitalk-720").sample_shift == 11);
  CHECK(task.sizes.at("multitalk-480").teacache_coefficients.size() == 5);
}

TEST_CASE("task: the model sizes of multitalk-14B are those of the official checkpoints") {
  const Task task = load_task("multitalk-14B");
  REQUIRE(task.model_sizes.has_value());
  const auto parameters = [](const std::string& manifest) {
    const std::string file =
        std::string(MULTITALK_SOURCE_DIR) + "/tests/manifests/" + manifest + ".json";
    return nlohmann::json::parse(read_file(file)).at("parameters").get<int64_t>();
  };
  CHECK(task.model_sizes->transformer == parameters("multitalk-14B-dit"));
  CHECK(task.model_sizes->text_encoder == parameters("umt5-xxl-encoder"));
  CHECK(task.model_sizes->vae == parameters("wan2.1-vae"));
  CHECK(task.model_sizes->wav2vec2 == parameters("wav2vec2-base"));
  CHECK_FALSE(parse_task(kTaskText, "small.json").model_sizes.has_value());
}

TEST_CASE("task: a model size that is missing or no number is named") {
  const std::string sizes = R"("model_sizes": {"wav2vec2": 1, "text_encoder": "two"}, "sizes")";
  const std::string error = parse_error(changed("\"sizes\"", sizes));
  CHECK(mentions(error, "model_sizes"));
  CHECK(mentions(error, "text_encoder"));
}

TEST_CASE("task: an unknown name lists the known ones and suggests") {
  const std::string text = error_text([] { load_task("multitalk-14b"); });
  CHECK(mentions(text, "multitalk-14B"));
  CHECK(mentions(text, "did you mean multitalk-14B?"));
  CHECK(mentions(error_text([] { load_task("missing.json"); }), "missing.json"));
}

TEST_CASE("task: a file, with buckets in both forms, in their order") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder.path() / "small.json", kTaskText);
  const Task task = load_task((folder.path() / "small.json").string());
  const std::vector<Bucket>& buckets = task.sizes.at("s").buckets;
  REQUIRE(buckets.size() == 3);
  CHECK(buckets[0].ratio == 1);
  CHECK(buckets[1].height == 32);
  CHECK(buckets[1].width == 64);
  CHECK(buckets[2].ratio == 2);
}

TEST_CASE("task: errors name the file and the field") {
  CHECK(mentions(parse_error(changed("\"blurred\"", "3")), "small.json: negative_prompt"));
  CHECK(mentions(parse_error(changed("\"sample_shift\": 5", "\"sample_shift\": -1")),
                 "small.json: sizes.s.sample_shift"));
  CHECK(mentions(parse_error(changed("[48, 48]", "[48, 50]")),
                 "small.json: sizes.s.buckets[\"1.00\"]"));
  CHECK(mentions(parse_error(changed("[48, 48]", "[48]")), "[height, width]"));
  CHECK(mentions(parse_error(changed("\"1.00\"", "\"wide\"")), "ratio"));
  CHECK(mentions(parse_error(changed("\"default_size\": \"s\"", "\"default_size\": \"t\"")),
                 "default_size"));
  CHECK(mentions(parse_error("{"), "small.json: not valid JSON: line 1"));
}

TEST_CASE("task: a misspelt key is named and suggested") {
  const std::string text = changed("teacache_coefficients", "teacache_coeficients");
  std::string error;
  const std::string warnings = test::capture_stderr([&] { error = parse_error(text); });
  CHECK(mentions(error, "sizes.s.teacache_coefficients is missing"));
  CHECK(mentions(error, "teacache_coeficients"));
  CHECK(mentions(warnings, "did you mean \"teacache_coefficients\"?"));
}

TEST_CASE("task: the nearest bucket; ties go to the first") {
  const SizeClass size = parse_task(kTaskText, "small.json").sizes.at("s");
  CHECK(nearest_bucket(size, 100, 100).ratio == 1);
  CHECK(nearest_bucket(size, 100, 900).ratio == 0.5);
  CHECK(nearest_bucket(size, 150, 100).ratio == 1);  // as near to 2
}

TEST_CASE("task: a size by name or as HEIGHTxWIDTH") {
  const Task task = load_task("multitalk-14B");
  CHECK(resolve_size(task, "multitalk-720").buckets.size() > 1);
  const SizeClass exact = resolve_size(task, "480x832");
  REQUIRE(exact.buckets.size() == 1);
  CHECK(exact.buckets[0].height == 480);
  CHECK(exact.buckets[0].width == 832);
  CHECK(exact.sample_shift == 7);
  CHECK(resolve_size(task, "720x1280").sample_shift == 11);
}

TEST_CASE("task: sizes that cannot be") {
  const Task task = load_task("multitalk-14B");
  for (const char* size : {"480*832", "x", "480x", "480x832x3", "", "large"}) {
    INFO(size);
    CHECK(mentions(error_text([&] { resolve_size(task, size); }), "HEIGHTxWIDTH"));
  }
  for (const char* size : {"480x830", "0x16", "-16x16"}) {
    INFO(size);
    CHECK(mentions(error_text([&] { resolve_size(task, size); }), "multiples of 16"));
  }
  CHECK(mentions(error_text([&] { resolve_size(task, "multitalk-460"); }), "did you mean"));
}

}  // namespace
}  // namespace multitalk
