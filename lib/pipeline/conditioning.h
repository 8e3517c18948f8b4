// What each clip's diffusion is conditioned on, as tensors.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "media/image.h"
#include "pipeline/cover_fit.h"
#include "pipeline/frame_schedule.h"
#include "pipeline/task.h"

namespace multitalk {

/// The picture scaled to cover the bucket, cropped, in [-1, 1]: [3, 1, H, W] float32
/// (reference: resize_and_centercrop, then (x / 255 - 0.5) * 2).
at::Tensor picture_tensor(const Image& picture, const CoverFit& fit, const Bucket& bucket);

/// The audio windows of one clip: for each of its frames the embedding rows -2..+2 around it,
/// clamped to the ends. `embeddings` holds one [rows, layers, channels] a speaker; the result is
/// [speakers, frame_num, 5, layers, channels].
at::Tensor audio_windows(const std::vector<at::Tensor>& embeddings, const FrameSchedule& schedule,
                         const ClipSpan& clip);

/// The condition video: the given frames [3, n, H, W], then mid-grey up to frame_num.
at::Tensor condition_video(const at::Tensor& given_frames, int frame_num);

/// Frames in [-1, 1], [3, n, H, W], to bytes [n, H, W, 3]: (x + 1) / 2 * 255, clipped and cut, not
/// rounded (reference: save_video_ffmpeg).
at::Tensor frames_to_bytes(const at::Tensor& frames);

}  // namespace multitalk
