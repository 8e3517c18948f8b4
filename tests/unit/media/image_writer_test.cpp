#include "media/image_writer.h"

#include "base/error.h"
#include "media/image_reader.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

TEST_CASE("png: what is written is read") {
  const test::TemporaryFolder folder;
  Image image(5, 3);
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = static_cast<std::uint8_t>(i * 7);
  write_png(folder.path() / "a.png", image);
  const Image read = read_image(folder.path() / "a.png");
  CHECK(read.width == 5);
  CHECK(read.height == 3);
  CHECK(read.rgb == image.rgb);
  CHECK_THROWS_AS(write_png(folder.path() / "none" / "a.png", image), Error);
}

TEST_CASE("rectangle: an outline, cut at the picture's edge") {
  Image image(6, 6);
  draw_rectangle(image, {2, 2, 100, 6}, {255, 0, 0}, 1);
  const auto red = [&](int x, int y) { return image.pixel(x, y)[0] == 255; };
  CHECK(red(2, 2));
  CHECK(red(5, 2));
  CHECK(red(2, 5));
  CHECK(red(4, 5));
  CHECK_FALSE(red(3, 3));
  CHECK_FALSE(red(5, 3));  // the right side lies outside
  CHECK_FALSE(red(1, 2));
}

}  // namespace
}  // namespace multitalk
