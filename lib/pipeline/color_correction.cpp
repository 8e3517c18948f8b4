#include "pipeline/color_correction.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace multitalk {

namespace {

template <typename T>
using Color = std::array<T, 3>;
using Matrix = std::array<std::array<double, 3>, 3>;

// sRGB to XYZ, and the white of illuminant D65 for the 2 degree observer (scikit-image's values).
constexpr Matrix kXyzFromRgb = {{{0.412453, 0.357580, 0.180423},
                                 {0.212671, 0.715160, 0.072169},
                                 {0.019334, 0.119193, 0.950227}}};
constexpr Color<double> kWhite = {0.95047, 1.0, 1.08883};

/// Linear RGB to XYZ relative to white.
constexpr Matrix relative_xyz_from_rgb() {
  Matrix matrix = kXyzFromRgb;
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) matrix[row][column] /= kWhite[row];
  }
  return matrix;
}

/// By cofactors.
constexpr Matrix inverse(const Matrix& m) {
  Matrix result{};
  for (int row = 0; row < 3; ++row) {
    const int r1 = (row + 1) % 3;
    const int r2 = (row + 2) % 3;
    for (int column = 0; column < 3; ++column) {
      const int c1 = (column + 1) % 3;
      const int c2 = (column + 2) % 3;
      result[column][row] = m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1];
    }
  }
  const double determinant =
      m[0][0] * result[0][0] + m[0][1] * result[1][0] + m[0][2] * result[2][0];
  for (auto& row : result) {
    for (double& value : row) value /= determinant;
  }
  return result;
}

constexpr Matrix kToXyz = relative_xyz_from_rgb();
constexpr Matrix kToRgb = inverse(kToXyz);

template <typename T>
Color<T> transform(const Matrix& m, const Color<T>& c) {
  const auto row = [&](int i) {
    return static_cast<T>(m[i][0]) * c[0] + static_cast<T>(m[i][1]) * c[1] +
           static_cast<T>(m[i][2]) * c[2];
  };
  return {row(0), row(1), row(2)};
}

// The Lab curve is a cube root, with a line near black.
constexpr double kLabOffset = 16.0 / 116;
constexpr double kLabSlope = 7.787;

/// The three curves that need powers and roots.
struct ExactCurves {
  static double linear_from_srgb(double x) {
    return x > 0.04045 ? std::pow((x + 0.055) / 1.055, 2.4) : x / 12.92;
  }
  static double srgb_from_linear(double x) {
    return x > 0.0031308 ? 1.055 * std::pow(x, 1 / 2.4) - 0.055 : x * 12.92;
  }
  static double lab(double x) { return x > 0.008856 ? std::cbrt(x) : x * kLabSlope + kLabOffset; }
};

/// A curve over [0, 1], interpolated linearly; arguments beyond are clipped.
class Table {
 public:
  explicit Table(double (*curve)(double)) : values_(kSize + 1) {
    for (int i = 0; i <= kSize; ++i) values_[i] = static_cast<float>(curve(double(i) / kSize));
  }

  float operator()(float x) const {
    const float position = std::clamp(x, 0.0F, 1.0F) * kSize;
    const int index = std::min(static_cast<int>(position), kSize - 1);
    return values_[index] +
           (position - static_cast<float>(index)) * (values_[index + 1] - values_[index]);
  }

 private:
  static constexpr int kSize = 1 << 14;  // errors below 3e-6 for all three curves
  std::vector<float> values_;
};

struct TabulatedCurves {
  Table linear_from_srgb{ExactCurves::linear_from_srgb};
  Table srgb_from_linear{ExactCurves::srgb_from_linear};
  Table lab{ExactCurves::lab};
};

template <typename T>
T inverse_lab(T f) {
  constexpr T kOffset = kLabOffset;
  constexpr T kSlope = kLabSlope;
  return f > T(0.2068966) ? f * f * f : (f - kOffset) / kSlope;
}

