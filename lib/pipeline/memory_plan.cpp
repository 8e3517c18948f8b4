#include "pipeline/memory_plan.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"

namespace multitalk {

std::uint64_t MemoryPlan::peak_bytes() const {
  std::uint64_t peak = 0;
  for (const MemoryStage& stage : stages) peak = std::max(peak, stage.total());
  return peak;
}

namespace {

/// One transformer block: the residual and its normalised copy; q, k and v with the float32 copies
/// that the rotary embedding makes of q and k; or the feed-forward's hidden layer, twice.
std::uint64_t block_bytes(const MemoryInputs& in) {
  const int64_t row = in.tokens * in.dim;
  const int64_t attention = row * (5 * in.element_bytes + 4 * 4);
  const int64_t feed_forward =
      row * 2 * in.element_bytes + 2 * in.tokens * in.ffn_dim * in.element_bytes;
  return static_cast<std::uint64_t>(row * (2 * in.element_bytes + 4) +
                                    std::max(attention, feed_forward));
}

/// The VAE's last stage works on four frames at full resolution: an input of 2 * dim channels, its
/// padded copy, the result, and the cached frames of its convolutions.
std::uint64_t vae_chunk_bytes(const MemoryInputs& in) {
  constexpr int64_t kFrames = 4;
  constexpr int64_t kLiveTensors = 4;
  constexpr int64_t kCachedFrames = 2 * 7;
  const int64_t plane = in.height * in.width * in.vae_dim * 4;
  return static_cast<std::uint64_t>(plane * (2 * kFrames * kLiveTensors + kCachedFrames));
}

}  // namespace

MemoryPlan estimate_memory(const MemoryInputs& in) {
  const auto video_bytes = static_cast<std::uint64_t>(3 * 4 * in.frame_num * in.height * in.width);
  const std::uint64_t resident = in.clip_bytes + in.vae_bytes + in.dit_bytes;
  constexpr std::uint64_t kSpeechBytesPerFrame = 640 / 5 * 512 * 4;  // the first convolution
  constexpr std::uint64_t kTextTokens = 512;

  MemoryPlan plan;
  plan.stages.push_back({"speech", in.wav2vec2_bytes,
                         static_cast<std::uint64_t>(in.audio_frames) * 2 * kSpeechBytesPerFrame});
  if (in.text_on_device) {
    plan.stages.push_back({"text", in.text_encoder_bytes, kTextTokens * kTextTokens * 64 * 4});
  }
  plan.stages.push_back({"encode", resident, vae_chunk_bytes(in) + video_bytes});
  plan.stages.push_back({"denoise", resident, block_bytes(in)});
  plan.stages.push_back({"decode", resident, vae_chunk_bytes(in) + 2 * video_bytes});
  return plan;
}

void require_memory(const MemoryPlan& plan, std::uint64_t free_bytes, const std::string& device) {
  if (plan.peak_bytes() <= free_bytes) return;
  throw resource_error("{}: this job needs about {}, {} are free", device,
                       format_bytes(plan.peak_bytes()), format_bytes(free_bytes))
      .with_hint("a smaller --size or --frame_num, --dtype bf16, or another --device needs less");
}

}  // namespace multitalk
