#include "pipeline/job.h"

#include <cmath>

#include "support/catch.h"
#include "support/error_text.h"

namespace multitalk {
namespace {

using test::error_text;
using test::mentions;

Speaker speaker(int number, std::optional<Box> box = std::nullopt) {
  Speaker result;
  result.name = "person" + std::to_string(number);
  result.audio = result.name + ".wav";
  result.box = box;
  return result;
}

Job good_job(int speakers = 1) {
  Job job;
  job.image = "face.png";
  for (int i = 1; i <= speakers; ++i) job.speakers.push_back(speaker(i));
  job.task = load_task("multitalk-14B");
  job.size = job.task.default_size;
  return job;
}

std::string refusal(const Job& job) {
  return error_text([&] { validate_job(job); });
}

TEST_CASE("job: the defaults are valid, for any number of speakers") {
  for (int speakers = 1; speakers <= 4; ++speakers) CHECK(refusal(good_job(speakers)) == "");
}

TEST_CASE("job: frame_num that is not 4n+1 names the nearest") {
  Job job = good_job();
  job.frame_num = 82;
  CHECK(mentions(refusal(job), "frame_num: 82"));
  CHECK(mentions(refusal(job), "81 and 85"));
}

TEST_CASE("job: motion_frame counts in streaming only") {
  Job job = good_job();
  job.frame_num = 25;
  CHECK(refusal(job) == "");
  job.mode = Mode::kStreaming;
  CHECK(mentions(refusal(job), "motion_frame"));
  job.motion_frame = 0;
  CHECK(mentions(refusal(job), "motion_frame"));
  job.motion_frame = 24;
  CHECK(refusal(job) == "");
}

TEST_CASE("job: numbers out of range name their flag") {
  const auto refusal_after = [](const std::function<void(Job&)>& change) {
    Job job = good_job();
    change(job);
    return refusal(job);
  };
  const auto names = [&](const std::string& field, const std::function<void(Job&)>& change) {
    INFO(field);
    CHECK(mentions(refusal_after(change), field));
  };
  names("sample_steps", [](Job& job) { job.sampling.steps = 0; });
  names("sample_shift", [](Job& job) { job.sampling.shift = 0; });
  names("sample_text_guide_scale", [](Job& job) { job.sampling.text_guide_scale = NAN; });
  names("sample_audio_guide_scale", [](Job& job) { job.sampling.audio_guide_scale = INFINITY; });
  names("teacache_thresh", [](Job& job) { job.sampling.teacache_thresh = -0.1; });
  names("apg_momentum", [](Job& job) { job.sampling.apg_momentum = NAN; });
  names("color_correction_strength", [](Job& job) { job.color_correction_strength = 1.5; });
  names("max_frames", [](Job& job) { job.max_frames = 0; });
  names("dtype", [](Job& job) { job.dtype = "fp12"; });
  names("size", [](Job& job) { job.size = "huge"; });
  names("cond_image", [](Job& job) { job.image.clear(); });
  names("cond_audio", [](Job& job) { job.speakers.clear(); });
}

TEST_CASE("job: somebody must speak") {
  Job job = good_job(2);
  job.speakers[0].audio.reset();
  CHECK(refusal(job) == "");
  job.speakers[1].audio.reset();
  CHECK(mentions(refusal(job), "nobody speaks"));
}

TEST_CASE("job: the reference knows two speakers") {
  Job job = good_job(3);
  job.compat = Compat::kReference;
  CHECK(mentions(refusal(job), "at most 2"));
}

TEST_CASE("job: a box for each speaker, or for none") {
  Job job = good_job(2);
  job.speakers[0].box = Box{0, 0, 10, 10};
  CHECK(mentions(refusal(job), "bbox has 1 boxes for 2 persons"));
}

std::string box_refusal(const Job& job) {
  return error_text([&] { validate_boxes(job, 100, 200); });
}

TEST_CASE("boxes: inside the picture, numbers cut to whole ones") {
  Job job = good_job(2);
  job.speakers = {speaker(1, Box{0, 0, 100.7, 100}), speaker(2, Box{0, 100, 100, 200})};
  CHECK(box_refusal(job) == "");
  job.speakers[1].box = Box{0, 100, 101, 200};
  CHECK(mentions(box_refusal(job), "person2"));
  CHECK(mentions(box_refusal(job), "100 rows and 200 columns"));
  job.speakers[1].box = Box{-1, 100, 50, 200};
  CHECK(mentions(box_refusal(job), "outside the picture"));
  job.compat = Compat::kReference;
  CHECK(box_refusal(job) == "");
}

TEST_CASE("boxes: empty ones are refused") {
  Job job = good_job(2);
  job.speakers = {speaker(1, Box{10.2, 0, 10.9, 10}), speaker(2, Box{0, 100, 100, 200})};
  CHECK(mentions(box_refusal(job), "is empty"));
}

TEST_CASE("boxes: x and y exchanged suggests bbox_format") {
  Job job = good_job(2);
  job.speakers = {speaker(1, Box{0, 0, 50, 50}), speaker(2, Box{120, 10, 190, 90})};
  CHECK(mentions(box_refusal(job), "bbox_format"));
}

TEST_CASE("boxes: two speakers cannot share one") {
  Job job = good_job(3);
  const Box box{0, 0, 50, 50};
  job.speakers = {speaker(1, box), speaker(2, Box{0, 100, 50, 150}), speaker(3, box)};
  CHECK(mentions(box_refusal(job), "person1 and person3"));
}

}  // namespace
}  // namespace multitalk
