// --save_latents: what a render went through, as one safetensors file.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace multitalk {

/// Collects named tensors, copied to the CPU. A trace without a file collects nothing.
class LatentTrace {
 public:
  explicit LatentTrace(std::optional<std::filesystem::path> file) : file_(std::move(file)) {}

  bool active() const { return file_.has_value(); }

  void add(const std::string& name, const at::Tensor& value);

  /// Names of clip `clip` (from 0) get the prefix "clip<N>_".
  void add(int clip, const std::string& name, const at::Tensor& value);

  /// A latent after a step of the clip; they end up stacked as clip<N>_latents [steps - 1, ...].
  void add_step_latent(int clip, const at::Tensor& latent);

  /// Bytes [n, H, W, 3] that entered the video; they end up joined as video_uint8.
  void add_video(const at::Tensor& bytes);

  /// Writes the file.
  void write();

 private:
  std::optional<std::filesystem::path> file_;
  std::map<std::string, at::Tensor> tensors_;
  std::map<int, std::vector<at::Tensor>> step_latents_;
  std::vector<at::Tensor> video_;
};

}  // namespace multitalk