template <typename T, typename Curves>
Color<T> lab_from_rgb(const Color<T>& rgb, const Curves& curves) {
  const Color<T> linear = {curves.linear_from_srgb(rgb[0]), curves.linear_from_srgb(rgb[1]),
                           curves.linear_from_srgb(rgb[2])};
  const Color<T> xyz = transform(kToXyz, linear);
  const T x = curves.lab(xyz[0]);
  const T y = curves.lab(xyz[1]);
  const T z = curves.lab(xyz[2]);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

template <typename T, typename Curves>
Color<T> rgb_from_lab(const Color<T>& lab, const Curves& curves) {
  const T y = (lab[0] + 16) * T(1.0 / 116);
  const T x = lab[1] * T(1.0 / 500) + y;
  const T z = std::max(y - lab[2] * T(1.0 / 200), T(0));
  const Color<T> xyz = {inverse_lab(x), inverse_lab(y), inverse_lab(z)};
  Color<T> rgb = transform(kToRgb, xyz);
  for (T& value : rgb) {
    value = std::clamp(static_cast<T>(curves.srgb_from_linear(value)), T(0), T(1));
  }
  return rgb;
}

/// [3, ...] float64 through a function of one colour.
template <typename Function>
at::Tensor map_colors(const at::Tensor& colors, const Function& function) {
  const at::Tensor pixels = colors.to(at::kCPU, at::kDouble).reshape({3, -1}).t().contiguous();
  double* value = pixels.data_ptr<double>();
  for (int64_t i = 0; i < pixels.size(0); ++i, value += 3) {
    const Color<double> mapped = function(Color<double>{value[0], value[1], value[2]});
    std::copy(mapped.begin(), mapped.end(), value);
  }
  return pixels.t().reshape(colors.sizes());
}

/// One picture of a contiguous [3, T, H, W] tensor: three planes of values in [-1, 1].
struct Picture {
  Picture(const at::Tensor& video, int64_t t) : pixels(video.size(2) * video.size(3)) {
    for (int c = 0; c < 3; ++c) planes[c] = video[c][t].data_ptr<float>();
  }
  Color<float> rgb(int64_t i) const {
    const auto unit = [&](int c) { return std::clamp((planes[c][i] + 1) / 2, 0.0F, 1.0F); };
    return {unit(0), unit(1), unit(2)};
  }

  int64_t pixels;
  std::array<float*, 3> planes{};
};

struct Statistics {
  Color<double> mean;
  Color<double> deviation;
};

/// Sums in double, of distances from the first pixel: a flat channel deviates by exactly 0.
class StatisticsBuilder {
 public:
  explicit StatisticsBuilder(const Color<float>& first) : first_(first) {}

  void add(const Color<float>& lab) {
    for (int c = 0; c < 3; ++c) {
      const double distance = double(lab[c]) - first_[c];
      sum_[c] += distance;
      square_sum_[c] += distance * distance;
    }
  }

  Statistics over(int64_t pixels) const {
    Statistics result{};
    for (int c = 0; c < 3; ++c) {
      const double mean = sum_[c] / static_cast<double>(pixels);
      const double variance = square_sum_[c] / static_cast<double>(pixels) - mean * mean;
      result.mean[c] = first_[c] + mean;
      result.deviation[c] = std::sqrt(std::max(variance, 0.0));
    }
    return result;
  }

 private:
  Color<float> first_;
  Color<double> sum_{};
  Color<double> square_sum_{};
};

/// A picture's pixels in Lab, and their statistics.
struct LabPicture {
  LabPicture(const Picture& picture, const TabulatedCurves& curves) : pixels(picture.pixels) {
    StatisticsBuilder builder(lab_from_rgb(picture.rgb(0), curves));
    for (int64_t i = 0; i < picture.pixels; ++i) {
      pixels[i] = lab_from_rgb(picture.rgb(i), curves);
      builder.add(pixels[i]);
    }
    statistics = builder.over(picture.pixels);
  }

  std::vector<Color<float>> pixels;
  Statistics statistics;
};

void match_picture(const Picture& source, const Picture& result, const Statistics& target,
                   float strength, const TabulatedCurves& curves) {
  const LabPicture lab(source, curves);
  const Statistics& own = lab.statistics;
  Color<float> scale{};
  Color<float> offset{};
  for (int c = 0; c < 3; ++c) {
    // A channel without variation becomes the target's mean.
    const double ratio = own.deviation[c] == 0 ? 0 : target.deviation[c] / own.deviation[c];
    scale[c] = static_cast<float>(ratio);
    offset[c] = static_cast<float>(target.mean[c] - own.mean[c] * ratio);
  }
  for (int64_t i = 0; i < source.pixels; ++i) {
    Color<float> moved = lab.pixels[i];
    for (int c = 0; c < 3; ++c) moved[c] = moved[c] * scale[c] + offset[c];
    const Color<float> rgb = source.rgb(i);
    const Color<float> matched = rgb_from_lab(moved, curves);
    for (int c = 0; c < 3; ++c) {
      result.planes[c][i] = (rgb[c] * (1 - strength) + matched[c] * strength) * 2 - 1;
    }
  }
}

void check_arguments(const at::Tensor& video, const at::Tensor& reference, double strength) {
  if (!(strength >= 0 && strength <= 1)) {
    throw input_error("color_correction_strength is {}, expected 0 to 1", strength);
  }
  MULTITALK_CHECK(video.dim() == 4 && video.size(0) == 3 && reference.dim() == 4 &&
                      reference.size(0) == 3 && reference.size(1) == 1 && reference.numel() > 0,
                  "video {}, reference {}", format_shape(video.sizes().vec()),
                  format_shape(reference.sizes().vec()));
}

}  // namespace

at::Tensor rgb_to_lab(const at::Tensor& rgb) {
  return map_colors(rgb, [](const Color<double>& c) { return lab_from_rgb(c, ExactCurves()); });
}

at::Tensor lab_to_rgb(const at::Tensor& lab) {
  return map_colors(lab, [](const Color<double>& c) { return rgb_from_lab(c, ExactCurves()); });
}

at::Tensor match_colors(const at::Tensor& video, const at::Tensor& reference, double strength) {
  check_arguments(video, reference, strength);
  if (strength == 0 || video.numel() == 0) return video;
  static const TabulatedCurves curves;
  const at::Tensor source = video.to(at::kCPU, at::kFloat).contiguous();
  const at::Tensor target_picture = reference.to(at::kCPU, at::kFloat).contiguous();
  const Statistics target = LabPicture(Picture(target_picture, 0), curves).statistics;
  const at::Tensor result = at::empty_like(source);
  at::parallel_for(0, source.size(1), 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      match_picture(Picture(source, t), Picture(result, t), target, static_cast<float>(strength),
                    curves);
    }
  });
  return result.to(video.device());
}

}  // namespace multitalk
