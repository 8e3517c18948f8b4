#include "media/image_resize.h"

#include "support/catch.h"

namespace multitalk {
namespace {

/// Red is the column, green the row, blue their sum.
Image gradient(int width, int height) {
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.pixel(x, y)[0] = static_cast<std::uint8_t>(x);
      image.pixel(x, y)[1] = static_cast<std::uint8_t>(y);
      image.pixel(x, y)[2] = static_cast<std::uint8_t>(x + y);
    }
  }
  return image;
}

TEST_CASE("resize: the same size changes nothing") {
  const Image image = gradient(7, 5);
  CHECK(resize_bilinear(image, 7, 5).rgb == image.rgb);
}

TEST_CASE("resize: a flat picture stays flat") {
  Image image(13, 9);
  std::fill(image.rgb.begin(), image.rgb.end(), std::uint8_t{201});
  const int width = GENERATE(1, 5, 13, 40);
  const int height = GENERATE(1, 4, 31);
  const Image result = resize_bilinear(image, width, height);
  REQUIRE(result.rgb.size() == static_cast<std::size_t>(width) * height * 3);
  for (const std::uint8_t byte : result.rgb) REQUIRE(byte == 201);
}

TEST_CASE("resize: halving is antialiased, with weights 1 3 3 1") {
  Image image(8, 1);
  image.pixel(4, 0)[0] = 240;
  const Image half = resize_bilinear(image, 4, 1);
  CHECK(int{half.pixel(1, 0)[0]} == 30);
  CHECK(int{half.pixel(2, 0)[0]} == 90);
  CHECK(int{half.pixel(3, 0)[0]} == 0);
}

TEST_CASE("crop: the start is half of the rest, rounded half to even") {
  const Image image = gradient(10, 10);
  CHECK(int{center_crop(image, 9, 10).pixel(0, 0)[0]} == 0);  // 0.5
  CHECK(int{center_crop(image, 7, 10).pixel(0, 0)[0]} == 2);  // 1.5
  CHECK(int{center_crop(image, 5, 10).pixel(0, 0)[0]} == 2);  // 2.5
  CHECK(int{center_crop(image, 10, 6).pixel(0, 0)[1]} == 2);  // 2
  CHECK(center_crop(image, 10, 10).rgb == image.rgb);
}

}  // namespace
}  // namespace multitalk
