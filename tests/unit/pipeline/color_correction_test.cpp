#include "pipeline/color_correction.h"

#include <limits>

#include "base/device.h"
#include "base/error.h"
#include "support/catch.h"

namespace multitalk {
namespace {

at::Tensor random_video(int64_t frames, uint64_t seed) {
  return at::rand({3, frames, 7, 13}, make_generator(at::kCPU, seed)) * 2 - 1;
}

TEST_CASE("strength 0 hands back the video, strengths outside 0..1 are refused") {
  const at::Tensor video = random_video(2, 1) * 3;
  const at::Tensor reference = random_video(1, 2);
  CHECK(match_colors(video, reference, 0).is_same(video));
  CHECK_THROWS_AS(match_colors(video, reference, -0.01), Error);
  CHECK_THROWS_AS(match_colors(video, reference, 1.01), Error);
  CHECK_THROWS_AS(match_colors(video, reference, std::numeric_limits<double>::quiet_NaN()), Error);
}

TEST_CASE("a frame matched to itself stays as it is") {
  const at::Tensor video = random_video(1, 3);
  CHECK(at::allclose(match_colors(video, video, 1), video, 0, 1e-4));
}

TEST_CASE("every frame is matched by itself, whatever else is in the clip") {
  const at::Tensor video = random_video(5, 4);
  const at::Tensor reference = random_video(1, 5) * 0.5;
  const at::Tensor together = match_colors(video, reference, 0.7);
  for (int64_t t = 0; t < video.size(1); ++t) {
    CHECK(at::allclose(together.narrow(1, t, 1),
                       match_colors(video.narrow(1, t, 1), reference, 0.7), 0, 1e-6));
  }
}

TEST_CASE("a flat frame becomes the reference's mean colour, free of NaN") {
  const at::Tensor grey = at::full({3, 1, 7, 13}, 0.3F);
  const at::Tensor reference = at::full({3, 1, 5, 5}, -0.2F);
  CHECK(at::allclose(match_colors(grey, reference, 1), at::full_like(grey, -0.2F), 0, 1e-4));
}

TEST_CASE("Lab goes there and back") {
  const at::Tensor rgb = at::rand({3, 11, 9}, make_generator(at::kCPU, 6)).to(at::kDouble);
  CHECK(at::allclose(lab_to_rgb(rgb_to_lab(rgb)), rgb, 0, 1e-6));
}

}  // namespace
}  // namespace multitalk
