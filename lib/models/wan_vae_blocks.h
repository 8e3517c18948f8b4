// The blocks of the Wan VAE: convolutions that look only back in time, computed chunk by chunk.
// All activations are [1, C, T, H, W], channels last in memory.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "nn/layers.h"

namespace multitalk {

/// The widths and depths of the Wan VAE; the defaults are Wan2.1's.
struct VaeConfig {
  int64_t dim = 96;                              ///< width of the finest level
  int64_t z_dim = 16;                            ///< channels of the latent
  std::vector<int64_t> dim_mult = {1, 2, 4, 4};  ///< width of each level in dims, finest first
  int64_t num_res_blocks = 2;  ///< a level of the encoder; one more in the decoder
  std::vector<bool> temporal_downsample = {false, true, true};  ///< after each level but the last

  /// How many pixels of a side become one of the latent: 8.
  int64_t spatial_factor() const;
  /// How many frames, after the first, become one of the latent: 4.
  int64_t temporal_factor() const;
};

}  // namespace multitalk

namespace multitalk::wan_vae {

/// What the time convolutions of one network remember from the chunks before. Each takes the next
/// slot in the order of computation, so every chunk must walk the same layers. A clip cut into any
/// chunks gives what the whole clip at once gives.
class TemporalCache {
 public:
  /// Called before each chunk.
  void begin_chunk();

  /// Whether the clip's first frame is in this chunk. It stands apart: the time resampling passes
  /// it through.
  bool is_first_chunk() const { return chunks_ == 1; }

  /// The slot of the next layer; undefined until that layer fills it.
  at::Tensor& next();

 private:
  std::deque<at::Tensor> slots_;  // references stay valid while it grows
  std::size_t cursor_ = 0;
  int64_t chunks_ = 0;
};

/// Convolution over [T, H, W] whose output at a frame depends on that frame and the kernel[0] - 1
/// frames before it, zeros before the first one. Height and width keep their size.
struct CausalConv3d {
  CausalConv3d(int64_t in, int64_t out, nn::Conv3d::Sizes kernel);
  void declare(const ParameterScope& scope) { conv.declare(scope); }
  at::Tensor operator()(const at::Tensor& x, TemporalCache& cache) const;

  nn::Conv3d conv;
};

/// x / |x| * sqrt(C) * gamma over the channels.
struct ChannelNorm {
  /// `gamma_dims`: 4 for gamma [C, 1, 1, 1], 3 for gamma [C, 1, 1], as the checkpoint has it.
  ChannelNorm(int64_t dim, int64_t gamma_dims) : dim(dim), gamma_dims(gamma_dims) {}
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;  // [N, C, ...] with gamma_dims dims after N

  int64_t dim;
  int64_t gamma_dims;
  at::Tensor gamma;
};

/// Twice norm, SiLU and convolution, beside a shortcut.
struct ResidualBlock {
  ResidualBlock(int64_t in, int64_t out);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x, TemporalCache& cache) const;

  ChannelNorm norm1;
  CausalConv3d conv1;
  ChannelNorm norm2;
  CausalConv3d conv2;
  std::optional<CausalConv3d> shortcut;  // where the widths differ
};

/// Self-attention of one head among the pixels of each frame.
struct AttentionBlock {
  explicit AttentionBlock(int64_t dim);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;

  ChannelNorm norm;
  nn::Conv2d to_qkv;
  nn::Conv2d proj;
};

/// Halves height and width and, where temporal, time (T frames after the first to T / 2).
struct Downsample {
  Downsample(int64_t dim, bool temporal);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x, TemporalCache& cache) const;

  nn::Conv2d resample;
  std::optional<nn::Conv3d> time_conv;

 private:
  at::Tensor halve_time(const at::Tensor& x, TemporalCache& cache) const;
};

/// Doubles height and width and, where temporal, time (T frames after the first to 2 T); halves
/// the channels.
struct Upsample {
  Upsample(int64_t dim, bool temporal);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x, TemporalCache& cache) const;

  nn::Conv2d resample;
  std::optional<CausalConv3d> time_conv;

 private:
  at::Tensor double_time(const at::Tensor& x, TemporalCache& cache) const;
  at::Tensor split_in_two(const at::Tensor& x, TemporalCache& cache) const;
};

/// Residual, attention, residual, at the coarsest level.
struct MiddleBlock {
  explicit MiddleBlock(int64_t dim) : first(dim, dim), attention(dim), last(dim, dim) {}
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x, TemporalCache& cache) const;

  ResidualBlock first;
  AttentionBlock attention;
  ResidualBlock last;
};

/// Norm, SiLU and the last convolution.
struct Head {
  Head(int64_t in, int64_t out) : norm(in, 4), conv(in, out, {3, 3, 3}) {}
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x, TemporalCache& cache) const;

  ChannelNorm norm;
  CausalConv3d conv;
};

/// Video [1, 3, T, H, W] to the mean and log variance [1, 2 z_dim, T', H / 8, W / 8], before the
/// VAE's conv1.
struct Encoder {
  explicit Encoder(const VaeConfig& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x, TemporalCache& cache) const;

  CausalConv3d conv1;
  std::vector<std::variant<ResidualBlock, Downsample>> downsamples;
  MiddleBlock middle;
  Head head;
};

/// Latent [1, z_dim, T', h, w], after the VAE's conv2, to video [1, 3, T, 8 h, 8 w].
struct Decoder {
  explicit Decoder(const VaeConfig& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x, TemporalCache& cache) const;

  CausalConv3d conv1;
  MiddleBlock middle;
  std::vector<std::variant<ResidualBlock, Upsample>> upsamples;
  Head head;
};

}  // namespace multitalk::wan_vae
