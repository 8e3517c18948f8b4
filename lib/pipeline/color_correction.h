// Colours that drift from clip to clip are pulled back to those of the first picture.
#pragma once

#include <ATen/ATen.h>

namespace multitalk {

/// Moves the colours of each frame towards the reference's: in CIE Lab every channel gets the
/// reference's mean and (population) standard deviation; the result is blended with the frame,
/// `strength` times the corrected one. match_and_blend_colors of the reference implementation,
/// after Reinhard et al., "Color transfer between images".
///
/// video [3, T, H, W] in [-1, 1] (values beyond are clipped), reference [3, 1, H', W']; float32.
/// Returns the video's shape on the video's device, computed on the CPU; strength 0 returns the
/// video itself. Throws an input error where the strength is outside 0..1.
at::Tensor match_colors(const at::Tensor& video, const at::Tensor& reference, double strength);

/// sRGB in [0, 1] to CIE Lab (illuminant D65, 2 degrees) as scikit-image; [3, ...] float64.
at::Tensor rgb_to_lab(const at::Tensor& rgb);

/// The inverse, clipped to [0, 1]; [3, ...] float64.
at::Tensor lab_to_rgb(const at::Tensor& lab);

}  // namespace multitalk
