// The encoder of umT5, which turns a prompt's tokens into the text context of the transformer.
// Raffel et al., "T5" (2020) and Chung et al., "UniMax" (2023): relative position bias in every
// layer, gated GELU, RMS norms, attention without scaling.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "checkpoint/parameter.h"
#include "checkpoint/tensor_source.h"
#include "nn/layers.h"

namespace multitalk {

/// The dimensions of the model.
struct Umt5Config {
  int64_t vocab_size = 256384;
  int64_t dim = 4096;
  int64_t dim_attn = 4096;
  int64_t dim_ffn = 10240;
  int64_t num_heads = 64;
  int64_t num_layers = 24;
  int64_t num_buckets = 32;
};

/// The dimensions that the shapes in a checkpoint tell. Throws a weights error where a tensor that
/// is needed for this is missing or has another number of dimensions.
Umt5Config infer_umt5_config(const TensorSource& source);

/// The bucket of every distance between a query (row) and a key (column), [positions, positions]
/// int64 on the CPU: half of the buckets for keys after the query; in each half exact up to a
/// quarter of `num_buckets`, then logarithmic up to a distance of 128. T5's
/// _relative_position_bucket, bidirectional.
at::Tensor relative_position_buckets(int64_t positions, int64_t num_buckets);

namespace umt5 {

struct Attention {
  explicit Attention(const Umt5Config& config);
  void declare(const ParameterScope& scope);
  /// x [1, L, dim], bias [1, heads, L, L] -> [1, L, dim]
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& bias) const;

  int64_t num_heads;
  nn::Linear q;
  nn::Linear k;
  nn::Linear v;
  nn::Linear o;
};

struct FeedForward {
  explicit FeedForward(const Umt5Config& config);
  void declare(const ParameterScope& scope);
  at::Tensor operator()(const at::Tensor& x) const;

  nn::Linear gate;
  nn::Linear fc1;
  nn::Linear fc2;
};

struct Block {
  explicit Block(const Umt5Config& config);
  void declare(const ParameterScope& scope);
  /// x [1, L, dim], buckets [L, L] on x's device -> [1, L, dim]
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& buckets) const;
  at::Tensor position_bias(const at::Tensor& buckets) const;  // [L, L] -> [1, heads, L, L]

  nn::RmsNorm norm1;
  Attention attn;
  nn::RmsNorm norm2;
  FeedForward ffn;
  int64_t num_buckets;
  int64_t num_heads;
  at::Tensor pos_embedding;  // [buckets, heads]
};

}  // namespace umt5

/// The whole encoder. Runs in the dtype and on the device of its weights.
class Umt5 {
 public:
  explicit Umt5(const Umt5Config& config);
  void declare(const ParameterScope& scope);

  /// ids [n] int64, the prompt's tokens without padding, n >= 1 -> [n, dim]. The reference pads to
  /// 512 tokens under a mask; the mask leaves no trace of the padding in the real tokens. Captures
  /// pos_bias_row0 and pos_bias_row511 [heads, 512], the first block's bias of these two queries.
  at::Tensor encode(const at::Tensor& ids, const nn::Capture& capture = {}) const;

  const Umt5Config& config() const { return config_; }

 private:
  void capture_position_bias(const nn::Capture& capture) const;

  Umt5Config config_;
  at::Tensor token_embedding_;  // [vocab, dim]
  std::vector<umt5::Block> blocks_;
  nn::RmsNorm norm_;
};

/// Fills an encoder from tensors named as in the official models_t5_umt5-xxl-enc-bf16.pth. Throws a
/// weights error where something is missing, unexpected or of another shape.
std::unique_ptr<Umt5> load_umt5(const TensorSource& source, at::Device device,
                                at::ScalarType dtype);

/// The same from a file, whose ending tells the format (see open_weights).
std::unique_ptr<Umt5> load_umt5(const std::filesystem::path& file, at::Device device,
                                at::ScalarType dtype);

}  // namespace multitalk
