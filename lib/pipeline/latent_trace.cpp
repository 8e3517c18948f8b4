#include "pipeline/latent_trace.h"

#include "checkpoint/safetensors.h"

namespace multitalk {

void LatentTrace::add(const std::string& name, const at::Tensor& value) {
  if (!active()) return;
  const at::ScalarType dtype =
      at::isFloatingType(value.scalar_type()) && value.scalar_type() != at::kHalf
          ? at::kFloat
          : value.scalar_type();
  tensors_[name] = value.detach().to(at::kCPU, dtype).clone();
}

void LatentTrace::add(int clip, const std::string& name, const at::Tensor& value) {
  add("clip" + std::to_string(clip) + "_" + name, value);
}

void LatentTrace::add_step_latent(int clip, const at::Tensor& latent) {
  if (active()) step_latents_[clip].push_back(latent.cpu().clone());
}

void LatentTrace::add_video(const at::Tensor& bytes) {
  if (active()) video_.push_back(bytes.cpu());
}

void LatentTrace::write() {
  if (!active()) return;
  for (auto& [clip, latents] : step_latents_) {
    latents.pop_back();  // the last one is clip<N>_latent_final
    if (latents.empty()) continue;
    const at::Tensor stacked = at::stack(latents);
    add(clip, "latents", stacked);
    add(clip, "latents_f16", stacked.to(at::kHalf));
  }
  if (!video_.empty()) {
    const at::Tensor video = at::cat(video_);
    add("video_uint8", video);
    add("video_size",
        at::tensor({video.size(3), video.size(0), video.size(1), video.size(2)}, at::kLong));
  }
  write_safetensors(*file_, tensors_, {{"format", "pt"}});
}

}  // namespace multitalk
