#include "base/file.h"
#include "pipeline/job.h"
#include "support/catch.h"
#include "support/error_text.h"
#include "support/stderr_capture.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

using test::error_text;
using test::mentions;

Job read(const std::string& text, Compat compat = Compat::kNone) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder.path() / "input.json", text);
  Job job;
  job.compat = compat;
  read_input_json(folder.path() / "input.json", job);
  return job;
}

std::string refusal(const std::string& text) {
  return error_text([&] { read(text); });
}

/// An input of two persons with more fields.
std::string two_persons(const std::string& fields) {
  return R"({"prompt": "p", "cond_image": "a.png", "audio_type": "para",
             "cond_audio": {"person1": "1.wav", "person2": "2.wav"}, )" +
         fields + "}";
}

TEST_CASE("input JSON: one person") {
  const Job job =
      read(R"({"prompt": "héllo", "cond_image": "a.png", "cond_audio": {"person1": "1.wav"}})");
  CHECK(job.prompt == "héllo");
  CHECK(job.image == "a.png");
  REQUIRE(job.speakers.size() == 1);
  CHECK(job.speakers[0].name == "person1");
  CHECK(*job.speakers[0].audio == "1.wav");
  CHECK_FALSE(job.speakers[0].box);
}

TEST_CASE("input JSON: three persons in order of their numbers, one silent") {
  const Job job = read(R"({"prompt": "", "cond_image": "a.png", "audio_type": "add",
      "cond_audio": {"person3": "3.wav", "person1": "1.wav", "person2": "None"}})");
  REQUIRE(job.speakers.size() == 3);
  CHECK(job.audio_type == AudioType::kSequential);
  CHECK(*job.speakers[0].audio == "1.wav");
  CHECK_FALSE(job.speakers[1].audio);
  CHECK(job.speakers[2].name == "person3");
}

TEST_CASE("input JSON: a byte order mark is skipped") {
  CHECK_NOTHROW(
      read("\xEF\xBB\xBF"
           R"({"prompt": "", "cond_image": "a", "cond_audio": {"person1": "1.wav"}})"));
}

TEST_CASE("input JSON: errors name the file and the field") {
  CHECK(mentions(refusal("{}"), "input.json: prompt is missing"));
  CHECK(mentions(refusal("[]"), "one JSON object"));
  CHECK(mentions(refusal("{\n  \"prompt\": }"), "not valid JSON: line 2"));
  CHECK(mentions(refusal("{\"prompt\": \"caf\xE9\"}"), "not UTF-8"));
  CHECK(mentions(refusal(R"({"prompt": 3})"), "prompt must be text"));
  CHECK(mentions(refusal(R"({"prompt": "", "cond_image": ""})"), "cond_image is empty"));
  const std::string start = R"({"prompt": "", "cond_image": "a", "cond_audio": )";
  CHECK(mentions(refusal(start + "[]}"), "cond_audio must be an object"));
  CHECK(mentions(refusal(start + R"({"person1": null}})"), "\"None\""));
  CHECK(mentions(refusal(start + R"({"person1": 7}})"), "cond_audio.person1"));
  CHECK(mentions(refusal(start + R"({"speaker": "1.wav"}})"), "speaker"));
  CHECK(mentions(refusal(start + R"({"person2": "1.wav"}})"), "person1 is missing"));
  CHECK(mentions(refusal(start + R"({"person01": "1.wav"}})"), "person01"));
  CHECK(mentions(refusal(start + R"({}, "tts_audio": {"text": "words"}})"), "tts_audio"));
  CHECK(mentions(error_text([] {
                   Job job;
                   read_input_json("nowhere.json", job);
                 }),
                 "nowhere.json"));
}

TEST_CASE("input JSON: audio_type is needed where several speak") {
  const std::string start = R"({"prompt": "", "cond_image": "a",
      "cond_audio": {"person1": "1.wav", "person2": "2.wav"})";
  CHECK(mentions(refusal(start + "}"), "audio_type is missing"));
  CHECK(mentions(refusal(start + R"(, "audio_type": "both"})"), "\"para\""));
}

TEST_CASE("input JSON: a misspelt key is named and suggested") {
  std::string error;
  const std::string warnings = test::capture_stderr(
      [&] { error = refusal(R"({"promt": "", "cond_image": "a", "cond_audio": {}})"); });
  CHECK(mentions(error, "did you mean prompt?"));
  CHECK(mentions(warnings, "did you mean \"prompt\"?"));
}

TEST_CASE("input JSON: boxes are rows and columns, or xyxy") {
  const std::string boxes = R"("bbox": {"person1": [1, 2, 3, 4], "person2": [5, 6, 7.5, 8]})";
  const Box plain = *read(two_persons(boxes)).speakers[1].box;
  CHECK(plain.row_min == 5);
  CHECK(plain.column_min == 6);
  CHECK(plain.row_max == 7.5);
  CHECK(plain.column_max == 8);
  const Box xyxy = *read(two_persons(boxes + R"(, "bbox_format": "xyxy")")).speakers[1].box;
  CHECK(xyxy.row_min == 6);
  CHECK(xyxy.column_min == 5);
  CHECK(xyxy.row_max == 8);
  CHECK(xyxy.column_max == 7.5);
  CHECK(mentions(refusal(two_persons(boxes + R"(, "bbox_format": "xywh")")), "xywh"));
}

TEST_CASE("input JSON: boxes belong to the persons they name; in the reference, to their order") {
  const std::string text =
      two_persons(R"("bbox": {"person2": [5, 6, 7, 8], "person1": [1, 2, 3, 4]})");
  CHECK(read(text).speakers[0].box->row_min == 1);
  CHECK(read(text, Compat::kReference).speakers[0].box->row_min == 5);
}

TEST_CASE("input JSON: boxes with other names go by their order, with a warning") {
  const std::string text = two_persons(R"("bbox": {"b": [5, 6, 7, 8], "a": [1, 2, 3, 4]})");
  Job job;
  const std::string warnings = test::capture_stderr([&] { job = read(text); });
  CHECK(job.speakers[0].box->row_min == 5);
  CHECK(mentions(warnings, "bbox"));
}

TEST_CASE("input JSON: boxes that cannot be") {
  CHECK(mentions(refusal(two_persons(R"("bbox": {"person1": [1, 2, 3, 4]})")), "1 boxes for 2"));
  CHECK(mentions(refusal(two_persons(R"("bbox": {"person1": [1, 2, 3], "person2": [1, 2, 3, 4]})")),
                 "bbox.person1 must be a list of four numbers"));
  CHECK(mentions(
      refusal(two_persons(R"("bbox": {"person1": ["a", 2, 3, 4], "person2": [1, 2, 3, 4]})")),
      "bbox.person1[0] must be a number"));
  CHECK(mentions(refusal(two_persons(R"("bbox": [1, 2, 3, 4])")), "bbox must be an object"));
}

}  // namespace
}  // namespace multitalk
