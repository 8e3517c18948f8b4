// How a picture is brought to the size of the video: scaled until it covers it, then cropped.
#pragma once

namespace multitalk {

/// The size after scaling, and where the centre crop of the target's size starts in it.
struct CoverFit {
  int resized_height = 0;
  int resized_width = 0;
  int top = 0;
  int left = 0;
};

/// Scales by the larger of the two ratios, rounds both sides up, and crops in the middle, halves of
/// a pixel going to the even number (reference: resize_and_centercrop, torchvision's center_crop).
CoverFit fit_cover(int source_height, int source_width, int target_height, int target_width);

}  // namespace multitalk
