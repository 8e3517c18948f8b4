#include "models/umt5.h"

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/open_weights.h"
#include "checkpoint/state_dict.h"
#include "kernels/attention.h"
#include "models/checkpoint_shapes.h"

namespace multitalk {

namespace {

constexpr int64_t kMaxDistance = 128;
constexpr int64_t kTextLength = 512;  // the reference's padded length, for captures

/// Sums that leave float16's range are brought back into it, as in T5.
at::Tensor clamp_half(const at::Tensor& x) {
  if (x.scalar_type() != at::kHalf) return x;
  constexpr double kLimit = 65504 - 1000;
  return at::where(at::isinf(x).any(), x.clamp(-kLimit, kLimit), x);
}

}  // namespace

Umt5Config infer_umt5_config(const TensorSource& source) {
  const auto embedding = shape_of(source, "token_embedding.weight", 2);
  const auto positions = shape_of(source, "blocks.0.pos_embedding.embedding.weight", 2);
  Umt5Config config;
  config.vocab_size = embedding[0];
  config.dim = embedding[1];
  config.dim_attn = shape_of(source, "blocks.0.attn.q.weight", 2)[0];
  config.dim_ffn = shape_of(source, "blocks.0.ffn.fc1.weight", 2)[0];
  config.num_buckets = positions[0];
  config.num_heads = positions[1];
  config.num_layers = count_blocks(source, "blocks.", ".norm1.weight");
  if (config.num_heads < 1 || config.dim_attn % config.num_heads != 0) {
    throw weights_error("{}: {} columns of attention do not divide into {} heads",
                        source.origin("blocks.0.attn.q.weight"), config.dim_attn, config.num_heads);
  }
  return config;
}

at::Tensor relative_position_buckets(int64_t positions, int64_t num_buckets) {
  const int64_t half = num_buckets / 2;
  const int64_t max_exact = half / 2;
  const at::Tensor position = at::arange(positions, at::kLong);
  const at::Tensor offset = position.unsqueeze(0) - position.unsqueeze(1);
  const at::Tensor distance = offset.abs();
  const at::Tensor far =
      (at::log(distance.clamp_min(max_exact).to(at::kFloat) / max_exact) /
       std::log(static_cast<double>(kMaxDistance) / static_cast<double>(max_exact)) *
       (half - max_exact))
          .to(at::kLong) +
      max_exact;
  return at::where(distance < max_exact, distance, far.clamp_max(half - 1)) +
         (offset > 0).to(at::kLong) * half;
}

namespace umt5 {

Attention::Attention(const Umt5Config& config)
    : num_heads(config.num_heads),
      q(config.dim, config.dim_attn, /*bias=*/false),
      k(config.dim, config.dim_attn, /*bias=*/false),
      v(config.dim, config.dim_attn, /*bias=*/false),
      o(config.dim_attn, config.dim, /*bias=*/false) {}

void Attention::declare(const ParameterScope& scope) {
  q.declare(scope.child("q"));
  k.declare(scope.child("k"));
  v.declare(scope.child("v"));
  o.declare(scope.child("o"));
}

at::Tensor Attention::operator()(const at::Tensor& x, const at::Tensor& bias) const {
  const auto heads = [this](const at::Tensor& y) { return y.unflatten(-1, {num_heads, -1}); };
  return o(attention(heads(q(x)), heads(k(x)), heads(v(x)), bias, /*scale=*/1.0)
               .flatten(/*start_dim=*/2));
}

FeedForward::FeedForward(const Umt5Config& config)
    : gate(config.dim, config.dim_ffn, /*bias=*/false),
      fc1(config.dim, config.dim_ffn, /*bias=*/false),
      fc2(config.dim_ffn, config.dim, /*bias=*/false) {}

void FeedForward::declare(const ParameterScope& scope) {
  gate.declare(scope.child("gate").child(0));
  fc1.declare(scope.child("fc1"));
  fc2.declare(scope.child("fc2"));
}

at::Tensor FeedForward::operator()(const at::Tensor& x) const {
  return fc2(fc1(x) * at::gelu(gate(x), "tanh"));
}

Block::Block(const Umt5Config& config)
    : norm1(config.dim),
      attn(config),
      norm2(config.dim),
      ffn(config),
      num_buckets(config.num_buckets),
      num_heads(config.num_heads) {}

void Block::declare(const ParameterScope& scope) {
  norm1.declare(scope.child("norm1"));
  attn.declare(scope.child("attn"));
  norm2.declare(scope.child("norm2"));
  ffn.declare(scope.child("ffn"));
  scope.child("pos_embedding")
      .child("embedding")
      .add("weight", pos_embedding, {num_buckets, num_heads});
}

at::Tensor Block::operator()(const at::Tensor& x, const at::Tensor& buckets) const {
  const at::Tensor y = clamp_half(x + attn(norm1(x), position_bias(buckets)));
  return clamp_half(y + ffn(norm2(y)));
}

at::Tensor Block::position_bias(const at::Tensor& buckets) const {
  return at::embedding(pos_embedding, buckets).permute({2, 0, 1}).unsqueeze(0).contiguous();
}

}  // namespace umt5

Umt5::Umt5(const Umt5Config& config)
    : config_(config), blocks_(config.num_layers, umt5::Block(config)), norm_(config.dim) {}

void Umt5::declare(const ParameterScope& scope) {
  scope.child("token_embedding").add("weight", token_embedding_, {config_.vocab_size, config_.dim});
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    blocks_[i].declare(scope.child("blocks").child(static_cast<int64_t>(i)));
  }
  norm_.declare(scope.child("norm"));
}

at::Tensor Umt5::encode(const at::Tensor& ids, const nn::Capture& capture) const {
  MULTITALK_CHECK(ids.dim() == 1 && ids.size(0) >= 1, "token ids must be [n], n >= 1; got {}",
                  format_shape({ids.sizes().begin(), ids.sizes().end()}));
  if (capture) capture_position_bias(capture);
  const at::Device device = token_embedding_.device();
  const at::Tensor buckets = relative_position_buckets(ids.size(0), config_.num_buckets).to(device);
  at::Tensor x = at::embedding(token_embedding_, ids.to(device)).unsqueeze(0);
  for (const auto& block : blocks_) x = block(x, buckets);
  return norm_(x).squeeze(0);
}

void Umt5::capture_position_bias(const nn::Capture& capture) const {
  const at::Tensor buckets =
      relative_position_buckets(kTextLength, config_.num_buckets).to(token_embedding_.device());
  const at::Tensor bias = blocks_.front().position_bias(buckets).squeeze(0);
  capture("pos_bias_row0", bias.select(1, 0));
  capture("pos_bias_row511", bias.select(1, kTextLength - 1));
}

std::unique_ptr<Umt5> load_umt5(const TensorSource& source, at::Device device,
                                at::ScalarType dtype) {
  auto model = std::make_unique<Umt5>(infer_umt5_config(source));
  LoadOptions options;
  options.device = device;
  options.dtype = dtype;
  load_state_dict("umT5", parameters_of(*model), source, options);
  return model;
}

std::unique_ptr<Umt5> load_umt5(const std::filesystem::path& file, at::Device device,
                                at::ScalarType dtype) {
  return load_umt5(*open_weights(file), device, dtype);
}

}  // namespace multitalk
