// functions/streaming: which audio frames each clip covers, and what is kept of the video.
#include "pipeline/frame_schedule.h"

#include "base/error.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

using nlohmann::json;
using test::golden_json;
using test::golden_tensors;

const std::string kFolder = "functions/streaming/";

ScheduleOptions reference_options(int frame_num, int motion_frame, bool streaming) {
  ScheduleOptions options;
  options.frame_num = frame_num;
  options.motion_frame = motion_frame;
  options.streaming = streaming;
  options.reference = true;
  return options;
}

/// Columns: a number of audio frames for each speaker, frame_num, motion_frame, clips, start of the
/// last, frames produced, frames kept or an error.
void check_row(const json& row, std::size_t speakers, bool streaming) {
  INFO("row " << row.dump());
  std::vector<int> audio_frames;
  for (std::size_t i = 0; i < speakers; ++i) audio_frames.push_back(row[i].get<int>());
  const auto column = [&](std::size_t i) { return row[speakers + i].get<int>(); };
  const ScheduleOptions options = reference_options(column(0), column(1), streaming);
  if (row.back().is_string()) {
    CHECK_THROWS_AS(plan_clips(audio_frames, options), Error);
    return;
  }
  const FrameSchedule schedule = plan_clips(audio_frames, options);
  CHECK(static_cast<int>(schedule.clips.size()) == column(2));
  CHECK(schedule.clips.back().start == column(3));
  CHECK(schedule.clips.back().end == column(4));
  CHECK(schedule.frames_kept == column(5));
}

void check_table(const std::string& file, std::size_t speakers, bool streaming) {
  const json table = golden_json(kFolder + file);
  REQUIRE_FALSE(table["rows"].empty());
  for (const json& row : table["rows"]) check_row(row, speakers, streaming);
}

TEST_CASE("schedule: streaming, one person") { check_table("schedule.json", 1, true); }
TEST_CASE("schedule: near and beyond the reference's limit") { check_table("long.json", 1, true); }
TEST_CASE("schedule: clip mode") { check_table("clip_mode.json", 1, false); }
TEST_CASE("schedule: two persons of unequal length") { check_table("two_persons.json", 2, true); }

TEST_CASE("schedule: unusual motion frames") {
  const json rows = golden_json(kFolder + "details.json")["odd"]["rows"];
  REQUIRE_FALSE(rows.empty());
  for (const json& row : rows) {
    INFO("row " << row.dump());
    const ScheduleOptions options = reference_options(row[1], row[2], true);
    if (row[5].is_string()) {
      CHECK_THROWS_AS(plan_clips({row[0].get<int>()}, options), Error);
      continue;
    }
    const FrameSchedule schedule = plan_clips({row[0].get<int>()}, options);
    CHECK(schedule.clips.size() == row[3].get<std::size_t>());
    CHECK(schedule.frames_kept == row[4].get<int>());
  }
}

at::Tensor to_tensor(const std::vector<int>& values) { return at::tensor(values, at::kInt); }

/// 1000 * clip + frame in the clip, for each frame of the video.
at::Tensor frames_kept(const FrameSchedule& schedule) {
  std::vector<int> frames;
  for (std::size_t k = 0; k < schedule.clips.size(); ++k) {
    const ClipSpan& clip = schedule.clips[k];
    for (int i = 0; i < clip.new_frames; ++i) {
      frames.push_back(static_cast<int>(1000 * k) + clip.motion_frames + i);
    }
  }
  return to_tensor(frames);
}

at::Tensor all_windows(const FrameSchedule& schedule, std::size_t speaker, int frame_num) {
  std::vector<at::Tensor> clips;
  for (const ClipSpan& clip : schedule.clips) {
    clips.push_back(to_tensor(window_rows(schedule, clip, speaker)).view({frame_num, 5}));
  }
  return at::stack(clips);
}

TEST_CASE("schedule: the audio rows of every frame, and the frames kept") {
  const json rows = golden_json(kFolder + "details.json")["rows"];
  const auto tensors = golden_tensors(kFolder + "details.safetensors");
  REQUIRE_FALSE(rows.empty());
  for (const json& row : rows) {
    const std::string name = row["name"];
    INFO("case " << row.dump());
    const auto audio_frames = row["audio_frames"].get<std::vector<int>>();
    const FrameSchedule schedule =
        plan_clips(audio_frames, reference_options(row["frame_num"], row["motion_frame"], true));
    CHECK(schedule.clips.size() == row["clips"].get<std::size_t>());
    CHECK(at::equal(frames_kept(schedule), tensors.at(name + ".frames")));
    for (std::size_t i = 0; i < audio_frames.size(); ++i) {
      const auto theirs = tensors.find(name + ".windows.person" + std::to_string(i + 1));
      REQUIRE(theirs != tensors.end());
      CHECK(at::equal(all_windows(schedule, i, row["frame_num"]), theirs->second));
    }
  }
}

}  // namespace
}  // namespace multitalk
