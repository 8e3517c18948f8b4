#include "models/wan_dit.h"

#include "base/error.h"
#include "base/text.h"
#include "kernels/rope.h"
#include "kernels/speaker_map.h"

namespace multitalk {

namespace {

// cos and sin of t times dim / 2 frequencies from 1 down to 1 / 10000: float32 [1, dim].
at::Tensor sinusoids(const at::Tensor& t, int64_t dim) {
  const int64_t half = dim / 2;
  const auto options = t.options().dtype(at::kDouble);
  const at::Tensor frequencies =
      at::pow(10000, at::arange(half, options).neg().div(static_cast<double>(half)));
  const at::Tensor angles = at::outer(t.to(at::kDouble), frequencies);
  return at::cat({angles.cos(), angles.sin()}, 1).to(at::kFloat);
}

// The layer in float32, whatever its weights are stored in.
at::Tensor apply_wide(const nn::Linear& layer, const at::Tensor& x) {
  return at::linear(x, layer.weight_as(at::kFloat), layer.bias.to(at::kFloat));
}

nn::Capture with_prefix(const nn::Capture& capture, const std::string& prefix) {
  if (!capture) return {};
  return [&capture, prefix](const std::string& name, const at::Tensor& value) {
    capture(prefix + name, value);
  };
}

void check_shape(const char* name, const at::Tensor& value, const std::vector<int64_t>& expected) {
  MULTITALK_CHECK(value.defined() && value.sizes() == at::IntArrayRef(expected),
                  "{} has the shape {}, expected {}", name,
                  value.defined() ? format_shape(value.sizes().vec()) : "(undefined)",
                  format_shape(expected));
}

}  // namespace

WanDit::WanDit(const DitConfig& config)
    : config_(config),
      patch_embedding_(config.in_dim, config.dim,
                       {.kernel = DitConfig::kPatch, .stride = DitConfig::kPatch}),
      text_in_(config.text_dim, config.dim),
      text_out_(config.dim, config.dim),
      time_in_(config.freq_dim, config.dim),
      time_out_(config.dim, config.dim),
      time_projection_(config.dim, 6 * config.dim),
      image_norm_in_(config.clip_dim),
      image_in_(config.clip_dim, config.clip_dim),
      image_out_(config.clip_dim, config.dim),
      image_norm_out_(config.dim),
      audio_proj_(config),
      blocks_(static_cast<size_t>(config.layers), DitBlock(config)),
      head_norm_(config.dim, config.eps, /*affine=*/false),
      head_(config.dim, config.out_dim * DitConfig::kPatch[1] * DitConfig::kPatch[2]) {}

void WanDit::declare(const ParameterScope& scope) {
  patch_embedding_.declare(scope.child("patch_embedding"));
  text_in_.declare(scope.child("text_embedding").child(0));
  text_out_.declare(scope.child("text_embedding").child(2));
  time_in_.declare(scope.child("time_embedding").child(0));
  time_out_.declare(scope.child("time_embedding").child(2));
  time_projection_.declare(scope.child("time_projection").child(1));
  for (size_t i = 0; i < blocks_.size(); ++i) {
    blocks_[i].declare(scope.child("blocks").child(static_cast<int64_t>(i)));
  }
  scope.child("head").add("modulation", head_modulation_, {1, 2, config_.dim});
  head_.declare(scope.child("head").child("head"));
  image_norm_in_.declare(scope.child("img_emb").child("proj").child(0));
  image_in_.declare(scope.child("img_emb").child("proj").child(1));
  image_out_.declare(scope.child("img_emb").child("proj").child(3));
  image_norm_out_.declare(scope.child("img_emb").child("proj").child(4));
  audio_proj_.declare(scope.child("audio_proj"));
}

void WanDit::check(const DitCondition& condition) const {
  const at::Tensor& y = condition.y;
  MULTITALK_CHECK(y.dim() == 5 && y.size(3) % 2 == 0 && y.size(4) % 2 == 0,
                  "y has the shape {}, expected [1, {}, T, even, even]",
                  format_shape(y.sizes().vec()), config_.in_dim - config_.out_dim);
  check_shape("y", y, {1, config_.in_dim - config_.out_dim, y.size(2), y.size(3), y.size(4)});
  check_shape("clip_features", condition.clip_features,
              {1, DitConfig::kImageTokens, config_.clip_dim});
  const at::Tensor& text = condition.context;
  MULTITALK_CHECK(
      text.dim() == 2 && text.size(0) <= config_.text_len && text.size(1) == config_.text_dim,
      "text features have the shape {}, expected at most {} words of {}",
      format_shape(text.sizes().vec()), config_.text_len, config_.text_dim);
  const int64_t speakers = condition.audio.defined() ? condition.audio.size(0) : 1;
  check_shape("audio", condition.audio,
              {speakers, 1 + config_.vae_scale * (y.size(2) - 1), config_.audio_window,
               config_.audio_blocks, config_.audio_channels});
  if (speakers > 1) {
    check_shape("speaker_masks", condition.speaker_masks, {speakers + 1, y.size(3), y.size(4)});
  }
}

DitContext WanDit::prepare(const DitCondition& condition, const nn::Capture& capture) const {
  check(condition);
  const at::TensorOptions compute = patch_embedding_.weight.options();
  DitContext context;
  context.condition = condition.y.squeeze(0).to(compute);
  context.text = embed_text(condition.context.to(compute));
  context.image = embed_image(condition.clip_features.to(compute));
  const at::Tensor audio = audio_proj_(condition.audio.to(compute));  // [speakers, T, tokens, C]
  context.audio = audio.transpose(0, 1).flatten(1, 2);
  context.grid = {condition.y.size(2), condition.y.size(3) / DitConfig::kPatch[1],
                  condition.y.size(4) / DitConfig::kPatch[2]};
  context.rotation = rope_rotation_3d(context.grid, config_.head_dim(), compute.device());
  const int64_t speakers = audio.size(0);
  if (speakers > 1) {
    context.class_masks = class_masks(condition, context.grid[1], context.grid[2]);
    context.voice_positions = voice_positions(speakers, config_.context_tokens, compute.device());
    context.voice_rotation = rope_rotation_1d(context.voice_positions, config_.head_dim());
  }
  if (capture) {
    capture("text_context", context.text);
    capture("clip_context", context.image);
    capture("audio_proj", audio);
  }
  return context;
}

at::Tensor WanDit::embed_text(const at::Tensor& context) const {
  const at::Tensor padded =
      at::constant_pad_nd(context, {0, 0, 0, config_.text_len - context.size(0)}).unsqueeze(0);
  return text_out_(at::gelu(text_in_(padded), "tanh"));
}

at::Tensor WanDit::embed_image(const at::Tensor& clip_features) const {
  return image_norm_out_(image_out_(at::gelu(image_in_(image_norm_in_(clip_features)))));
}

at::Tensor WanDit::class_masks(const DitCondition& condition, int64_t rows, int64_t columns) const {
  const at::Tensor masks =
      at::upsample_nearest2d(condition.speaker_masks.to(at::kFloat).unsqueeze(0), {rows, columns})
          .squeeze(0)
          .gt(0)
          .flatten(1);
  const at::Tensor sizes = masks.sum(1).cpu();
  for (int64_t speaker = 0; speaker + 1 < masks.size(0); ++speaker) {
    if (sizes[speaker].item<int64_t>() == 0) {
      throw input_error(
          "speaker {} has no place in the picture: the mask covers none of the {} x {} "
          "cells (rows x columns) that the model sees",
          speaker + 1, rows, columns)
          .with_hint("give that person a larger box, inside the part of the picture that is kept");
    }
  }
  return masks.to(patch_embedding_.weight.options());
}

at::Tensor WanDit::embed_patches(const at::Tensor& x, const DitContext& context) const {
  const at::Tensor& condition = context.condition;
  check_shape("x", x, {config_.out_dim, condition.size(1), condition.size(2), condition.size(3)});
  const at::Tensor joined = at::cat({x.to(condition.options()), condition}).unsqueeze(0);
  return patch_embedding_(joined).flatten(2).transpose(1, 2).contiguous();
}

at::Tensor WanDit::embed_time(const at::Tensor& t) const {
  const at::Tensor waves =
      sinusoids(t.to(patch_embedding_.weight.device(), /*non_blocking=*/true), config_.freq_dim);
  return apply_wide(time_out_, at::silu(apply_wide(time_in_, waves)));
}

at::Tensor WanDit::forward(const at::Tensor& x, const at::Tensor& t, const DitContext& context,
                           const BlockRunner& runner, const nn::Capture& capture) const {
  check_shape("t", t, {1});
  const at::Tensor patches = embed_patches(x, context);
  const at::Tensor e = embed_time(t);
  const at::Tensor e0 = apply_wide(time_projection_, at::silu(e)).unflatten(1, {6, config_.dim});

  const auto run_blocks = [&](at::Tensor tokens) {
    for (size_t i = 0; i < blocks_.size(); ++i) {
      tokens = blocks_[i](tokens, e0, context, with_prefix(capture, fmt::format("block{}_", i)));
    }
    return tokens;
  };
  const at::Tensor tokens = runner ? runner(patches, e0, run_blocks) : run_blocks(patches);
  const at::Tensor head = run_head(tokens, e);
  if (capture) {
    capture("patch_embedding", patches);
    capture("time_embedding_e", e);
    capture("time_projection_e0", e0);
    capture("last_block_out", tokens);
    capture("head", head);
  }
  return unpatchify(head, context);
}

at::Tensor WanDit::forward(const at::Tensor& x, const at::Tensor& t, const DitCondition& condition,
                           const BlockRunner& runner, const nn::Capture& capture) const {
  return forward(x, t, prepare(condition, capture), runner, capture);
}

at::Tensor WanDit::run_head(const at::Tensor& tokens, const at::Tensor& e) const {
  const std::vector<at::Tensor> shift_scale =
      (head_modulation_.to(at::kFloat) + e.unsqueeze(1)).chunk(2, 1);
  const at::Tensor norm = head_norm_(tokens).to(at::kFloat);
  return apply_wide(head_, at::addcmul(shift_scale[0], norm, 1 + shift_scale[1]));
}

at::Tensor WanDit::unpatchify(const at::Tensor& patches, const DitContext& context) const {
  const auto [frames, rows, columns] = context.grid;
  const auto [depth, height, width] = DitConfig::kPatch;
  return patches.view({frames, rows, columns, depth, height, width, config_.out_dim})
      .permute({6, 0, 3, 1, 4, 2, 5})
      .reshape({config_.out_dim, frames * depth, rows * height, columns * width});
}

}  // namespace multitalk
