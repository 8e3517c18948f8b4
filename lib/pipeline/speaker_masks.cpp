#include "pipeline/speaker_masks.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "pipeline/cover_fit.h"

namespace multitalk {

namespace {

constexpr int kVaeStride = 8;
constexpr double kFaceScale = 0.05;  ///< what is cut from each side of a default column

/// Which rows (or columns) of the source picture lie behind those of the latent grid.
using Indices = std::vector<int>;

/// The source index that nearest resizing takes for one of the result: ATen's rule, in float32.
int nearest_index(int index, int source_size, int result_size) {
  const float scale = static_cast<float>(source_size) / static_cast<float>(result_size);
  return std::min(static_cast<int>(std::floor(static_cast<float>(index) * scale)), source_size - 1);
}

/// Latent grid -> target picture -> scaled picture -> source picture.
Indices source_indices(int source, int resized, int crop_start, int target) {
  const int latents = target / kVaeStride;
  Indices indices(latents);
  for (int i = 0; i < latents; ++i) {
    indices[i] = nearest_index(nearest_index(i, target, latents) + crop_start, source, resized);
  }
  return indices;
}

/// A bound of a Python slice over `size` elements.
int slice_bound(double bound, int size) {
  const double whole = std::trunc(bound);
  return static_cast<int>(std::clamp<double>(whole < 0 ? whole + size : whole, 0, size));
}

/// [n] bool: the indices that lie in the slice [from, to) of `size` elements.
at::Tensor inside(const Indices& indices, double from, double to, int size) {
  const int begin = slice_bound(from, size);
  const int end = slice_bound(to, size);
  const at::Tensor tensor = at::tensor(indices, at::kInt);
  return tensor.ge(begin).logical_and(tensor.lt(end));
}

}  // namespace

std::vector<Box> effective_boxes(const std::vector<Speaker>& speakers, int source_height,
                                 int source_width) {
  const int count = static_cast<int>(speakers.size());
  if (count == 1) return {};
  const int column = source_width / std::max(count, 1);
  std::vector<Box> boxes;
  for (int i = 0; i < count; ++i) {
    if (speakers[i].box) {
      boxes.push_back(*speakers[i].box);
      continue;
    }
    const double left = static_cast<double>(i) * column;
    boxes.push_back({std::trunc(source_height * kFaceScale), std::trunc(column * kFaceScale + left),
                     std::trunc(source_height * (1 - kFaceScale)),
                     std::trunc(column * (1 - kFaceScale) + left)});
  }
  return boxes;
}

at::Tensor speaker_masks(const std::vector<Speaker>& speakers, int source_height, int source_width,
                         int target_height, int target_width) {
  MULTITALK_CHECK(!speakers.empty(), "masks of no speakers");
  if (speakers.size() == 1) {
    return at::ones({3, target_height / kVaeStride, target_width / kVaeStride});
  }
  const CoverFit fit = fit_cover(source_height, source_width, target_height, target_width);
  const Indices rows = source_indices(source_height, fit.resized_height, fit.top, target_height);
  const Indices columns = source_indices(source_width, fit.resized_width, fit.left, target_width);
  std::vector<at::Tensor> masks;
  for (const Box& box : effective_boxes(speakers, source_height, source_width)) {
    const at::Tensor row = inside(rows, box.row_min, box.row_max, source_height);
    const at::Tensor column = inside(columns, box.column_min, box.column_max, source_width);
    masks.push_back(row.unsqueeze(1).logical_and(column.unsqueeze(0)));
  }
  masks.push_back(at::stack(masks).any(0).logical_not());
  return at::stack(masks).to(at::kFloat);
}

void require_visible(const std::vector<Speaker>& speakers, const at::Tensor& masks) {
  using at::indexing::None;
  using at::indexing::Slice;
  const at::Tensor tokens = masks.index({Slice(), Slice(None, None, 2), Slice(None, None, 2)});
  for (std::size_t i = 0; i < speakers.size(); ++i) {
    if (tokens[static_cast<int64_t>(i)].any().item<bool>()) continue;
    throw input_error("bbox: the box of {} covers no part of the video at this size",
                      speakers[i].name)
        .with_hint(
            "it is too small or lies where the picture is cropped; the video is made of "
            "squares of 16 x 16 pixels, and a speaker needs at least one");
  }
}

}  // namespace multitalk
