// The Wan2.1 video autoencoder: frames to latents and back, 8 x 8 pixels and 4 frames to one.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <functional>

#include "checkpoint/tensor_source.h"
#include "models/wan_vae_blocks.h"
#include "nn/layers.h"

namespace multitalk {

/// Computes in the dtype and on the device of its weights; takes tensors of any, returns float32
/// there. Between chunks an interrupt throws Error(kInterrupted). A clip is cut into chunks in
/// time, which share a cache: the result does not depend on the cut, only memory and speed do.
class WanVae {
 public:
  /// Receives frames [3, n, H, W] in [-1, 1], in order.
  using FrameSink = std::function<void(const at::Tensor& frames)>;

  explicit WanVae(const VaeConfig& config = {});
  void declare(const ParameterScope& scope);

  /// Latent frames computed at once: 1 as in the reference needs the least memory, kWholeClip the
  /// most.
  void set_chunk(int64_t latent_frames) { chunk_ = latent_frames; }
  static constexpr int64_t kWholeClip = 0;

  /// Video [3, T, H, W] in [-1, 1], T = 4 n + 1, H and W multiples of 8, to the latent
  /// [16, n + 1, H / 8, W / 8]: the mean of the distribution, no sample, brought to about zero mean
  /// and unit variance: (mu - mean) / std by Wan's tables. Captures "mu". Throws an input error
  /// for another shape.
  at::Tensor encode(const at::Tensor& video, const nn::Capture& capture = {}) const;

  /// Latent [16, T', h, w] to video [3, 4 T' - 3, 8 h, 8 w], clamped to [-1, 1]. Captures
  /// "video_unclamped".
  at::Tensor decode(const at::Tensor& latent, const nn::Capture& capture = {}) const;

  /// The same, handed over chunk by chunk, so that memory does not grow with the clip.
  void decode_stream(const at::Tensor& latent, const FrameSink& sink) const;

  /// The decoder alone: mu [16, T', h, w], in the encoder's own scale, to video [3, 4 T' - 3, 8 h,
  /// 8 w], not clamped.
  at::Tensor decode_mu(const at::Tensor& mu) const;

  const VaeConfig& config() const { return config_; }

 private:
  void decode_chunks(const at::Tensor& mu, const FrameSink& sink) const;
  at::Tensor to_mu(const at::Tensor& latent) const;
  void check_video(const at::Tensor& video) const;
  void check_latent(const at::Tensor& latent) const;
  at::Tensor as_input(const at::Tensor& clip) const;

  VaeConfig config_;
  int64_t chunk_ = 1;
  wan_vae::Encoder encoder_;
  wan_vae::Decoder decoder_;
  nn::Conv3d conv1_;
  nn::Conv3d conv2_;
};

/// The width, taken from the tensors' shapes; the rest as in Wan2.1. Throws a weights error where
/// the source is not this model.
VaeConfig infer_vae_config(const TensorSource& source);

/// Reads Wan2.1_VAE.pth, or, where there is no such file, its .safetensors neighbour of the same
/// name. Throws a weights error where the file is missing or is not this model.
WanVae load_wan_vae(const std::filesystem::path& file, at::Device device = at::kCPU,
                    at::ScalarType dtype = at::kFloat);

}  // namespace multitalk
