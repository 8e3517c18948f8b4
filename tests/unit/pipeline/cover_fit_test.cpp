#include "pipeline/cover_fit.h"

#include "support/catch.h"

namespace multitalk {
namespace {

TEST_CASE("cover fit: a picture of the target's shape is not cropped") {
  const CoverFit fit = fit_cover(320, 640, 160, 320);
  CHECK(fit.resized_height == 160);
  CHECK(fit.resized_width == 320);
  CHECK(fit.top == 0);
  CHECK(fit.left == 0);
}

TEST_CASE("cover fit: the longer side is cropped in the middle") {
  const CoverFit fit = fit_cover(100, 300, 50, 50);
  CHECK(fit.resized_height == 50);
  CHECK(fit.resized_width == 150);
  CHECK(fit.left == 50);
}

TEST_CASE("cover fit: half a pixel of crop goes to the even number") {
  CHECK(fit_cover(10, 11, 10, 10).left == 0);  // 0.5
  CHECK(fit_cover(10, 13, 10, 10).left == 2);  // 1.5
  CHECK(fit_cover(10, 15, 10, 10).left == 2);  // 2.5
}

TEST_CASE("cover fit: always covers") {
  for (int height = 1; height < 200; height += 7) {
    for (int width = 1; width < 200; width += 5) {
      const CoverFit fit = fit_cover(height, width, 48, 80);
      INFO(height << " x " << width);
      CHECK(fit.resized_height >= 48);
      CHECK(fit.resized_width >= 80);
      CHECK(fit.top + 48 <= fit.resized_height);
      CHECK(fit.left + 80 <= fit.resized_width);
    }
  }
}

}  // namespace
}  // namespace multitalk
