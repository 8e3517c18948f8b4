#include "media/image_resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace multitalk {

namespace {

constexpr int kWeightBits = 22;  // 8 bits of pixel and 2 of headroom in 32

/// Which source pixels make one target pixel, and their fixed-point weights.
struct Window {
  int first = 0;
  std::vector<int> weights;
};

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

Window window_at(int target, int source_size, double scale) {
  const double stretch = std::max(scale, 1.0);
  const double center = (target + 0.5) * scale;
  Window window;
  window.first = std::max(0, static_cast<int>(center - stretch + 0.5));
  const int end = std::min(source_size, static_cast<int>(center + stretch + 0.5));

  std::vector<double> weights;
  double sum = 0;
  for (int i = window.first; i < end; ++i) {
    weights.push_back(triangle((i - center + 0.5) * (1.0 / stretch)));
    sum += weights.back();
  }
  for (const double weight : weights) {
    const double normalised = sum == 0 ? weight : weight / sum;
    window.weights.push_back(static_cast<int>(0.5 + normalised * (1 << kWeightBits)));
  }
  return window;
}

std::vector<Window> windows(int source_size, int target_size) {
  const double scale = static_cast<double>(source_size) / target_size;
  std::vector<Window> all(target_size);
  for (int i = 0; i < target_size; ++i) all[i] = window_at(i, source_size, scale);
  return all;
}

/// The weighted sum of one channel over pixels that lie `stride` bytes apart.
std::uint8_t weigh(const std::uint8_t* source, std::size_t stride,
                   const std::vector<int>& weights) {
  int sum = 1 << (kWeightBits - 1);
  for (const int weight : weights) {
    sum += *source * weight;
    source += stride;
  }
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

Image resize_rows(const Image& image, int width) {
  if (width == image.width) return image;
  const std::vector<Window> columns = windows(image.width, width);
  Image result(width, image.height);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::uint8_t* source = image.pixel(columns[x].first, y);
      std::uint8_t* target = result.pixel(x, y);
      for (int c = 0; c < 3; ++c) target[c] = weigh(source + c, 3, columns[x].weights);
    }
  }
  return result;
}

Image resize_columns(const Image& image, int height) {
  if (height == image.height) return image;
  const std::vector<Window> rows = windows(image.height, height);
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  Image result(image.width, height);
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* source = image.pixel(0, rows[y].first);
    std::uint8_t* target = result.pixel(0, y);
    for (std::size_t i = 0; i < row_bytes; ++i) {
      target[i] = weigh(source + i, row_bytes, rows[y].weights);
    }
  }
  return result;
}

/// Half of a difference, rounded half to even.
int half(int difference) { return static_cast<int>(std::nearbyint(difference / 2.0)); }

}  // namespace

Image resize_bilinear(const Image& image, int width, int height) {
  MULTITALK_CHECK(width > 0 && height > 0, "resize to {}x{}", width, height);
  MULTITALK_CHECK(image.width > 0 && image.height > 0, "resize of an empty picture");
  const int rows_lost = image.height - height;
  const int columns_lost = image.width - width;
  if (rows_lost > std::max(0, 2 * columns_lost)) {
    return resize_rows(resize_columns(image, height), width);
  }
  return resize_columns(resize_rows(image, width), height);
}

Image center_crop(const Image& image, int width, int height) {
  MULTITALK_CHECK(width <= image.width && height <= image.height, "crop {}x{} out of {}x{}", width,
                  height, image.width, image.height);
  const int left = half(image.width - width);
  const int top = half(image.height - height);
  Image result(width, height);
  for (int y = 0; y < height; ++y) {
    std::memcpy(result.pixel(0, y), image.pixel(left, top + y),
                static_cast<std::size_t>(width) * 3);
  }
  return result;
}

}  // namespace multitalk
