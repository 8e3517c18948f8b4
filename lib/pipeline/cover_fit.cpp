#include "pipeline/cover_fit.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace multitalk {

namespace {

int scaled_up(double scale, int side) { return static_cast<int>(std::ceil(scale * side)); }

/// nearbyint rounds halves to even, the default mode.
int crop_start(int resized, int target) {
  return static_cast<int>(std::nearbyint((resized - target) / 2.0));
}

}  // namespace

CoverFit fit_cover(int source_height, int source_width, int target_height, int target_width) {
  MULTITALK_CHECK(source_height > 0 && source_width > 0, "a picture of {} x {} pixels",
                  source_height, source_width);
  const double scale = std::max(static_cast<double>(target_height) / source_height,
                                static_cast<double>(target_width) / source_width);
  CoverFit fit;
  fit.resized_height = scaled_up(scale, source_height);
  fit.resized_width = scaled_up(scale, source_width);
  fit.top = crop_start(fit.resized_height, target_height);
  fit.left = crop_start(fit.resized_width, target_width);
  return fit;
}

}  // namespace multitalk
