#include "media/image_reader.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "media/image_decoders.h"

namespace multitalk {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxFileBytes = 1ull << 30;

DecodedImage decode(std::string_view bytes, const ImageOptions& options) {
  if (bytes.empty()) throw input_error("the file is empty, expected a picture");
  if (bytes.starts_with("\x89PNG")) return decode_png(bytes, options.depth);
  if (bytes.starts_with("\xff\xd8")) return decode_jpeg(bytes);
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return decode_webp(bytes);
  if (bytes.starts_with("GIF8") || bytes.starts_with("BM")) return decode_with_stb(bytes);
  throw input_error("not a picture that can be read")
      .with_hint("PNG, JPEG, WebP, BMP and GIF are known; convert the picture to one of them");
}

void composite_over_white(DecodedImage& image) {
  for (std::size_t i = 0; i < image.alpha.size(); ++i) {
    const int alpha = image.alpha[i];
    std::uint8_t* pixel = image.colours.rgb.data() + i * 3;
    for (int c = 0; c < 3; ++c) {
      pixel[c] = static_cast<std::uint8_t>((pixel[c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
}

/// The picture turned and mirrored upright: EXIF orientations 5..8 swap the sides, and some read
/// the stored columns from the right or the stored rows from the bottom.
Image upright(const Image& stored, int orientation) {
  if (orientation == 1) return stored;
  const bool swapped = orientation >= 5;
  const auto one_of = [=](auto... values) { return ((orientation == values) || ...); };
  const bool from_right = one_of(2, 3, 7, 8);
  const bool from_bottom = one_of(3, 4, 6, 7);
  Image result(swapped ? stored.height : stored.width, swapped ? stored.width : stored.height);
  for (int y = 0; y < result.height; ++y) {
    for (int x = 0; x < result.width; ++x) {
      const int column = swapped ? y : x;
      const int row = swapped ? x : y;
      const std::uint8_t* source = stored.pixel(from_right ? stored.width - 1 - column : column,
                                                from_bottom ? stored.height - 1 - row : row);
      std::copy(source, source + 3, result.pixel(x, y));
    }
  }
  return result;
}

}  // namespace

void check_image_size(long long width, long long height) {
  if (width <= 0 || height <= 0) throw input_error("the picture has no pixels");
  if (width > kMaxPixels / height) {
    throw input_error("the picture is {} x {} pixels, at most {} megapixels are read", width,
                      height, kMaxPixels / 1'000'000)
        .with_hint("scale it down first; nothing above a few megapixels is of use here");
  }
}

DecodedImage split_rgba(const std::uint8_t* rgba, int width, int height) {
  DecodedImage image;
  image.colours = Image(width, height);
  image.alpha.resize(static_cast<std::size_t>(width) * height);
  for (std::size_t i = 0; i < image.alpha.size(); ++i) {
    std::copy(rgba + i * 4, rgba + i * 4 + 3, image.colours.rgb.data() + i * 3);
    image.alpha[i] = rgba[i * 4 + 3];
  }
  return image;
}

Image read_image(const fs::path& path, const ImageOptions& options) {
  require_file(path, "picture");
  std::error_code ec;
  if (fs::file_size(path, ec) > kMaxFileBytes && !ec) {
    throw input_error("{}: the file has {}, too much for a picture", path.string(),
                      format_bytes(fs::file_size(path, ec)));
  }
  const std::string bytes = read_file(path);
  try {
    DecodedImage image = decode(bytes, options);
    if (options.alpha == AlphaRule::kOverWhite) composite_over_white(image);
    return upright(image.colours, options.apply_exif_orientation ? image.orientation : 1);
  } catch (const Error& error) {
    throw error.within(path.string());
  }
}

}  // namespace multitalk
