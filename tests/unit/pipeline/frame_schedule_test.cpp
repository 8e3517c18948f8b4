#include "pipeline/frame_schedule.h"

#include "base/error.h"
#include "support/catch.h"

namespace multitalk {
namespace {

ScheduleOptions streaming(int frame_num, int motion_frame) {
  ScheduleOptions options;
  options.frame_num = frame_num;
  options.motion_frame = motion_frame;
  options.streaming = true;
  return options;
}

int sum_of_new_frames(const FrameSchedule& schedule) {
  int sum = 0;
  for (const ClipSpan& clip : schedule.clips) sum += clip.new_frames;
  return sum;
}

TEST_CASE("frame numbers: 4n+1, with the nearest in messages") {
  CHECK(is_valid_frame_num(81));
  CHECK_FALSE(is_valid_frame_num(82));
  CHECK_FALSE(is_valid_frame_num(0));
  CHECK_FALSE(is_valid_frame_num(-3));
  CHECK(nearest_frame_nums(82) == "the nearest are 81 and 85");
  CHECK(nearest_frame_nums(84) == "the nearest are 81 and 85");
  CHECK(nearest_frame_nums(-7) == "the nearest is 1");
  CHECK(latent_frames(81) == 21);
}

TEST_CASE("frame numbers: presets snap within 25 to 201") {
  CHECK(snap_frame_num(82) == 81);
  CHECK(snap_frame_num(83) == 81);
  CHECK(snap_frame_num(84) == 85);
  CHECK_THROWS_AS(snap_frame_num(24), Error);
  CHECK_THROWS_AS(snap_frame_num(202), Error);
}

TEST_CASE("schedule: a streamed video is exactly as long as its sound") {
  for (int sound = 1; sound < 400; ++sound) {
    INFO("sound of " << sound << " frames");
    const FrameSchedule schedule = plan_clips({sound}, streaming(81, 25));
    CHECK(schedule.frames_kept == sound);
    CHECK(sum_of_new_frames(schedule) == sound);
    CHECK(schedule.clips.back().end >= sound);
    CHECK(schedule.clips.back().new_frames > 0);
    CHECK(schedule.clips.back().last);
  }
}

TEST_CASE("schedule: only the last clip is cut") {
  const FrameSchedule schedule = plan_clips({200}, streaming(81, 25));
  REQUIRE(schedule.clips.size() == 4);
  CHECK(schedule.clips[0].new_frames == 81);
  CHECK(schedule.clips[1].new_frames == 56);
  CHECK(schedule.clips[2].new_frames == 56);
  CHECK(schedule.clips[3].new_frames == 7);
  CHECK(schedule.clips[0].motion_frames == 0);
  CHECK(schedule.clips[1].motion_frames == 25);
}

TEST_CASE("schedule: there is no limit but the one that is asked for") {
  CHECK(plan_clips({5000}, streaming(81, 25)).frames_kept == 5000);
  ScheduleOptions options = streaming(81, 25);
  options.max_frames = 100;
  CHECK(plan_clips({5000}, options).frames_kept == 100);
  CHECK(plan_clips({5000}, options).clips.size() == 2);
}

TEST_CASE("schedule: clip mode makes one clip, shorter where the sound is") {
  ScheduleOptions options;
  CHECK(plan_clips({500}, options).frames_kept == 81);
  CHECK(plan_clips({30}, options).frames_kept == 30);
  CHECK(plan_clips({30}, options).clips.size() == 1);
  options.max_frames = 20;
  CHECK(plan_clips({500}, options).frames_kept == 20);
}

TEST_CASE("schedule: the sound's own length counts where rounding lost a row") {
  ScheduleOptions options = streaming(25, 5);
  options.sound_frames = 29;
  const FrameSchedule schedule = plan_clips({28}, options);
  CHECK(schedule.frames_kept == 29);
  CHECK(window_rows(schedule, schedule.clips.back(), 0).size() == 25 * 5);
}

TEST_CASE("schedule: behind its end the sound is mirrored") {
  const FrameSchedule schedule = plan_clips({6}, streaming(9, 1));
  CHECK(schedule.rows[0] == std::vector<int>{0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0});
  const std::vector<int> rows = window_rows(schedule, schedule.clips[0], 0);
  CHECK(std::vector<int>(rows.begin(), rows.begin() + 5) == std::vector<int>{0, 0, 0, 1, 2});
  CHECK(std::vector<int>(rows.end() - 5, rows.end()) == std::vector<int>{5, 4, 3, 2, 1});
}

TEST_CASE("schedule: sound much shorter than a clip") {
  const FrameSchedule schedule = plan_clips({1}, streaming(81, 25));
  CHECK(schedule.frames_kept == 1);
  for (const int row : window_rows(schedule, schedule.clips[0], 0)) CHECK(row == 0);
}

TEST_CASE("schedule: three speakers; the longest decides") {
  const FrameSchedule schedule = plan_clips({40, 100, 60}, streaming(81, 25));
  CHECK(schedule.frames_kept == 100);
  for (std::size_t speaker = 0; speaker < 3; ++speaker) {
    for (const ClipSpan& clip : schedule.clips) {
      CHECK(window_rows(schedule, clip, speaker).size() == 81 * 5);
    }
  }
}

TEST_CASE("schedule: what cannot be scheduled is refused") {
  CHECK_THROWS_AS(plan_clips({0}, ScheduleOptions{}), Error);
  CHECK_THROWS_AS(plan_clips({200}, streaming(25, 25)), Error);
  ScheduleOptions reference;
  reference.reference = true;
  CHECK_THROWS_AS(plan_clips({81}, reference), Error);
  CHECK(plan_clips({82}, reference).frames_kept == 81);
}

}  // namespace
}  // namespace multitalk
