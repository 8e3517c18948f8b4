#include "models/wan_vae.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "checkpoint/open_weights.h"
#include "checkpoint/state_dict.h"
#include "models/checkpoint_shapes.h"

namespace multitalk {

namespace {

// Mean and standard deviation of each latent channel over Wan's training videos (WanVAE).
constexpr std::array<float, 16> kLatentMean = {
    -0.7571F, -0.7089F, -0.9113F, 0.1075F,  -0.1745F, 0.9653F,  -0.1517F, 1.5508F,
    0.4134F,  -0.0715F, 0.5517F,  -0.3632F, -0.1922F, -0.9497F, 0.2503F,  -0.2921F};
constexpr std::array<float, 16> kLatentStd = {2.8184F, 1.4541F, 2.3275F, 2.6558F, 1.2196F, 1.7708F,
                                              2.6052F, 2.0743F, 3.2687F, 2.1526F, 2.8652F, 1.5579F,
                                              1.6382F, 1.1253F, 2.8251F, 1.9160F};

/// [16] -> [16, 1, 1, 1] float32 on `device`.
at::Tensor channel_table(const std::array<float, 16>& values, at::Device device) {
  return at::tensor(at::ArrayRef<float>(values)).view({-1, 1, 1, 1}).to(device);
}

/// Calls `use(first, count)` for each piece of `total` frames, `chunk` at a time (all at once where
/// chunk is WanVae::kWholeClip).
template <typename Use>
void for_each_chunk(int64_t total, int64_t chunk, const Use& use) {
  const int64_t step = chunk == WanVae::kWholeClip ? total : chunk;
  for (int64_t first = 0; first < total; first += step) {
    check_interrupted();
    use(first, std::min(step, total - first));
  }
}

std::unique_ptr<TensorSource> open_vae(const std::filesystem::path& file) {
  std::filesystem::path safetensors = file;
  safetensors.replace_extension(".safetensors");
  const bool use_neighbour = !std::filesystem::exists(file) && std::filesystem::exists(safetensors);
  return open_weights(use_neighbour ? safetensors : file);
}

}  // namespace

VaeConfig infer_vae_config(const TensorSource& source) {
  VaeConfig config;
  config.dim = shape_of(source, "encoder.conv1.weight", 5)[0];
  return config;
}

WanVae::WanVae(const VaeConfig& config)
    : config_(config),
      encoder_(config),
      decoder_(config),
      conv1_(2 * config.z_dim, 2 * config.z_dim, {.kernel = {1, 1, 1}}),
      conv2_(config.z_dim, config.z_dim, {.kernel = {1, 1, 1}}) {}

void WanVae::declare(const ParameterScope& scope) {
  encoder_.declare(scope.child("encoder"));
  conv1_.declare(scope.child("conv1"));
  conv2_.declare(scope.child("conv2"));
  decoder_.declare(scope.child("decoder"));
}

at::Tensor WanVae::encode(const at::Tensor& video, const nn::Capture& capture) const {
  check_video(video);
  const int64_t stride = config_.temporal_factor();
  const int64_t latent_frames = (video.size(1) - 1) / stride + 1;
  wan_vae::TemporalCache cache;
  std::vector<at::Tensor> chunks;
  for_each_chunk(latent_frames, chunk_, [&](int64_t first, int64_t count) {
    // The first latent frame is one video frame, every other one `stride` of them.
    const int64_t begin = std::max<int64_t>(0, (first - 1) * stride + 1);
    const int64_t end = (first + count - 1) * stride + 1;
    cache.begin_chunk();
    const at::Tensor encoded = encoder_(as_input(video.narrow(1, begin, end - begin)), cache);
    chunks.push_back(conv1_(encoded).narrow(1, 0, config_.z_dim));
  });
  const at::Tensor mu = at::cat(chunks, 2).squeeze(0).to(at::kFloat).contiguous();
  if (capture) capture("mu", mu);
  const at::Tensor inverse_std = channel_table(kLatentStd, mu.device()).reciprocal();
  return (mu - channel_table(kLatentMean, mu.device())) * inverse_std;
}

at::Tensor WanVae::decode(const at::Tensor& latent, const nn::Capture& capture) const {
  at::Tensor video = decode_mu(to_mu(latent));
  if (capture) capture("video_unclamped", video.clone());
  return video.clamp_(-1, 1);
}

void WanVae::decode_stream(const at::Tensor& latent, const FrameSink& sink) const {
  decode_chunks(to_mu(latent), [&](const at::Tensor& frames) { sink(frames.clamp(-1, 1)); });
}

at::Tensor WanVae::decode_mu(const at::Tensor& mu) const {
  check_latent(mu);
  const int64_t scale = config_.spatial_factor();
  const int64_t frames = (mu.size(1) - 1) * config_.temporal_factor() + 1;
  at::Tensor video = at::empty({3, frames, mu.size(2) * scale, mu.size(3) * scale},
                               conv2_.weight.options().dtype(at::kFloat));
  int64_t done = 0;
  decode_chunks(mu, [&](const at::Tensor& chunk) {
    video.narrow(1, done, chunk.size(1)).copy_(chunk);
    done += chunk.size(1);
  });
  return video;
}

void WanVae::decode_chunks(const at::Tensor& mu, const FrameSink& sink) const {
  wan_vae::TemporalCache cache;
  for_each_chunk(mu.size(1), chunk_, [&](int64_t first, int64_t count) {
    cache.begin_chunk();
    const at::Tensor hidden = conv2_(as_input(mu.narrow(1, first, count)));
    sink(decoder_(hidden, cache).squeeze(0).to(at::kFloat));
  });
}

at::Tensor WanVae::to_mu(const at::Tensor& latent) const {
  check_latent(latent);
  const at::Device device = conv2_.weight.device();
  const at::Tensor inverse_std = channel_table(kLatentStd, device).reciprocal();
  return latent.to(device, at::kFloat) / inverse_std + channel_table(kLatentMean, device);
}

/// [C, T, H, W] -> [1, C, T, H, W] as the convolutions take it.
at::Tensor WanVae::as_input(const at::Tensor& clip) const {
  return clip.to(conv2_.weight.options()).unsqueeze(0).contiguous(at::MemoryFormat::ChannelsLast3d);
}

void WanVae::check_video(const at::Tensor& video) const {
  const int64_t time = config_.temporal_factor();
  const int64_t space = config_.spatial_factor();
  const bool good = video.dim() == 4 && video.size(0) == 3 && video.size(1) % time == 1 % time &&
                    video.size(2) > 0 && video.size(2) % space == 0 && video.size(3) > 0 &&
                    video.size(3) % space == 0;
  if (!good) {
    throw input_error("VAE encoder: a video of shape {}, expected [3, {} n + 1, {} h, {} w]",
                      format_shape(video.sizes().vec()), time, space, space);
  }
}

void WanVae::check_latent(const at::Tensor& latent) const {
  if (latent.dim() != 4 || latent.size(0) != config_.z_dim || latent.numel() == 0) {
    throw input_error("VAE decoder: a latent of shape {}, expected [{}, T, h, w]",
                      format_shape(latent.sizes().vec()), config_.z_dim);
  }
}

WanVae load_wan_vae(const std::filesystem::path& file, at::Device device, at::ScalarType dtype) {
  const std::unique_ptr<TensorSource> source = open_vae(file);
  WanVae vae(infer_vae_config(*source));
  LoadOptions options;
  options.device = device;
  options.dtype = dtype;
  load_state_dict("Wan2.1 VAE", parameters_of(vae), *source, options);
  return vae;
}

}  // namespace multitalk
