#include "models/wan_dit.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "support/catch.h"
#include "support/golden.h"

using namespace multitalk;

namespace {

DitConfig small_config() {
  DitConfig config;
  config.dim = 48;
  config.ffn_dim = 20;
  config.heads = 2;
  config.layers = 2;
  config.freq_dim = 16;
  config.text_len = 12;
  config.text_dim = 10;
  config.clip_dim = 14;
  config.audio_blocks = 2;
  config.audio_channels = 6;
  config.intermediate_dim = 8;
  config.output_dim = 16;
  config.context_tokens = 4;
  return config;
}

WanDit small_model(at::ScalarType dtype = at::kFloat) {
  at::manual_seed(7);
  WanDit model(small_config());
  for (const Parameter& parameter : parameters_of(model)) {
    *parameter.slot = (at::randn(parameter.shape) * 0.2).to(dtype);
  }
  return model;
}

// Vertical strips, one a speaker and one of background.
at::Tensor strips(int64_t classes, int64_t h, int64_t w) {
  at::Tensor masks = at::zeros({classes, h, w});
  for (int64_t i = 0; i < classes; ++i) {
    masks[i].slice(1, i * w / classes, (i + 1) * w / classes).fill_(1);
  }
  return masks;
}

DitCondition condition_for(int64_t speakers, int64_t latent_frames, int64_t h, int64_t w) {
  return {.context = at::randn({5, 10}),
          .clip_features = at::randn({1, 257, 14}),
          .y = at::randn({1, 20, latent_frames, h, w}),
          .audio = at::randn({speakers, 1 + 4 * (latent_frames - 1), 5, 2, 6}),
          .speaker_masks = strips(speakers + 1, h, w)};
}

const at::Tensor& timestep() {
  static const at::Tensor t = at::full({1}, 731.5F);
  return t;
}

}  // namespace

TEST_CASE("the full-size transformer declares exactly the official tensors") {
  std::ifstream stream(MULTITALK_SOURCE_DIR "/tests/manifests/multitalk-14B-dit.json");
  const auto shapes = nlohmann::json::parse(stream).at("shapes");
  WanDit model{DitConfig{}};
  const auto parameters = parameters_of(model);
  CHECK(parameters.size() == shapes.size());
  for (const Parameter& parameter : parameters) {
    INFO(parameter.name);
    REQUIRE(shapes.contains(parameter.name));
    CHECK(shapes.at(parameter.name) == parameter.shape);
    CHECK_FALSE(parameter.slot->defined());
  }
}

TEST_CASE("one to four speakers and odd sizes run") {
  const WanDit model = small_model();
  const int64_t speakers = GENERATE(1, 2, 3, 4);
  const int64_t frames = GENERATE(1, 2, 3);
  CAPTURE(speakers, frames);
  const DitCondition condition = condition_for(speakers, frames, 6, 10);
  const at::Tensor x = at::randn({16, frames, 6, 10});
  const at::Tensor out = model.forward(x, timestep(), condition);
  REQUIRE(out.sizes() == x.sizes());
  CHECK(out.scalar_type() == at::kFloat);
  CHECK(out.isfinite().all().item<bool>());
  CHECK(at::equal(out, model.forward(x, timestep(), model.prepare(condition))));
}

TEST_CASE("each of three voices moves the picture, and swapping two changes it") {
  const WanDit model = small_model();
  const DitCondition condition = condition_for(3, 2, 6, 8);
  const at::Tensor x = at::randn({16, 2, 6, 8});
  const at::Tensor out = model.forward(x, timestep(), condition);
  for (int64_t speaker = 0; speaker < 3; ++speaker) {
    DitCondition silenced = condition;
    silenced.audio = condition.audio.clone();
    silenced.audio[speaker].zero_();
    CHECK(test::relative_l2(model.forward(x, timestep(), silenced), out) > 1e-5);
  }
  DitCondition swapped = condition;
  swapped.audio = condition.audio.index_select(0, at::tensor({0, 2, 1}));
  CHECK(test::relative_l2(model.forward(x, timestep(), swapped), out) > 1e-5);
}

TEST_CASE("the masks of one speaker are not read") {
  const WanDit model = small_model();
  DitCondition condition = condition_for(1, 2, 4, 4);
  const at::Tensor x = at::randn({16, 2, 4, 4});
  const at::Tensor out = model.forward(x, timestep(), condition);
  condition.speaker_masks.reset();
  CHECK(at::equal(out, model.forward(x, timestep(), condition)));
}

TEST_CASE("bfloat16 stays near float32") {
  const DitCondition condition = condition_for(2, 2, 6, 8);
  const at::Tensor x = at::randn({16, 2, 6, 8});
  const at::Tensor wide = small_model().forward(x, timestep(), condition);
  const at::Tensor half = small_model(at::kBFloat16).forward(x, timestep(), condition);
  CHECK(half.scalar_type() == at::kFloat);
  CHECK(test::relative_l2(half, wide) < 5e-2);
}

TEST_CASE("a runner decides whether the blocks run") {
  const WanDit model = small_model();
  const DitContext context = model.prepare(condition_for(1, 1, 4, 4));
  const at::Tensor x = at::randn({16, 1, 4, 4});
  int runs = 0;
  const BlockRunner run = [&](const at::Tensor& tokens, const at::Tensor& e0, const auto& blocks) {
    CHECK(e0.sizes() == at::IntArrayRef({1, 6, 48}));
    ++runs;
    return blocks(tokens);
  };
  const BlockRunner skip = [](const at::Tensor& tokens, const at::Tensor&, const auto&) {
    return tokens;
  };
  const at::Tensor out = model.forward(x, timestep(), context);
  CHECK(at::equal(out, model.forward(x, timestep(), context, run)));
  CHECK(runs == 1);
  CHECK_FALSE(at::equal(out, model.forward(x, timestep(), context, skip)));
}

TEST_CASE("a speaker without a place is the user's error, a wrong shape is ours") {
  const WanDit model = small_model();
  DitCondition condition = condition_for(2, 1, 4, 6);
  condition.speaker_masks[1].zero_();
  try {
    model.prepare(condition);
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kInput);
    CHECK(std::string(error.what()).find("speaker 2") != std::string::npos);
  }
  condition = condition_for(2, 1, 4, 6);
  condition.speaker_masks[2].zero_();  // no background: fine
  CHECK(
      model.forward(at::randn({16, 1, 4, 6}), timestep(), condition).isfinite().all().item<bool>());
  condition.audio = condition.audio.slice(2, 0, 4);
  REQUIRE_THROWS_AS(model.prepare(condition), Error);
  condition = condition_for(2, 1, 4, 6);
  REQUIRE_THROWS_AS(model.forward(at::randn({16, 2, 4, 6}), timestep(), condition), Error);
  condition.context = at::randn({13, 10});
  REQUIRE_THROWS_AS(model.prepare(condition), Error);
}
