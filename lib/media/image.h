// A picture in memory, and the rules between its bytes and the models' values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace multitalk {

/// 8-bit RGB, row-major, three bytes a pixel, no padding between rows.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;

  Image() = default;
  /// Black.
  Image(int width, int height)
      : width(width), height(height), rgb(static_cast<std::size_t>(width) * height * 3) {}

  std::uint8_t* pixel(int x, int y) {
    return rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3;
  }
  const std::uint8_t* pixel(int x, int y) const {
    return rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3;
  }
};

/// The byte of a value in [-1, 1] as the reference writes its videos (save_video_ffmpeg): scaled
/// to 0..255 in float32, clipped, and cut rather than rounded. NaN gives 0.
inline std::uint8_t to_byte(float value) {
  const float scaled = (value + 1.0f) / 2.0f * 255.0f;
  return static_cast<std::uint8_t>(std::min(std::max(0.0f, scaled), 255.0f));
}

/// The value in [-1, 1] of a byte: (byte / 255 - 0.5) * 2 in float32.
inline float from_byte(std::uint8_t byte) {
  return (static_cast<float>(byte) / 255.0f - 0.5f) * 2.0f;
}

}  // namespace multitalk
