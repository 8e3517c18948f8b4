#include "pipeline/conditioning.h"

#include "base/error.h"
#include "media/image_resize.h"

namespace multitalk {

at::Tensor picture_tensor(const Image& picture, const CoverFit& fit, const Bucket& bucket) {
  Image scaled = resize_bilinear(picture, fit.resized_width, fit.resized_height);
  scaled = center_crop(scaled, bucket.width, bucket.height);
  const at::Tensor bytes =
      at::from_blob(scaled.rgb.data(), {bucket.height, bucket.width, 3}, at::kByte);
  const at::Tensor unit = bytes.permute({2, 0, 1}).unsqueeze(1).to(at::kFloat) / 255;
  return ((unit - 0.5) * 2).contiguous();
}

at::Tensor audio_windows(const std::vector<at::Tensor>& embeddings, const FrameSchedule& schedule,
                         const ClipSpan& clip) {
  std::vector<at::Tensor> windows;
  for (std::size_t speaker = 0; speaker < embeddings.size(); ++speaker) {
    const at::Tensor& embedding = embeddings[speaker];
    const std::vector<int> rows = window_rows(schedule, clip, speaker);
    const at::Tensor picked =
        embedding.index_select(0, at::tensor(rows, at::kInt).to(embedding.device()));
    windows.push_back(
        picked.reshape({clip.end - clip.start, -1, embedding.size(1), embedding.size(2)}));
  }
  return at::stack(windows);
}

at::Tensor condition_video(const at::Tensor& given_frames, int frame_num) {
  const int64_t missing = frame_num - given_frames.size(1);
  MULTITALK_CHECK(missing >= 0, "{} condition frames for a clip of {}", given_frames.size(1),
                  frame_num);
  const at::Tensor grey =
      at::zeros({given_frames.size(0), missing, given_frames.size(2), given_frames.size(3)},
                given_frames.options());
  return at::cat({given_frames, grey}, 1);
}

at::Tensor frames_to_bytes(const at::Tensor& frames) {
  return ((frames + 1) / 2 * 255).clamp(0, 255).to(at::kByte).permute({1, 2, 3, 0}).contiguous();
}

}  // namespace multitalk
