#include "models/wan_dit_block.h"

#include "kernels/attention.h"
#include "kernels/layer_norm_modulate.h"
#include "kernels/rope.h"
#include "kernels/speaker_map.h"

namespace multitalk {

namespace {

// [B, L, heads * D] -> [B, L, heads, D]
at::Tensor split_heads(const at::Tensor& x, int64_t heads) {
  return x.unflatten(-1, {heads, x.size(-1) / heads});
}

// [B, L, heads, D] -> [B, L, heads * D]
at::Tensor join_heads(const at::Tensor& x) { return x.flatten(2); }

// x + gate * y in float32, in x's dtype.
at::Tensor add_gated(const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate) {
  return at::addcmul(x.to(at::kFloat), y.to(at::kFloat), gate).to(x.scalar_type());
}

}  // namespace

DitSelfAttention::DitSelfAttention(const DitConfig& config)
    : heads(config.heads),
      q(config.dim, config.dim),
      k(config.dim, config.dim),
      v(config.dim, config.dim),
      o(config.dim, config.dim),
      norm_q(config.dim, config.eps),
      norm_k(config.dim, config.eps) {}

void DitSelfAttention::declare(const ParameterScope& scope) {
  q.declare(scope.child("q"));
  k.declare(scope.child("k"));
  v.declare(scope.child("v"));
  o.declare(scope.child("o"));
  norm_q.declare(scope.child("norm_q"));
  norm_k.declare(scope.child("norm_k"));
}

DitSelfAttention::Result DitSelfAttention::operator()(const at::Tensor& x,
                                                      const DitContext& context) const {
  const at::Tensor queries = apply_rope(split_heads(norm_q(q(x)), heads), context.rotation);
  const at::Tensor keys = apply_rope(split_heads(norm_k(k(x)), heads), context.rotation);
  const at::Tensor values = split_heads(v(x), heads);
  Result result;
  result.out = o(join_heads(attention(queries, keys, values)));
  if (context.several_speakers()) {
    const at::Tensor first_frame = keys.slice(1, 0, context.class_masks.size(1));
    result.speaker_map = speaker_map(queries, first_frame, context.class_masks);
  }
  return result;
}

DitCrossAttention::DitCrossAttention(const DitConfig& config)
    : heads(config.heads),
      q(config.dim, config.dim),
      k(config.dim, config.dim),
      v(config.dim, config.dim),
      o(config.dim, config.dim),
      k_img(config.dim, config.dim),
      v_img(config.dim, config.dim),
      norm_q(config.dim, config.eps),
      norm_k(config.dim, config.eps),
      norm_k_img(config.dim, config.eps) {}

void DitCrossAttention::declare(const ParameterScope& scope) {
  q.declare(scope.child("q"));
  k.declare(scope.child("k"));
  v.declare(scope.child("v"));
  o.declare(scope.child("o"));
  norm_q.declare(scope.child("norm_q"));
  norm_k.declare(scope.child("norm_k"));
  k_img.declare(scope.child("k_img"));
  v_img.declare(scope.child("v_img"));
  norm_k_img.declare(scope.child("norm_k_img"));
}

at::Tensor DitCrossAttention::operator()(const at::Tensor& x, const DitContext& context) const {
  const at::Tensor queries = split_heads(norm_q(q(x)), heads);
  const at::Tensor to_text = attention(queries, split_heads(norm_k(k(context.text)), heads),
                                       split_heads(v(context.text), heads));
  const at::Tensor to_image =
      attention(queries, split_heads(norm_k_img(k_img(context.image)), heads),
                split_heads(v_img(context.image), heads));
  return o(join_heads(to_text + to_image));
}

DitAudioAttention::DitAudioAttention(const DitConfig& config)
    : heads(config.heads),
      q_linear(config.dim, config.dim),
      kv_linear(config.output_dim, 2 * config.dim),
      proj(config.dim, config.dim) {}

void DitAudioAttention::declare(const ParameterScope& scope) {
  q_linear.declare(scope.child("q_linear"));
  kv_linear.declare(scope.child("kv_linear"));
  proj.declare(scope.child("proj"));
}

at::Tensor DitAudioAttention::operator()(const at::Tensor& x, const at::Tensor& positions,
                                         const DitContext& context) const {
  const int64_t frames = context.audio.size(0);
  const std::vector<at::Tensor> keys_values = kv_linear(context.audio).chunk(2, -1);
  at::Tensor queries = split_heads(q_linear(x), heads);
  at::Tensor keys = split_heads(keys_values[0], heads);
  if (positions.defined()) {
    queries = apply_rope(queries, rope_rotation_1d(positions, queries.size(-1)));
    keys = apply_rope(keys, context.voice_rotation);
  }
  const at::Tensor by_frame = queries.view({frames, -1, heads, queries.size(-1)});
  const at::Tensor out = attention(by_frame, keys, split_heads(keys_values[1], heads));
  return proj(join_heads(out).reshape(x.sizes()));
}

DitBlock::DitBlock(const DitConfig& config)
    : dim_(config.dim),
      eps_(config.eps),
      self_attn_(config),
      norm3_(config.dim, config.eps),
      cross_attn_(config),
      audio_cross_attn_(config),
      ffn_in_(config.dim, config.ffn_dim),
      ffn_out_(config.ffn_dim, config.dim) {
  if (config.norm_input_visual) norm_x_.emplace(config.dim, config.eps);
}

void DitBlock::declare(const ParameterScope& scope) {
  scope.add("modulation", modulation_, {1, 6, dim_});
  self_attn_.declare(scope.child("self_attn"));
  norm3_.declare(scope.child("norm3"));
  cross_attn_.declare(scope.child("cross_attn"));
  ffn_in_.declare(scope.child("ffn").child(0));
  ffn_out_.declare(scope.child("ffn").child(2));
  audio_cross_attn_.declare(scope.child("audio_cross_attn"));
  if (norm_x_) norm_x_->declare(scope.child("norm_x"));
}

at::Tensor DitBlock::operator()(const at::Tensor& x, const at::Tensor& e0,
                                const DitContext& context, const nn::Capture& capture) const {
  const std::vector<at::Tensor> e = (modulation_.to(e0.device(), at::kFloat) + e0).chunk(6, 1);

  const auto [attended, speaker_map] =
      self_attn_(layer_norm_modulate(x, e[0], e[1], eps_), context);
  at::Tensor y = add_gated(x, attended, e[2]);

  const at::Tensor crossed = cross_attn_(norm3_(y), context);
  y = y + crossed;
  y = y + attend_audio(y, speaker_map, context, capture);

  const at::Tensor fed =
      ffn_out_(at::gelu(ffn_in_(layer_norm_modulate(y, e[3], e[4], eps_)), "tanh"));
  y = add_gated(y, fed, e[5]);
  if (capture) {
    capture("self_attn", attended);
    capture("cross_attn", crossed);
    capture("ffn", fed);
    capture("out", y);
  }
  return y;
}

at::Tensor DitBlock::attend_audio(const at::Tensor& x, const at::Tensor& speaker_map,
                                  const DitContext& context, const nn::Capture& capture) const {
  at::Tensor positions;
  if (speaker_map.defined()) positions = speaker_positions(speaker_map);
  const at::Tensor out = audio_cross_attn_(norm_x_ ? (*norm_x_)(x) : x, positions, context);
  if (capture) {
    if (speaker_map.defined()) {
      capture("x_ref_attn_map", speaker_map);
      capture("class", speaker_map.argmax(0));
      capture("rope_pos", positions);
      capture("rope_pos_audio", context.voice_positions.repeat({context.grid[0]}));
    }
    capture("audio_cross_attn", out);
  }
  return out;
}

}  // namespace multitalk
