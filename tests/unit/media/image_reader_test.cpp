#include "media/image_reader.h"

#include <png.h>

#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "media/image_decoders.h"
#include "media/image_writer.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

using namespace std::string_literals;

std::string refusal(const std::filesystem::path& path) {
  try {
    read_image(path);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kInput);
    CHECK(std::string(error.what()).find(path.string()) != std::string::npos);
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A BMP header that claims a size, without pixels.
std::string bmp_header(std::int32_t width, std::int32_t height) {
  std::string bytes = "BM"s + std::string(8, '\0') + "\x36\0\0\0\x28\0\0\0"s;
  for (const std::int32_t side : {width, height}) {
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(side >> (8 * i) & 0xff));
  }
  return bytes + "\x01\0\x18\0"s + std::string(24, '\0');
}

TEST_CASE("picture: each bad file is refused with its reason") {
  const test::TemporaryFolder folder;
  const auto file = [&](const std::string& name, std::string_view bytes) {
    write_file_atomically(folder.path() / name, bytes);
    return folder.path() / name;
  };
  CHECK(contains(refusal(folder.path() / "missing.png"), "no such file"));
  CHECK(contains(refusal(folder.path()), "folder"));
  CHECK(contains(refusal(file("empty.jpg", "")), "empty"));
  CHECK(contains(refusal(file("text.png", "no picture")), "not a picture"));
  CHECK(contains(refusal(file("half.png", "\x89PNG\r\n\x1a\n\0\0"s)), "damaged PNG"));
  CHECK(contains(refusal(file("half.jpg", "\xff\xd8\xff"s)), "damaged JPEG"));
  CHECK(contains(refusal(file("half.webp", "RIFF\x10\0\0\0WEBPVP8 "s)), "damaged WebP"));
  CHECK(contains(refusal(file("half.gif", "GIF89a\1\0\1\0\0\0\0"s)), "damaged"));
  CHECK(contains(refusal(file("huge.bmp", bmp_header(60000, 60000))), "megapixels"));
}

TEST_CASE("picture: a PNG cut anywhere is refused") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.png";
  Image image(20, 20);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    image.rgb[i] = static_cast<std::uint8_t>(i * i);
  }
  write_png(path, image);
  const std::string whole = read_file(path);
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    CAPTURE(length);
    write_file_atomically(path, whole.substr(0, length));
    REQUIRE_THROWS_AS(read_image(path), Error);
  }
}

/// A PNG of 8-bit RGBA or 16-bit grey with an EXIF block, through libpng.
void write_png_with(const std::filesystem::path& path, int width, int height, int colour_type,
                    int depth, std::string pixels, std::string exif) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, width, height, depth, colour_type, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
  if (!exif.empty()) {
    png_set_eXIf_1(png, info, exif.size(), reinterpret_cast<png_bytep>(exif.data()));
  }
  png_write_info(png, info);
  const std::size_t row_bytes = pixels.size() / height;
  for (int y = 0; y < height; ++y) {
    png_write_row(png, reinterpret_cast<png_bytep>(pixels.data() + row_bytes * y));
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

TEST_CASE("picture: transparent pixels are white, or their stored colour") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.png";
  const std::string rgba = "\x0a\x14\x1e\x00\xc8\x64\x00\x80"s;
  write_png_with(path, 2, 1, PNG_COLOR_TYPE_RGBA, 8, rgba, "");
  using Bytes = std::vector<std::uint8_t>;
  CHECK(read_image(path).rgb == Bytes{255, 255, 255, 227, 177, 127});
  CHECK(read_image(path, ImageOptions::reference()).rgb == Bytes{10, 20, 30, 200, 100, 0});
}

TEST_CASE("picture: 16-bit grey is scaled, or clipped as Pillow does") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.png";
  write_png_with(path, 3, 1, PNG_COLOR_TYPE_GRAY, 16, "\x00\x64\x80\x00\xff\xff"s, "");
  const Image scaled = read_image(path);
  const Image clipped = read_image(path, ImageOptions::reference());
  const int expected_scaled[] = {0, 128, 255};
  const int expected_clipped[] = {100, 255, 255};
  for (int x = 0; x < 3; ++x) {
    for (int c = 0; c < 3; ++c) {
      CHECK(int{scaled.pixel(x, 0)[c]} == expected_scaled[x]);
      CHECK(int{clipped.pixel(x, 0)[c]} == expected_clipped[x]);
    }
  }
}

/// The reds of a picture in reading order.
std::string reds(const Image& image) {
  std::string text;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) text.push_back(image.rgb[i]);
  return text;
}

TEST_CASE("picture: EXIF turns and mirrors, unless told not to") {
  // abc over def, as the eight orientations show it.
  const char* shown[] = {"abcdef", "cbafed", "fedcba", "defabc",
                         "adbecf", "daebfc", "fcebda", "cfbead"};
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.png";
  const int orientation = GENERATE(1, 2, 3, 4, 5, 6, 7, 8);
  std::string rgba;
  for (const char letter : "abcdef"s) rgba += std::string(3, letter) + '\xff';
  std::string exif = "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0"s;
  exif[18] = static_cast<char>(orientation);
  exif += "\0\0\0\0"s;
  write_png_with(path, 3, 2, PNG_COLOR_TYPE_RGBA, 8, rgba, exif);

  const Image upright = read_image(path);
  CAPTURE(orientation);
  CHECK(upright.width == (orientation >= 5 ? 2 : 3));
  CHECK(reds(upright) == shown[orientation - 1]);
  CHECK(reds(read_image(path, ImageOptions::reference())) == "abcdef");
}

TEST_CASE("exif: the orientation, in both byte orders, from damaged blocks too") {
  const std::string little = "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"s;
  const std::string big = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"s;
  CHECK(exif_orientation(little) == 6);
  CHECK(exif_orientation("Exif\0\0"s + little) == 6);
  CHECK(exif_orientation(big) == 8);
  CHECK(exif_orientation("") == 1);
  CHECK(exif_orientation("II*\0\xff\xff\xff\x7f"s) == 1);
  for (std::size_t length = 0; length + 4 < little.size(); ++length) {
    CHECK(exif_orientation(little.substr(0, length)) == 1);
  }
}

TEST_CASE("picture: size limits") {
  CHECK_NOTHROW(check_image_size(1, 1));
  CHECK_NOTHROW(check_image_size(20000, 10000));
  CHECK_THROWS_AS(check_image_size(0, 5), Error);
  CHECK_THROWS_AS(check_image_size(20001, 10000), Error);
}

}  // namespace
}  // namespace multitalk
