// Where each speaker is, on the latent grid.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "pipeline/job.h"

namespace multitalk {

/// The boxes that speaker_masks draws: the given ones, or equal columns of the picture shrunk by
/// 5 % on every side (reference: face_scale). Empty for one speaker, whose voice moves the whole
/// picture.
std::vector<Box> effective_boxes(const std::vector<Speaker>& speakers, int source_height,
                                 int source_width);

/// [classes, target_height / 8, target_width / 8] float zeros and ones: one class a speaker, then
/// the background, which is where no speaker is (one speaker: three classes of ones, as in the
/// reference). The same numbers as drawing effective_boxes at the size of the source picture,
/// resizing by nearest to cover the target, cropping, and resizing by nearest to the latent grid
/// (reference: MultiTalkPipeline.generate, resize_and_centercrop). Box numbers are cut to integers
/// and bound as Python slices are: negative ones count from the end, ends lie inside the picture.
at::Tensor speaker_masks(const std::vector<Speaker>& speakers, int source_height, int source_width,
                         int target_height, int target_width);

/// Throws an input error that names the speaker who has no token (2 x 2 latents) in `masks`, as
/// speaker_masks made them: a box too small or cropped away, for which the reference gives NaN.
void require_visible(const std::vector<Speaker>& speakers, const at::Tensor& masks);

}  // namespace multitalk
