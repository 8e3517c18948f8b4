// functions/masks: where each speaker is, and which frames are given.
#include "pipeline/speaker_masks.h"

#include "base/error.h"
#include "base/file.h"
#include "pipeline/frame_mask.h"
#include "pipeline/json_fields.h"
#include "support/catch.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

using test::golden_tensors;

/// The speakers of a row, by way of an input JSON with its boxes.
std::vector<Speaker> speakers_of(const Json& row) {
  Json input = {{"prompt", ""}, {"cond_image", "a.png"}, {"audio_type", "para"}};
  for (int i = 1; i <= row["persons"].get<int>(); ++i) {
    input["cond_audio"]["person" + std::to_string(i)] = "a.wav";
  }
  if (!row["bbox"].is_null()) input["bbox"] = row["bbox"];
  const test::TemporaryFolder folder;
  write_file_atomically(folder.path() / "input.json", input.dump());
  Job job;
  job.compat = Compat::kReference;
  read_input_json(folder.path() / "input.json", job);
  return job.speakers;
}

void check_masks(const Json& row, const std::map<std::string, at::Tensor>& tensors) {
  const std::vector<Speaker> speakers = speakers_of(row);
  const int source_height = row["src_h"];
  const int source_width = row["src_w"];
  const SizeClass size = resolve_size(load_task("multitalk-14B"), row["size"]);
  const Bucket bucket = nearest_bucket(size, source_height, source_width);
  const at::Tensor masks =
      speaker_masks(speakers, source_height, source_width, bucket.height, bucket.width);
  const std::string name = row["name"];
  CHECK(at::equal(masks.to(at::kByte), tensors.at(name + ".latent")));
  const at::Tensor tokens = masks.slice(1, 0, masks.size(1), 2).slice(2, 0, masks.size(2), 2);
  CHECK(at::equal(tokens.to(at::kByte), tensors.at(name + ".token")));

  const auto count = static_cast<int64_t>(speakers.size());
  const at::Tensor of_speakers = tensors.at(name + ".token").slice(0, 0, count);
  if (of_speakers.flatten(1).any(1).all().item<bool>()) {
    CHECK_NOTHROW(require_visible(speakers, masks));
  } else {
    CHECK_THROWS_AS(require_visible(speakers, masks), Error);
  }
}

TEST_CASE("masks: every row, on the latent and on the token grid") {
  const Json table =
      parse_json_object(read_file(test::golden_dir() / "functions/masks/masks.json"));
  const auto tensors = golden_tensors("functions/masks/masks.safetensors");
  REQUIRE_FALSE(table["rows"].empty());
  for (const Json& row : table["rows"]) {
    INFO("row " << row.dump());
    if (row["error"].is_null()) {
      check_masks(row, tensors);
    } else {
      CHECK_THROWS_AS(speakers_of(row), Error);
    }
  }
}

TEST_CASE("masks: the frames that are given") {
  const auto tensors = golden_tensors("functions/masks/given_frames.safetensors");
  REQUIRE_FALSE(tensors.empty());
  for (const auto& [name, theirs] : tensors) {
    INFO(name);
    int frame_num = 0;
    int motion_frames = 0;
    char which[8] = {};
    REQUIRE(std::sscanf(name.c_str(), "frame%d.motion%d.%7s", &frame_num, &motion_frames, which) ==
            3);
    const bool first = std::string(which) == "first";
    const at::Tensor ours = given_frame_mask(frame_num, first ? 1 : motion_frames);
    CHECK(at::equal(ours.to(at::kByte), theirs));
  }
}

}  // namespace
}  // namespace multitalk
