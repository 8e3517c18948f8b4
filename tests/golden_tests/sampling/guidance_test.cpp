#include "sampling/guidance.h"

#include "sampling/sampler.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

const char* const kRows = "functions/guidance/guidance.json";

std::string forward_name(Branch branch) {
  switch (branch) {
    case Branch::kConditional:
      return "cond";
    case Branch::kDropText:
      return "drop_text";
    case Branch::kDropAudio:
      return "drop_audio";
    case Branch::kUnconditional:
      return "uncond";
  }
  return "";
}

GuidanceOptions options_of(const nlohmann::json& clip) {
  GuidanceOptions options;
  options.text_scale = clip.at("text");
  options.audio_scale = clip.at("audio");
  if (clip.at("apg")) options.apg = {clip.at("apg_momentum"), clip.at("apg_norm_threshold")};
  return options;
}

TEST_CASE("a guided clip passes through the official latents") {
  const auto golden = test::golden_tensors("functions/guidance/clip.safetensors");
  const auto clips = test::golden_json(kRows).at("clips");
  REQUIRE_FALSE(clips.empty());
  for (const auto& clip : clips) {
    const std::string tag = clip.at("tag");
    INFO(tag);
    const at::Tensor predictions = golden.at(tag + ".preds");
    const at::Tensor latents = golden.at(tag + ".latents");
    const at::Tensor times = golden.at(tag + ".timesteps");
    const float* first_time = times.data_ptr<float>();
    const SamplerOptions options{{first_time, first_time + times.numel()}, options_of(clip)};

    int calls = 0;
    double worst = 0;
    std::vector<std::string> forwards;
    const int per_step = clip.at("forwards_per_step");
    const Denoiser denoiser = [&](const at::Tensor& latent, float, Branch branch) {
      const int step = calls / per_step;
      if (step == 0) forwards.push_back(forward_name(branch));
      worst = std::max(worst, test::max_abs_difference(latent, latents[step]));
      return predictions[step][calls++ % per_step];
    };
    const NoiseSource draw = [&](at::IntArrayRef) { return latents[0]; };
    const at::Tensor last = sample_clip(denoiser, latents[0].sizes(), std::nullopt, options, draw);
    CHECK(forwards == clip.at("forwards").get<std::vector<std::string>>());
    CHECK(worst <= 5e-5);
    CHECK(test::max_abs_difference(last, latents[-1]) <= 5e-5);
  }
}

TEST_CASE("adaptive_projected_guidance gives the official updates") {
  const auto golden = test::golden_tensors("functions/guidance/apg.safetensors");
  const auto units = test::golden_json(kRows).at("apg_units");
  REQUIRE_FALSE(units.empty());
  for (const auto& unit : units) {
    const bool has_momentum = !unit.at("momentum").is_null();
    MomentumBuffer momentum(has_momentum ? unit.at("momentum").get<double>() : 0);
    MomentumBuffer average(has_momentum ? unit.at("momentum").get<double>() : 0);
    for (int i = 0; i < unit.at("steps").get<int>(); ++i) {
      const std::string tag = unit.at("name").get<std::string>() + "." + std::to_string(i);
      INFO(tag);
      const at::Tensor& diff = golden.at(tag + ".diff");
      const at::Tensor update = adaptive_projected_guidance(
          diff, golden.at(tag + ".cond"), has_momentum ? &momentum : nullptr,
          unit.at("norm_threshold"), unit.at("eta"));
      CHECK(test::max_abs_difference(update, golden.at(tag + ".out")) <= 1e-5);
      if (has_momentum) {
        CHECK(test::max_abs_difference(average.update(diff), golden.at(tag + ".average")) <= 1e-5);
      }
    }
  }
}

TEST_CASE("project splits as the official function does") {
  const auto golden = test::golden_tensors("functions/guidance/apg.safetensors");
  const at::Tensor& v = golden.at("project.v0");
  const Projection parts = project(v, golden.at("project.v1"));
  CHECK(test::max_abs_difference(parts.parallel, golden.at("project.parallel")) <= 1e-5);
  CHECK(test::max_abs_difference(parts.orthogonal, golden.at("project.orthogonal")) <= 1e-5);

  const at::Tensor zero = at::zeros_like(v);
  const Projection along_zero = project(v, zero);
  CHECK(test::max_abs_difference(along_zero.parallel, golden.at("zero.v1_out_parallel")) <= 1e-5);
  CHECK(test::max_abs_difference(along_zero.orthogonal, golden.at("zero.v1_out_orthogonal")) <=
        1e-5);
  const at::Tensor update = adaptive_projected_guidance(zero, v, nullptr, 55);
  CHECK(test::max_abs_difference(update, golden.at("zero.diff_out")) <= 1e-5);
}

TEST_CASE("text scales next to 1 need two forwards") {
  const auto rows = test::golden_json(kRows).at("text_scale_counts_as_1");
  REQUIRE_FALSE(rows.empty());
  for (const auto& row : rows) {
    INFO(row.dump());
    CHECK(is_unit_scale(row.at(0).get<double>()) == row.at(1).get<bool>());
  }
}

}  // namespace
}  // namespace multitalk
