#include "models/wan_vae_blocks.h"

#include <algorithm>
#include <cmath>

#include "kernels/attention.h"

namespace multitalk {

int64_t VaeConfig::spatial_factor() const { return int64_t{1} << (dim_mult.size() - 1); }

int64_t VaeConfig::temporal_factor() const {
  return int64_t{1} << std::count(temporal_downsample.begin(), temporal_downsample.end(), true);
}

}  // namespace multitalk

namespace multitalk::wan_vae {

namespace {

constexpr int64_t kTimeDim = 2;

/// The last `count` frames, in memory of their own: a view would keep the whole chunk alive.
at::Tensor last_frames(const at::Tensor& x, int64_t count) {
  return x.narrow(kTimeDim, x.size(kTimeDim) - count, count)
      .clone(at::MemoryFormat::ChannelsLast3d);
}

at::Tensor frames_after(const at::Tensor& x, int64_t count) {
  return x.narrow(kTimeDim, count, x.size(kTimeDim) - count);
}

/// [1, C, T, H, W] -> [T, C, H, W]; both without a copy for channels-last tensors.
at::Tensor as_frames(const at::Tensor& x) { return x.squeeze(0).transpose(0, 1); }
at::Tensor as_clip(const at::Tensor& frames) { return frames.transpose(0, 1).unsqueeze(0); }

at::Tensor norm_silu(const ChannelNorm& norm, const at::Tensor& x) {
  at::Tensor normed = norm(x);
  return at::silu_(normed);
}

template <typename Layers>
void declare_all(Layers& layers, const ParameterScope& scope) {
  for (size_t i = 0; i < layers.size(); ++i) {
    std::visit([&](auto& layer) { layer.declare(scope.child(static_cast<int64_t>(i))); },
               layers[i]);
  }
}

template <typename Layers>
at::Tensor run_all(const Layers& layers, at::Tensor x, TemporalCache& cache) {
  for (const auto& any : layers) {
    x = std::visit([&](const auto& layer) { return layer(x, cache); }, any);
  }
  return x;
}

}  // namespace

void TemporalCache::begin_chunk() {
  cursor_ = 0;
  ++chunks_;
}

at::Tensor& TemporalCache::next() {
  if (cursor_ == slots_.size()) slots_.emplace_back();
  return slots_[cursor_++];
}

CausalConv3d::CausalConv3d(int64_t in, int64_t out, nn::Conv3d::Sizes kernel)
    : conv(in, out, {.kernel = kernel, .padding = {0, kernel[1] / 2, kernel[2] / 2}}) {}

at::Tensor CausalConv3d::operator()(const at::Tensor& x, TemporalCache& cache) const {
  const int64_t reach = conv.options.kernel[0] - 1;
  if (reach == 0) return conv(x);
  at::Tensor& history = cache.next();
  if (!history.defined()) {
    history = at::zeros({x.size(0), x.size(1), reach, x.size(3), x.size(4)},
                        x.options().memory_format(at::MemoryFormat::ChannelsLast3d));
  }
  const at::Tensor padded = at::cat({history, x}, kTimeDim);
  history = last_frames(padded, reach);
  return conv(padded);
}

void ChannelNorm::declare(const ParameterScope& scope) {
  std::vector<int64_t> shape(gamma_dims, 1);
  shape[0] = dim;
  scope.add("gamma", gamma, shape);
}

at::Tensor ChannelNorm::operator()(const at::Tensor& x) const {
  constexpr double kLeastNorm = 1e-12;
  const at::Tensor length = at::linalg_vector_norm(x, 2, at::IntArrayRef{1}, /*keepdim=*/true);
  return at::div(x, length.clamp_min(kLeastNorm)).mul_(gamma * std::sqrt(double(dim)));
}

ResidualBlock::ResidualBlock(int64_t in, int64_t out)
    : norm1(in, 4), conv1(in, out, {3, 3, 3}), norm2(out, 4), conv2(out, out, {3, 3, 3}) {
  if (in != out) shortcut.emplace(in, out, nn::Conv3d::filled(1));
}

void ResidualBlock::declare(const ParameterScope& scope) {
  const ParameterScope residual = scope.child("residual");
  norm1.declare(residual.child(0));
  conv1.declare(residual.child(2));
  norm2.declare(residual.child(3));
  conv2.declare(residual.child(6));
  if (shortcut) shortcut->declare(scope.child("shortcut"));
}

at::Tensor ResidualBlock::operator()(const at::Tensor& x, TemporalCache& cache) const {
  const at::Tensor hidden = conv1(norm_silu(norm1, x), cache);
  at::Tensor residual = conv2(norm_silu(norm2, hidden), cache);
  return residual.add_(shortcut ? (*shortcut)(x, cache) : x);
}

AttentionBlock::AttentionBlock(int64_t dim)
    : norm(dim, 3), to_qkv(dim, 3 * dim, {.kernel = {1, 1}}), proj(dim, dim, {.kernel = {1, 1}}) {}

void AttentionBlock::declare(const ParameterScope& scope) {
  norm.declare(scope.child("norm"));
  to_qkv.declare(scope.child("to_qkv"));
  proj.declare(scope.child("proj"));
}

at::Tensor AttentionBlock::operator()(const at::Tensor& x) const {
  const at::Tensor frames = as_frames(x);  // [T, C, H, W]
  const at::Tensor pixels = to_qkv(norm(frames))
                                .permute({0, 2, 3, 1})  // [T, H, W, 3 C]
                                .flatten(1, 2)
                                .unsqueeze(2);  // [T, H W, 1, 3 C]
  const std::vector<at::Tensor> qkv = pixels.chunk(3, -1);
  const at::Tensor attended = attention(qkv[0], qkv[1], qkv[2]);
  const at::Tensor images = attended.reshape({x.size(2), x.size(3), x.size(4), x.size(1)})
                                .permute({0, 3, 1, 2});  // [T, C, H, W]
  return as_clip(proj(images)).add_(x);
}

Downsample::Downsample(int64_t dim, bool temporal)
    : resample(dim, dim, {.kernel = {3, 3}, .stride = {2, 2}}) {
  if (temporal) time_conv.emplace(dim, dim, nn::Conv3d::Options{{3, 1, 1}, {2, 1, 1}});
}

void Downsample::declare(const ParameterScope& scope) {
  resample.declare(scope.child("resample").child(1));
  if (time_conv) time_conv->declare(scope.child("time_conv"));
}

at::Tensor Downsample::operator()(const at::Tensor& x, TemporalCache& cache) const {
  const at::Tensor padded = at::constant_pad_nd(as_frames(x), {0, 1, 0, 1});
  const at::Tensor halved = as_clip(resample(padded));
  return time_conv ? halve_time(halved, cache) : halved;
}

at::Tensor Downsample::halve_time(const at::Tensor& x, TemporalCache& cache) const {
  at::Tensor& last = cache.next();
  const at::Tensor joined = last.defined() ? at::cat({last, x}, kTimeDim) : x;
  last = last_frames(x, 1);
  if (!cache.is_first_chunk()) return (*time_conv)(joined);
  const at::Tensor first = joined.narrow(kTimeDim, 0, 1);
  if (joined.size(kTimeDim) == 1) return first;
  return at::cat({first, (*time_conv)(joined)}, kTimeDim);
}

Upsample::Upsample(int64_t dim, bool temporal)
    : resample(dim, dim / 2, {.kernel = {3, 3}, .padding = {1, 1}}) {
  if (temporal) time_conv.emplace(dim, 2 * dim, nn::Conv3d::Sizes{3, 1, 1});
}

void Upsample::declare(const ParameterScope& scope) {
  resample.declare(scope.child("resample").child(1));
  if (time_conv) time_conv->declare(scope.child("time_conv"));
}

at::Tensor Upsample::operator()(const at::Tensor& x, TemporalCache& cache) const {
  const at::Tensor frames = as_frames(time_conv ? double_time(x, cache) : x);
  const at::Tensor doubled =
      at::upsample_nearest2d(frames, {2 * frames.size(2), 2 * frames.size(3)});
  return as_clip(resample(doubled));
}

at::Tensor Upsample::double_time(const at::Tensor& x, TemporalCache& cache) const {
  if (!cache.is_first_chunk()) return split_in_two(x, cache);
  const at::Tensor first = x.narrow(kTimeDim, 0, 1);
  if (x.size(kTimeDim) == 1) {
    cache.next();  // the slot stays empty: the convolution starts at the clip's second frame
    return first;
  }
  return at::cat({first, split_in_two(frames_after(x, 1), cache)}, kTimeDim);
}

at::Tensor Upsample::split_in_two(const at::Tensor& x, TemporalCache& cache) const {
  // Channels come out as [2, C]: the two frames that each one becomes.
  const int64_t channels = x.size(1);
  const int64_t frames = x.size(2);
  const at::Tensor pairs = as_frames((*time_conv)(x, cache))  // [T, 2 C, H, W]
                               .permute({0, 2, 3, 1})
                               .unflatten(3, {2, channels})  // [T, H, W, 2, C]
                               .permute({0, 3, 1, 2, 4})     // [T, 2, H, W, C]
                               .reshape({2 * frames, x.size(3), x.size(4), channels});
  return as_clip(pairs.permute({0, 3, 1, 2}));
}

void MiddleBlock::declare(const ParameterScope& scope) {
  first.declare(scope.child(0));
  attention.declare(scope.child(1));
  last.declare(scope.child(2));
}

at::Tensor MiddleBlock::operator()(const at::Tensor& x, TemporalCache& cache) const {
  return last(attention(first(x, cache)), cache);
}

void Head::declare(const ParameterScope& scope) {
  norm.declare(scope.child(0));
  conv.declare(scope.child(2));
}

at::Tensor Head::operator()(const at::Tensor& x, TemporalCache& cache) const {
  return conv(norm_silu(norm, x), cache);
}

Encoder::Encoder(const VaeConfig& config)
    : conv1(3, config.dim, {3, 3, 3}),
      middle(config.dim * config.dim_mult.back()),
      head(config.dim * config.dim_mult.back(), 2 * config.z_dim) {
  int64_t width = config.dim;
  for (size_t level = 0; level < config.dim_mult.size(); ++level) {
    const int64_t level_width = config.dim * config.dim_mult[level];
    for (int64_t i = 0; i < config.num_res_blocks; ++i) {
      downsamples.emplace_back(ResidualBlock(width, level_width));
      width = level_width;
    }
    if (level + 1 < config.dim_mult.size()) {
      downsamples.emplace_back(Downsample(width, config.temporal_downsample[level]));
    }
  }
}

void Encoder::declare(const ParameterScope& scope) {
  conv1.declare(scope.child("conv1"));
  declare_all(downsamples, scope.child("downsamples"));
  middle.declare(scope.child("middle"));
  head.declare(scope.child("head"));
}

at::Tensor Encoder::operator()(const at::Tensor& x, TemporalCache& cache) const {
  return head(middle(run_all(downsamples, conv1(x, cache), cache), cache), cache);
}

Decoder::Decoder(const VaeConfig& config)
    : conv1(config.z_dim, config.dim * config.dim_mult.back(), {3, 3, 3}),
      middle(config.dim * config.dim_mult.back()),
      head(config.dim * config.dim_mult.front(), 3) {
  int64_t width = config.dim * config.dim_mult.back();
  for (size_t level = config.dim_mult.size(); level-- > 0;) {
    const int64_t level_width = config.dim * config.dim_mult[level];
    for (int64_t i = 0; i < config.num_res_blocks + 1; ++i) {
      upsamples.emplace_back(ResidualBlock(width, level_width));
      width = level_width;
    }
    if (level > 0) {
      upsamples.emplace_back(Upsample(width, config.temporal_downsample[level - 1]));
      width /= 2;
    }
  }
}

void Decoder::declare(const ParameterScope& scope) {
  conv1.declare(scope.child("conv1"));
  middle.declare(scope.child("middle"));
  declare_all(upsamples, scope.child("upsamples"));
  head.declare(scope.child("head"));
}

at::Tensor Decoder::operator()(const at::Tensor& x, TemporalCache& cache) const {
  return head(run_all(upsamples, middle(conv1(x, cache), cache), cache), cache);
}

}  // namespace multitalk::wan_vae
