#include "kernels/speaker_map.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "kernels/attention.h"

namespace multitalk {

namespace {

constexpr double kRange = 4;                // a speaker's positions: start .. start + kRange
constexpr double kSpacing = 20;             // from one speaker's start to the next one's
constexpr double kBackground = 12;          // where tokens of no speaker sit
constexpr int64_t kChunkWeights = 1 << 24;  // attention weights held at a time on the CPU
constexpr int64_t kChunkWeightsOnGpu = 1 << 27;
constexpr double kEpsilon = 1e-8;  // keeps a constant map from dividing by zero

void check_shapes(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& masks) {
  MULTITALK_CHECK(q.dim() == 4 && keys.dim() == 4 && q.size(0) == 1 && keys.size(0) == 1 &&
                      q.size(2) == keys.size(2) && q.size(3) == keys.size(3),
                  "speaker map: q {} against keys {}", format_shape(q.sizes().vec()),
                  format_shape(keys.sizes().vec()));
  MULTITALK_CHECK(masks.dim() == 2 && masks.size(1) == keys.size(1) && masks.size(0) <= q.size(3),
                  "speaker map: masks {} for {} keys, at most {} classes",
                  format_shape(masks.sizes().vec()), keys.size(1), q.size(3));
}

// How many tokens each class has, at least 1: float32 [classes, 1].
at::Tensor class_sizes(const at::Tensor& masks) {
  return masks.to(at::kFloat).sum(1, /*keepdim=*/true).clamp_min(1);
}

// Attention whose values are the masks, made as wide as the keys so that the fused kernels take
// them.
at::Tensor fused_map(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& masks) {
  const int64_t classes = masks.size(0);
  const at::Tensor values =
      at::constant_pad_nd(masks.t().to(q.scalar_type()), {0, keys.size(3) - classes})
          .unsqueeze(1)
          .expand({keys.size(1), keys.size(2), keys.size(3)})
          .contiguous()
          .unsqueeze(0);
  const at::Tensor share = attention(q, keys, values).slice(-1, 0, classes);  // [1, L, H, classes]
  return share.squeeze(0).mean({1}, /*keepdim=*/false, at::kFloat).t() / class_sizes(masks);
}

// The official operations one by one, each rounded to q's dtype, for a few queries at a time. The
// official code averages each half of the heads before it averages the halves.
at::Tensor rounded_map(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& masks) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(3)));
  const at::Tensor queries = (q * scale).squeeze(0).transpose(0, 1);    // [H, L, D]
  const at::Tensor columns = keys.squeeze(0).permute({1, 2, 0});        // [H, D, L0]
  const at::Tensor members = masks.t().to(q.scalar_type());             // [L0, classes]
  const at::Tensor sizes = class_sizes(masks).t().to(q.scalar_type());  // [1, classes]
  const int64_t held = q.is_cpu() ? kChunkWeights : kChunkWeightsOnGpu;
  const int64_t rows = std::max<int64_t>(1, held / (keys.size(1) * keys.size(2)));
  const int64_t parts = q.size(2) % 2 == 0 ? 2 : 1;
  std::vector<at::Tensor> chunks;
  for (const at::Tensor& some : queries.split(rows, 1)) {
    const at::Tensor shares = at::matmul(some, columns).softmax(-1).matmul(members) / sizes;
    std::vector<at::Tensor> means;
    for (const at::Tensor& half : shares.chunk(parts, 0)) means.push_back(half.mean(0));
    chunks.push_back(at::stack(means).sum(0) / static_cast<double>(means.size()));
  }
  return at::cat(chunks).t();
}

}  // namespace

at::Tensor speaker_map(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& masks) {
  check_shapes(q, keys, masks);
  return q.scalar_type() == at::kFloat ? fused_map(q, keys, masks) : rounded_map(q, keys, masks);
}

at::Tensor speaker_map_reference(const at::Tensor& q, const at::Tensor& keys,
                                 const at::Tensor& masks) {
  check_shapes(q, keys, masks);
  const at::Tensor queries = q.squeeze(0).transpose(0, 1).to(at::kFloat);  // [H, L, D]
  const at::Tensor scores = queries.matmul(keys.squeeze(0).permute({1, 2, 0}).to(at::kFloat));
  const at::Tensor weights = (scores / std::sqrt(static_cast<double>(q.size(3)))).softmax(-1);
  const at::Tensor per_head = weights.matmul(masks.t().to(at::kFloat));  // [H, L, classes]
  return per_head.mean(0).t() / class_sizes(masks);
}

at::Tensor speaker_positions(const at::Tensor& map) {
  MULTITALK_CHECK(map.dim() == 2 && map.size(0) >= 2, "speaker positions: a map {}",
                  format_shape(map.sizes().vec()));
  const int64_t speakers = map.size(0) - 1;
  const at::Tensor rows = map.slice(0, 0, speakers);
  const at::Tensor least = rows.amin({1}, /*keepdim=*/true);
  const at::Tensor largest = rows.amax({1}, /*keepdim=*/true);
  const at::Tensor starts = at::arange(speakers, map.options()).mul(kSpacing).unsqueeze(1);
  const at::Tensor spread = (rows - least) / (largest - least + kEpsilon) * kRange + starts;
  const at::Tensor background = at::full({1, map.size(1)}, kBackground, map.options());
  const at::Tensor best = map.argmax(0, /*keepdim=*/true);
  return at::cat({spread, background}).gather(0, best).squeeze(0);
}

at::Tensor voice_positions(int64_t speakers, int64_t tokens, at::Device device) {
  return at::arange(speakers, at::TensorOptions(device).dtype(at::kFloat))
      .mul(kSpacing)
      .add(kRange / 2)
      .repeat_interleave(tokens);
}

}  // namespace multitalk
