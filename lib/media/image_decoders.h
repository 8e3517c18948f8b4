// One decoder per picture format, from bytes in memory. For this room only.
#pragma once

#include <string>
#include <string_view>

#include "media/image_reader.h"

namespace multitalk {

/// A decoded file before the options that are common to all formats.
struct DecodedImage {
  Image colours;                    ///< alpha not applied
  std::vector<std::uint8_t> alpha;  ///< [height, width], or empty where the format or file has none
  int orientation = 1;              ///< EXIF, 1..8
};

/// Throws an input error unless both sides are positive and there are at most kMaxPixels.
void check_image_size(long long width, long long height);

/// The decoders throw input errors that say what is wrong, without the file's name.
DecodedImage decode_png(std::string_view bytes, DepthRule depth);
DecodedImage decode_jpeg(std::string_view bytes);
DecodedImage decode_webp(std::string_view bytes);
/// BMP and GIF.
DecodedImage decode_with_stb(std::string_view bytes);

/// The orientation (1..8) in an EXIF block, with or without the leading "Exif\0\0"; 1 where the
/// block has none or is damaged.
int exif_orientation(std::string_view exif);

/// Interleaved RGBA to colours and alpha.
DecodedImage split_rgba(const std::uint8_t* rgba, int width, int height);

}  // namespace multitalk
