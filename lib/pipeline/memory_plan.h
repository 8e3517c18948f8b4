// How much memory each stage of a render needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace multitalk {

struct MemoryStage {
  std::string name;  ///< "speech", "text", "denoise", "decode"
  std::uint64_t weight_bytes = 0;
  std::uint64_t activation_bytes = 0;

  std::uint64_t total() const { return weight_bytes + activation_bytes; }
};

struct MemoryPlan {
  std::vector<MemoryStage> stages;

  std::uint64_t peak_bytes() const;
};

/// What the estimate depends on. Weights in bytes as they lie on the device.
struct MemoryInputs {
  std::uint64_t wav2vec2_bytes = 0;
  std::uint64_t text_encoder_bytes = 0;
  std::uint64_t clip_bytes = 0;
  std::uint64_t vae_bytes = 0;
  std::uint64_t dit_bytes = 0;
  int64_t tokens = 0;   ///< of a clip
  int64_t dim = 0;      ///< of the transformer
  int64_t ffn_dim = 0;  ///< of its feed-forward layers
  int64_t vae_dim = 0;  ///< channels of the VAE at full resolution
  int64_t height = 0;   ///< of the video
  int64_t width = 0;
  int64_t frame_num = 0;      ///< of a clip
  int64_t audio_frames = 0;   ///< of the whole sound
  int64_t element_bytes = 4;  ///< of the compute dtype
  bool text_on_device = true;
};

/// An estimate from the tensors that are alive at each stage's widest point.
MemoryPlan estimate_memory(const MemoryInputs& inputs);

/// Throws a resource error that says what is needed and what is free, where the plan cannot fit.
void require_memory(const MemoryPlan& plan, std::uint64_t free_bytes, const std::string& device);

}  // namespace multitalk
