#include "models/clip_vision.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/open_weights.h"
#include "kernels/attention.h"
#include "models/checkpoint_shapes.h"

namespace multitalk {

namespace {

constexpr std::array<double, 3> kPixelMean = {0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kPixelStd = {0.26862954, 0.26130258, 0.27577711};
constexpr int64_t kCaptureStep = 8;

/// One value a channel, to be broadcast over [B, 3, H, W].
at::Tensor per_channel(const std::array<double, 3>& values, const at::Tensor& like) {
  return at::tensor(at::ArrayRef<double>(values), like.options()).view({1, 3, 1, 1});
}

}  // namespace

int64_t ClipVisionConfig::num_tokens() const {
  const int64_t grid = image_size / patch_size;
  return grid * grid + 1;
}

ClipVisionConfig infer_clip_vision_config(const TensorSource& source) {
  const std::string positions = "visual.pos_embedding";
  ClipVisionConfig config;
  const auto shape = shape_of(source, positions, 3);
  config.width = shape[2];
  config.patch_size = shape_of(source, "visual.patch_embedding.weight", 4)[3];
  config.mlp_dim = shape_of(source, "visual.transformer.0.mlp.0.weight", 2)[0];
  const auto grid = std::llround(std::sqrt(static_cast<double>(shape[1] - 1)));
  config.image_size = grid * config.patch_size;
  if (config.patch_size < 1 || grid < 1 || config.num_tokens() != shape[1] ||
      config.width % ClipVisionConfig::kHeadDim != 0 || config.width == 0) {
    throw weights_error(
        "{}: {} has the shape {}, expected [1, 1 + a square number of patches, a multiple of {}]",
        source.origin(positions), positions, format_shape({shape.begin(), shape.end()}),
        ClipVisionConfig::kHeadDim);
  }
  const int64_t stored_layers = count_blocks(source, "visual.transformer.", ".norm1.weight");
  config.num_layers = std::max<int64_t>(stored_layers - 1, 0);
  return config;
}

namespace clip_vision {

Attention::Attention(const ClipVisionConfig& config)
    : num_heads(config.num_heads()),
      to_qkv(config.width, 3 * config.width),
      proj(config.width, config.width) {}

void Attention::declare(const ParameterScope& scope) {
  to_qkv.declare(scope.child("to_qkv"));
  proj.declare(scope.child("proj"));
}

at::Tensor Attention::operator()(const at::Tensor& x) const {
  const auto qkv = to_qkv(x).unflatten(-1, {3, num_heads, -1}).unbind(2);
  return proj(attention(qkv[0], qkv[1], qkv[2]).flatten(/*start_dim=*/2));
}

Mlp::Mlp(const ClipVisionConfig& config)
    : fc1(config.width, config.mlp_dim), fc2(config.mlp_dim, config.width) {}

void Mlp::declare(const ParameterScope& scope) {
  fc1.declare(scope.child(0));
  fc2.declare(scope.child(2));
}

at::Tensor Mlp::operator()(const at::Tensor& x) const { return fc2(at::gelu(fc1(x))); }

Block::Block(const ClipVisionConfig& config)
    : norm1(config.width), attn(config), norm2(config.width), mlp(config) {}

void Block::declare(const ParameterScope& scope) {
  norm1.declare(scope.child("norm1"));
  attn.declare(scope.child("attn"));
  norm2.declare(scope.child("norm2"));
  mlp.declare(scope.child("mlp"));
}

at::Tensor Block::operator()(const at::Tensor& x) const {
  const at::Tensor y = x + attn(norm1(x));
  return y + mlp(norm2(y));
}

}  // namespace clip_vision

ClipVision::ClipVision(const ClipVisionConfig& config)
    : config_(config),
      patch_embedding_(3, config.width,
                       {.kernel = nn::Conv2d::filled(config.patch_size),
                        .stride = nn::Conv2d::filled(config.patch_size),
                        .bias = false}),
      pre_norm_(config.width),
      transformer_(config.num_layers, clip_vision::Block(config)) {}

void ClipVision::declare(const ParameterScope& scope) {
  scope.add("cls_embedding", cls_embedding_, {1, 1, config_.width});
  scope.add("pos_embedding", pos_embedding_, {1, config_.num_tokens(), config_.width});
  patch_embedding_.declare(scope.child("patch_embedding"));
  pre_norm_.declare(scope.child("pre_norm"));
  for (std::size_t i = 0; i < transformer_.size(); ++i) {
    transformer_[i].declare(scope.child("transformer").child(static_cast<int64_t>(i)));
  }
}

at::Tensor ClipVision::features(const at::Tensor& image, const nn::Capture& capture) const {
  const at::Tensor pixel_values = preprocess(image);
  if (capture) {
    capture("pixel_values_s8", pixel_values.slice(2, 0, std::nullopt, kCaptureStep)
                                   .slice(3, 0, std::nullopt, kCaptureStep));
  }
  at::Tensor x = embed(pixel_values);
  for (const auto& block : transformer_) x = block(x);
  return x;
}

// As CLIPModel.visual: bicubic without antialiasing, not clamped, then CLIP's mean and deviation.
at::Tensor ClipVision::preprocess(const at::Tensor& image) const {
  const bool is_video = image.dim() == 5 && image.size(0) == 1 && image.size(2) == 1;
  MULTITALK_CHECK((image.dim() == 3 && image.size(0) == 3) || (is_video && image.size(1) == 3),
                  "the image must be [3, H, W] or [1, 3, 1, H, W], got {}",
                  format_shape({image.sizes().begin(), image.sizes().end()}));
  const at::Tensor x =
      image.to(pos_embedding_.device(), at::kFloat).reshape({1, 3, image.size(-2), image.size(-1)});
  const at::Tensor resized = at::upsample_bicubic2d(x, {config_.image_size, config_.image_size},
                                                    /*align_corners=*/false);
  return (resized * 0.5 + 0.5 - per_channel(kPixelMean, x)) / per_channel(kPixelStd, x);
}

at::Tensor ClipVision::embed(const at::Tensor& pixel_values) const {
  const at::Tensor patches =
      patch_embedding_(pixel_values.to(pos_embedding_.scalar_type())).flatten(2).transpose(1, 2);
  return pre_norm_(at::cat({cls_embedding_, patches}, /*dim=*/1) + pos_embedding_);
}

LoadOptions clip_vision_load_options(const ClipVisionConfig& config, at::Device device,
                                     at::ScalarType dtype) {
  const std::string last_block = fmt::format("visual.transformer.{}.", config.num_layers);
  LoadOptions options;
  options.device = device;
  options.dtype = dtype;
  options.key_of = [](const std::string& name) { return "visual." + name; };
  options.may_ignore = [last_block](const std::string& key) {
    return key.starts_with("textual.") || key == "log_scale" || key.starts_with(last_block) ||
           key.starts_with("visual.post_norm.") || key == "visual.head";
  };
  return options;
}

std::unique_ptr<ClipVision> load_clip_vision(const std::filesystem::path& file, at::Device device,
                                             at::ScalarType dtype) {
  const auto source = open_weights(file);
  const ClipVisionConfig config = infer_clip_vision_config(*source);
  auto model = std::make_unique<ClipVision>(config);
  load_state_dict("CLIP vision", parameters_of(*model), *source,
                  clip_vision_load_options(config, device, dtype));
  return model;
}

}  // namespace multitalk
