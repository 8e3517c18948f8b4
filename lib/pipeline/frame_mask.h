// Which frames of a clip are given to the model, as the mask channels of its input.
#pragma once

#include <ATen/ATen.h>

namespace multitalk {

/// [4, (frame_num - 1) / 4 + 1] float: ones for the first `given` frames of a clip (1 in the first,
/// motion_frame later), zeros for those to be made; the first frame takes all 4 channels of the
/// first latent frame, and each later latent frame holds its 4 frames (reference:
/// MultiTalkPipeline.generate). Constant over space: expand to [4, T, h, w].
at::Tensor given_frame_mask(int frame_num, int given);

}  // namespace multitalk
