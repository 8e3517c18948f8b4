#include "pipeline/frame_mask.h"

#include "pipeline/frame_schedule.h"

namespace multitalk {

at::Tensor given_frame_mask(int frame_num, int given) {
  // Entry i of the flat mask stands for frame max(0, i - 3): the first frame four times.
  const int latents = latent_frames(frame_num);
  const at::Tensor frame = (at::arange(4 * latents) - 3).clamp_min(0);
  return frame.lt(given).to(at::kFloat).view({latents, 4}).t().contiguous();
}

}  // namespace multitalk
