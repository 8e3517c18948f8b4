#include "models/audio_projector.h"

#include "base/error.h"
#include "support/catch.h"
#include "support/golden.h"

using namespace multitalk;

namespace {

// Windows whose entry w of frame f is the number 100 f + w.
at::Tensor numbered(int64_t frames, int64_t window) {
  const at::Tensor value =
      at::arange(frames).mul(100).unsqueeze(1) + at::arange(window).unsqueeze(0);
  return value.to(at::kFloat).view({1, frames, window, 1, 1});
}

}  // namespace

TEST_CASE("the frames of a latent frame give 3 + 1 + 1 + 3 entries of windows of 5") {
  const at::Tensor windows = latter_audio_windows(numbered(9, 5), 4);
  REQUIRE(windows.sizes() == at::IntArrayRef({1, 2, 8, 1, 1}));
  const at::Tensor first = at::tensor({100.0, 101.0, 102.0, 202.0, 302.0, 402.0, 403.0, 404.0});
  const at::Tensor expected = at::stack({first, first + 400}).view({1, 2, 8, 1, 1});
  CHECK(at::equal(windows, expected.to(at::kFloat)));
}

TEST_CASE("windows regroup for other sizes and for one frame") {
  const at::Tensor windows = latter_audio_windows(numbered(5, 3), 2);
  CHECK(at::equal(windows[0][1].flatten(), at::tensor({300.0F, 301.0F, 401.0F, 402.0F})));
  CHECK(latter_audio_windows(numbered(1, 5), 4).size(1) == 0);
  REQUIRE_THROWS_AS(latter_audio_windows(numbered(4, 5), 4), Error);
}

TEST_CASE("the projector gives each latent frame of each speaker its tokens") {
  DitConfig config;
  config.audio_blocks = 2;
  config.audio_channels = 3;
  config.intermediate_dim = 6;
  config.context_tokens = 4;
  config.output_dim = 5;
  config.norm_output_audio = GENERATE(true, false);
  AudioProjector projector(config);
  const auto parameters = parameters_of(projector);
  CHECK(parameters.size() == (config.norm_output_audio ? 10U : 8U));
  for (const Parameter& parameter : parameters) *parameter.slot = at::randn(parameter.shape);

  const at::Tensor audio = at::randn({3, 9, 5, 2, 3});
  const at::Tensor tokens = projector(audio);
  REQUIRE(tokens.sizes() == at::IntArrayRef({3, 3, 4, 5}));
  // Speakers do not mix, and neither do latent frames.
  CHECK(test::relative_l2(projector(audio.slice(0, 1, 2)), tokens.slice(0, 1, 2)) < 1e-5);
  CHECK(test::relative_l2(projector(audio.slice(1, 0, 5)), tokens.slice(1, 0, 2)) < 1e-5);
}
