// functions/input_json and functions/examples: which inputs are accepted, and as which job.
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "media/image_reader.h"
#include "pipeline/frame_schedule.h"
#include "pipeline/job.h"
#include "pipeline/json_fields.h"
#include "pipeline/speech.h"
#include "support/catch.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;

/// Paths in the files are relative to the working directory.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(const fs::path& folder) : before_(fs::current_path()) {
    fs::current_path(folder);
  }
  ~WorkingDirectory() { fs::current_path(before_); }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;

 private:
  fs::path before_;
};

/// All that can be checked before a model is loaded, by the reference's rules.
Job resolve(const fs::path& file, int frame_num) {
  Job job;
  job.compat = Compat::kReference;
  job.task = load_task("multitalk-14B");
  job.size = job.task.default_size;
  job.frame_num = frame_num;
  read_input_json(file, job);
  validate_job(job);
  const Image image = read_image(job.image, ImageOptions::reference());
  validate_boxes(job, image.height, image.width);
  ScheduleOptions options;
  options.frame_num = frame_num;
  options.reference = true;
  plan_clips(prepare_speech(job).frames(), options);
  return job;
}

void check_boxes(const Job& job, const Json& theirs) {
  for (std::size_t i = 0; i < job.speakers.size(); ++i) {
    INFO("box " << i);
    REQUIRE(job.speakers[i].box.has_value() == !theirs.is_null());
    if (theirs.is_null()) continue;
    const Box& box = *job.speakers[i].box;
    CHECK(std::vector<double>{box.row_min, box.column_min, box.row_max, box.column_max} ==
          theirs[i].get<std::vector<double>>());
  }
}

void check_job(const Job& job, const Json& theirs) {
  CHECK(job.prompt == theirs["prompt"].get<std::string>());
  CHECK(job.image == fs::path(theirs["image"].get<std::string>()));
  REQUIRE(job.speakers.size() == theirs["persons"].get<std::size_t>());
  for (std::size_t i = 0; i < job.speakers.size(); ++i) {
    INFO("person " << i + 1);
    const Json& audio = theirs["audio"][i];
    REQUIRE(job.speakers[i].audio.has_value() == !audio.is_null());
    if (!audio.is_null()) CHECK(*job.speakers[i].audio == fs::path(audio.get<std::string>()));
  }
  if (!theirs["audio_type"].is_null()) {
    CHECK((job.audio_type == AudioType::kSequential) == (theirs["audio_type"] == "add"));
  }
  check_boxes(job, theirs["boxes_row_col_row_col"]);
}

/// Nothing where the reference refuses what it would be better to accept.
std::optional<bool> expected_ok(const Json& row) {
  const bool ok = row["expected"] == "ok";
  if (!ok && row["reason"].get<std::string>().find("accepting it is better") != std::string::npos) {
    return std::nullopt;
  }
  return ok;
}

TEST_CASE("input JSON: verdict and job of every file") {
  const fs::path folder = test::golden_dir() / "functions/input_json";
  const Json rows = parse_json_object(read_file(folder / "expected.json"))["rows"];
  const WorkingDirectory here(folder);
  int seen = 0;
  for (const Json& row : rows) {
    if (row["audio_mode"] != "localfile") continue;
    ++seen;
    INFO("row " << row.dump());
    const std::optional<bool> ok = expected_ok(row);
    try {
      const Job job = resolve(row["file"].get<std::string>(), row["frame_num"]);
      CHECK(ok.value_or(true));
      if (row.contains("job")) check_job(job, row["job"]);
    } catch (const Error& error) {
      INFO("our verdict: " << error.what());
      CHECK_FALSE(ok.value_or(false));
      CHECK(error.code() == ExitCode::kInput);
    }
  }
  REQUIRE(seen > 0);
}

/// An input of an official example's shape.
Json input_like(const Json& row) {
  Json input;
  for (const Json& key : row["keys"]) input[key.get<std::string>()] = "words";
  input["cond_image"] = row["cond_image"];
  input["cond_audio"] = row["cond_audio"];
  if (!row["audio_type"].is_null()) input["audio_type"] = row["audio_type"];
  if (!row["bbox"].is_null()) input["bbox"] = row["bbox"];
  return input;
}

TEST_CASE("input JSON: the official examples") {
  const Json rows =
      parse_json_object(read_file(test::golden_dir() / "functions/examples/examples.json"))["rows"];
  const Task task = load_task("multitalk-14B");
  const test::TemporaryFolder folder;
  const fs::path file = folder.path() / "input.json";
  REQUIRE_FALSE(rows.empty());
  for (const Json& row : rows) {
    INFO("row " << row.dump());
    write_file_atomically(file, input_like(row).dump());
    Job job;
    if (row["audio_mode"] == "tts") {
      CHECK_THROWS_AS(read_input_json(file, job), Error);
    } else {
      read_input_json(file, job);
      REQUIRE(job.speakers.size() == row["persons"].get<std::size_t>());
      for (const Speaker& speaker : job.speakers) {
        REQUIRE(speaker.audio);
        CHECK(speaker.audio->string() == row["cond_audio"][speaker.name].get<std::string>());
        CHECK(speaker.box.has_value() == !row["bbox"].is_null());
      }
      CHECK_NOTHROW(validate_boxes(job, row["image"]["h"], row["image"]["w"]));
    }
    for (const auto& [name, size] : task.sizes) {
      const Bucket bucket = nearest_bucket(size, row["image"]["h"], row["image"]["w"]);
      CHECK(Json{bucket.height, bucket.width} == row["image"][name]);
    }
  }
}

}  // namespace
}  // namespace multitalk
