// functions/frames: 4n+1, defaults and parameter sets.
#include "base/error.h"
#include "pipeline/frame_schedule.h"
#include "pipeline/job.h"
#include "pipeline/presets.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

using nlohmann::json;

json rules() { return test::golden_json("functions/frames/rules.json"); }

TEST_CASE("frame rules: frame_num is 4n+1, latent frames are n+1") {
  const json rows = rules()["official_frame_num"]["rows"];
  REQUIRE_FALSE(rows.empty());
  for (const json& row : rows) {
    INFO("row " << row.dump());
    const int frame_num = row[0];
    CHECK(is_valid_frame_num(frame_num) == row[2].is_null());
    if (row[1].is_number()) CHECK(latent_frames(frame_num) == row[1].get<int>());
  }
}

TEST_CASE("frame rules: the presets take the nearest 4n+1 within cog-MultiTalk's limits") {
  const json rows = rules()["cog_num_frames"]["rows"];
  REQUIRE_FALSE(rows.empty());
  for (const json& row : rows) {
    INFO("row " << row.dump());
    const bool within_limits = row[3];
    if (within_limits) {
      CHECK(snap_frame_num(row[0]) == row[1].get<int>());
    } else {
      CHECK_THROWS_AS(snap_frame_num(row[0]), Error);
    }
  }
}

TEST_CASE("frame rules: a job's defaults are the official ones") {
  const json defaults = rules()["official_cli_defaults"];
  const Job job;
  CHECK(load_task(defaults["task"]).default_size == defaults["size"].get<std::string>());
  CHECK(job.frame_num == defaults["frame_num"].get<int>());
  CHECK(job.motion_frame == defaults["motion_frame"].get<int>());
  CHECK((job.mode == Mode::kClip) == (defaults["mode"] == "clip"));
  CHECK(job.color_correction_strength == defaults["color_correction_strength"].get<double>());
  const SamplingOptions& sampling = job.sampling;
  CHECK(sampling.seed == defaults["base_seed"].get<int64_t>());
  CHECK(sampling.steps == defaults["sample_steps"].get<int>());
  CHECK(sampling.text_guide_scale == defaults["sample_text_guide_scale"].get<double>());
  CHECK(sampling.audio_guide_scale == defaults["sample_audio_guide_scale"].get<double>());
  CHECK(sampling.use_teacache == defaults["use_teacache"].get<bool>());
  CHECK(sampling.teacache_thresh == defaults["teacache_thresh"].get<double>());
  CHECK(sampling.use_apg == defaults["use_apg"].get<bool>());
  CHECK(sampling.apg_momentum == defaults["apg_momentum"].get<double>());
  CHECK(sampling.apg_norm_threshold == defaults["apg_norm_threshold"].get<double>());
}

TEST_CASE("frame rules: the shift of each size") {
  const json shifts = rules()["official_shift"];
  const Task task = load_task(rules()["official_cli_defaults"]["task"]);
  REQUIRE_FALSE(shifts.empty());
  for (const auto& [arguments, shift] : shifts.items()) {
    INFO(arguments);
    if (arguments.find(' ') != std::string::npos) continue;  // a shift that was given
    CHECK(resolve_size(task, arguments).sample_shift == shift.get<double>());
  }
}

TEST_CASE("frame rules: turbo and quality are cog-MultiTalk's parameter sets") {
  const json sets = rules()["cog_parameter_sets"];
  REQUIRE_FALSE(sets.empty());
  for (const auto& [name, set] : sets.items()) {
    INFO(name << ": " << set.dump());
    const bool turbo = name.find("turbo") == 0;
    const SamplingOptions ours = preset_sampling(turbo ? Preset::kTurbo : Preset::kQuality);
    CHECK(ours.shift == set["generate"]["shift"].get<double>());
    CHECK(ours.text_guide_scale == set["generate"]["text_guide_scale"].get<double>());
    CHECK(ours.audio_guide_scale == set["generate"]["audio_guide_scale"].get<double>());
    CHECK(ours.use_teacache == set["extra_args"]["use_teacache"].get<bool>());
    CHECK(ours.teacache_thresh == set["extra_args"]["teacache_thresh"].get<double>());
    CHECK(ours.use_apg == set["extra_args"]["use_apg"].get<bool>());
  }
}

}  // namespace
}  // namespace multitalk
