#include "models/wav2vec2.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/open_weights.h"
#include "kernels/attention.h"

namespace multitalk {

namespace {

constexpr double kSampleRate = 16000;
constexpr double kVideoFps = 25;
constexpr double kVarianceEps = 1e-7;  // of transformers' Wav2Vec2FeatureExtractor
constexpr const char* kPrefix = "wav2vec2.";

nlohmann::json read_json(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) {
    throw weights_error("{}: no such file", file.string())
        .with_hint(
            "the wav2vec2 folder needs config.json, preprocessor_config.json and "
            "model.safetensors or pytorch_model.bin");
  }
  return nlohmann::json::parse(read_file(file));
}

/// An option of which only one value is supported.
template <typename T>
void require_value(const nlohmann::json& json, const char* key, const T& supported) {
  const T value = json.value(key, supported);
  if (value != supported) {
    throw weights_error("\"{}\" is {}, but only {} is supported", key, value, supported);
  }
}

Wav2Vec2Config::FeatureNorm parse_feature_norm(const std::string& name) {
  if (name == "group") return Wav2Vec2Config::FeatureNorm::kGroup;
  if (name == "layer") return Wav2Vec2Config::FeatureNorm::kLayer;
  throw weights_error("\"feat_extract_norm\" is \"{}\", expected \"group\" or \"layer\"", name);
}

void check_dimensions(const Wav2Vec2Config& config) {
  const std::size_t layers = config.conv_dim.size();
  if (layers == 0 || config.conv_kernel.size() != layers || config.conv_stride.size() != layers) {
    throw weights_error(
        "conv_dim, conv_kernel and conv_stride have {}, {} and {} entries; expected as many in "
        "each "
        "and at least one",
        layers, config.conv_kernel.size(), config.conv_stride.size());
  }
  std::vector<int64_t> sizes = {config.hidden_size,
                                config.num_hidden_layers,
                                config.num_attention_heads,
                                config.intermediate_size,
                                config.num_conv_pos_embeddings,
                                config.num_conv_pos_embedding_groups};
  for (const auto* list : {&config.conv_dim, &config.conv_kernel, &config.conv_stride}) {
    sizes.insert(sizes.end(), list->begin(), list->end());
  }
  for (const int64_t size : sizes) {
    if (size < 1) throw weights_error("a size is {}; expected all sizes to be positive", size);
  }
  for (const int64_t divisor : {config.num_attention_heads, config.num_conv_pos_embedding_groups}) {
    if (config.hidden_size % divisor != 0) {
      throw weights_error(
          "\"hidden_size\" {} is not a multiple of the number of heads or groups {}",
          config.hidden_size, divisor);
    }
  }
}

Wav2Vec2Config parse_config(const nlohmann::json& json) {
  require_value<std::string>(json, "hidden_act", "gelu");
  require_value<std::string>(json, "feat_extract_activation", "gelu");
  require_value(json, "add_adapter", false);
  Wav2Vec2Config config;
  const auto read = [&json](const char* key, auto& field) { field = json.value(key, field); };
  read("hidden_size", config.hidden_size);
  read("num_hidden_layers", config.num_hidden_layers);
  read("num_attention_heads", config.num_attention_heads);
  read("intermediate_size", config.intermediate_size);
  read("conv_dim", config.conv_dim);
  read("conv_kernel", config.conv_kernel);
  read("conv_stride", config.conv_stride);
  read("conv_bias", config.conv_bias);
  read("do_stable_layer_norm", config.do_stable_layer_norm);
  read("num_conv_pos_embeddings", config.num_conv_pos_embeddings);
  read("num_conv_pos_embedding_groups", config.num_conv_pos_embedding_groups);
  read("layer_norm_eps", config.layer_norm_eps);
  config.feat_extract_norm = parse_feature_norm(json.value("feat_extract_norm", "group"));
  check_dimensions(config);
  return config;
}

/// Runs `parse` on the JSON file; errors say which file they come from.
template <typename Parse>
void parse_file(const std::filesystem::path& file, const Parse& parse) {
  const nlohmann::json json = [&file] {
    try {
      return read_json(file);
    } catch (const nlohmann::json::exception& e) {
      throw weights_error("{}: not valid JSON: {}", file.string(), e.what());
    }
  }();
  try {
    parse(json);
  } catch (const nlohmann::json::exception& e) {
    throw weights_error("{}: a value of another type than expected: {}", file.string(), e.what());
  } catch (const Error& e) {
    throw e.within(file.string());
  }
}

bool is_pretraining_only(const std::string& key) {
  const std::string name = key.starts_with(kPrefix) ? key.substr(std::string(kPrefix).size()) : key;
  for (const char* head :
       {"quantizer.", "project_hid.", "project_q.", "lm_head.", "masked_spec_embed"}) {
    if (name.starts_with(head)) return true;
  }
  return false;
}

}  // namespace

int64_t Wav2Vec2Config::feature_count(int64_t samples) const {
  int64_t count = samples;
  for (std::size_t i = 0; i < conv_kernel.size(); ++i) {
    if (count < conv_kernel[i]) return 0;
    count = (count - conv_kernel[i]) / conv_stride[i] + 1;
  }
  return count;
}

Wav2Vec2Config read_wav2vec2_config(const std::filesystem::path& dir) {
  if (!std::filesystem::is_directory(dir)) {
    throw weights_error("{}: no such folder", dir.string())
        .with_hint("name the folder of chinese-wav2vec2-base with --wav2vec_dir");
  }
  Wav2Vec2Config config;
  parse_file(dir / "config.json", [&config](const auto& json) { config = parse_config(json); });
  parse_file(dir / "preprocessor_config.json", [&config](const auto& json) {
    require_value(json, "sampling_rate", static_cast<int64_t>(kSampleRate));
    config.do_normalize = json.value("do_normalize", true);
  });
  return config;
}

int64_t video_frames_of(int64_t samples) {
  return static_cast<int64_t>(static_cast<double>(samples) / kSampleRate * kVideoFps);
}

// As zero_mean_unit_var_norm of transformers' feature extractor under NumPy: mean and variance are
// rounded to float32, the root is taken in double.
at::Tensor normalize_speech(const at::Tensor& speech) {
  const at::Tensor wave = speech.to(at::kFloat);
  const at::Tensor wide = wave.to(at::kDouble);
  const auto mean = wide.mean().item<float>();
  const auto variance = wide.var(/*unbiased=*/false).item<float>();
  return (wave - mean) / std::sqrt(static_cast<double>(variance) + kVarianceEps);
}

at::Tensor interpolate_features(const at::Tensor& features, int64_t frames) {
  return at::upsample_linear1d(features.to(at::kFloat).transpose(1, 2), {frames},
                               /*align_corners=*/true)
      .transpose(1, 2)
      .to(features.scalar_type());
}

namespace wav2vec2 {

namespace {

FeatureLayer::Norm norm_of_layer(const Wav2Vec2Config& config, std::size_t index) {
  if (config.feat_extract_norm == Wav2Vec2Config::FeatureNorm::kLayer) {
    return FeatureLayer::Norm::kLayer;
  }
  return index == 0 ? FeatureLayer::Norm::kGroup : FeatureLayer::Norm::kNone;
}

}  // namespace

FeatureLayer::FeatureLayer(int64_t in, const Wav2Vec2Config& config, std::size_t index)
    : conv(in, config.conv_dim[index],
           {.kernel = {config.conv_kernel[index]},
            .stride = {config.conv_stride[index]},
            .bias = config.conv_bias}),
      norm(norm_of_layer(config, index)),
      layer_norm(conv.out) {}

void FeatureLayer::declare(const ParameterScope& scope) {
  conv.declare(scope.child("conv"));
  if (norm != Norm::kNone) layer_norm.declare(scope.child("layer_norm"));
}

at::Tensor FeatureLayer::operator()(const at::Tensor& x) const {
  at::Tensor y = conv(x);
  if (norm == Norm::kGroup) {  // every channel is a group of its own
    y = at::group_norm(y, conv.out, layer_norm.weight, layer_norm.bias, layer_norm.eps);
  } else if (norm == Norm::kLayer) {
    y = layer_norm(y.transpose(1, 2)).transpose(1, 2);
  }
  return at::gelu_(y);
}

FeatureProjection::FeatureProjection(const Wav2Vec2Config& config)
    : layer_norm(config.conv_dim.back(), config.layer_norm_eps),
      projection(config.conv_dim.back(), config.hidden_size) {}

void FeatureProjection::declare(const ParameterScope& scope) {
  layer_norm.declare(scope.child("layer_norm"));
  projection.declare(scope.child("projection"));
}

at::Tensor FeatureProjection::operator()(const at::Tensor& features) const {
  return projection(layer_norm(features));
}

PositionalConv::PositionalConv(const Wav2Vec2Config& config)
    : conv(config.hidden_size, config.hidden_size,
           {.kernel = {config.num_conv_pos_embeddings},
            .padding = {config.num_conv_pos_embeddings / 2},
            .groups = config.num_conv_pos_embedding_groups}) {}

void PositionalConv::declare(const ParameterScope& scope) {
  const ParameterScope conv_scope = scope.child("conv");
  const int64_t kernel = conv.options.kernel[0];
  conv_scope.add("bias", conv.bias, {conv.out});
  conv_scope.add("weight_g", weight_g, {1, 1, kernel});
  conv_scope.add("weight_v", weight_v, {conv.out, conv.in / conv.options.groups, kernel});
}

void PositionalConv::fuse() {
  MULTITALK_CHECK(weight_v.defined(), "the position convolution is fused once, after loading");
  conv.weight = at::_weight_norm(weight_v.to(at::kFloat), weight_g.to(at::kFloat), /*dim=*/2)
                    .to(weight_v.scalar_type());
  weight_g.reset();
  weight_v.reset();
}

at::Tensor PositionalConv::operator()(const at::Tensor& x) const {
  // An even kernel gives one step too many.
  return at::gelu(conv(x.transpose(1, 2)).slice(2, 0, x.size(1))).transpose(1, 2);
}

Attention::Attention(const Wav2Vec2Config& config)
    : num_heads(config.num_attention_heads),
      q_proj(config.hidden_size, config.hidden_size),
      k_proj(config.hidden_size, config.hidden_size),
      v_proj(config.hidden_size, config.hidden_size),
      out_proj(config.hidden_size, config.hidden_size) {}

void Attention::declare(const ParameterScope& scope) {
  q_proj.declare(scope.child("q_proj"));
  k_proj.declare(scope.child("k_proj"));
  v_proj.declare(scope.child("v_proj"));
  out_proj.declare(scope.child("out_proj"));
}

at::Tensor Attention::operator()(const at::Tensor& x) const {
  const auto heads = [this](const at::Tensor& y) { return y.unflatten(-1, {num_heads, -1}); };
  return out_proj(
      attention(heads(q_proj(x)), heads(k_proj(x)), heads(v_proj(x))).flatten(/*start_dim=*/2));
}

FeedForward::FeedForward(const Wav2Vec2Config& config)
    : intermediate_dense(config.hidden_size, config.intermediate_size),
      output_dense(config.intermediate_size, config.hidden_size) {}

void FeedForward::declare(const ParameterScope& scope) {
  intermediate_dense.declare(scope.child("intermediate_dense"));
  output_dense.declare(scope.child("output_dense"));
}

at::Tensor FeedForward::operator()(const at::Tensor& x) const {
  return output_dense(at::gelu(intermediate_dense(x)));
}

EncoderLayer::EncoderLayer(const Wav2Vec2Config& config)
    : norm_first(config.do_stable_layer_norm),
      attention(config),
      layer_norm(config.hidden_size, config.layer_norm_eps),
      feed_forward(config),
      final_layer_norm(config.hidden_size, config.layer_norm_eps) {}

void EncoderLayer::declare(const ParameterScope& scope) {
  attention.declare(scope.child("attention"));
  layer_norm.declare(scope.child("layer_norm"));
  feed_forward.declare(scope.child("feed_forward"));
  final_layer_norm.declare(scope.child("final_layer_norm"));
}

at::Tensor EncoderLayer::operator()(const at::Tensor& x) const {
  if (norm_first) {
    const at::Tensor y = x + attention(layer_norm(x));
    return y + feed_forward(final_layer_norm(y));
  }
  const at::Tensor y = layer_norm(x + attention(x));
  return final_layer_norm(y + feed_forward(y));
}

}  // namespace wav2vec2

Wav2Vec2::Wav2Vec2(Wav2Vec2Config config)
    : config_(std::move(config)),
      feature_projection_(config_),
      pos_conv_embed_(config_),
      layer_norm_(config_.hidden_size, config_.layer_norm_eps),
      layers_(config_.num_hidden_layers, wav2vec2::EncoderLayer(config_)) {
  int64_t channels = 1;
  for (std::size_t i = 0; i < config_.conv_dim.size(); ++i) {
    conv_layers_.emplace_back(channels, config_, i);
    channels = config_.conv_dim[i];
  }
}

void Wav2Vec2::declare(const ParameterScope& scope) {
  const ParameterScope conv_scope = scope.child("feature_extractor").child("conv_layers");
  for (std::size_t i = 0; i < conv_layers_.size(); ++i) {
    conv_layers_[i].declare(conv_scope.child(static_cast<int64_t>(i)));
  }
  feature_projection_.declare(scope.child("feature_projection"));
  const ParameterScope encoder = scope.child("encoder");
  pos_conv_embed_.declare(encoder.child("pos_conv_embed"));
  layer_norm_.declare(encoder.child("layer_norm"));
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    layers_[i].declare(encoder.child("layers").child(static_cast<int64_t>(i)));
  }
}

at::Tensor Wav2Vec2::embed(const at::Tensor& speech, const nn::Capture& capture) const {
  MULTITALK_CHECK(speech.dim() == 1, "speech must be [samples], got {} dimensions", speech.dim());
  const int64_t frames = video_frames_of(speech.size(0));
  if (frames < 1 || config_.feature_count(speech.size(0)) < 1) {
    throw input_error(
        "the speech has {} samples at 16 kHz; one video frame needs at least {} ({} ms)",
        speech.size(0), kSampleRate / kVideoFps, 1000 / kVideoFps)
        .with_hint("give a longer audio file");
  }
  const at::Tensor input_values =
      config_.do_normalize ? normalize_speech(speech) : speech.to(at::kFloat);
  if (capture) capture("input_values_first2048", input_values.slice(0, 0, 2048));
  const at::Tensor features = extract_features(input_values);
  if (capture) capture("conv_features", features.squeeze(0));
  return encode(interpolate_features(features, frames));
}

at::Tensor Wav2Vec2::extract_features(const at::Tensor& input_values) const {
  at::Tensor x = input_values.to(layer_norm_.weight.options()).view({1, 1, -1});
  for (const auto& layer : conv_layers_) x = layer(x);
  return x.transpose(1, 2);
}

at::Tensor Wav2Vec2::encode(const at::Tensor& features) const {
  at::Tensor x = feature_projection_(features);
  x = x + pos_conv_embed_(x);
  if (!config_.do_stable_layer_norm) x = layer_norm_(x);
  std::vector<at::Tensor> hidden_states;
  for (const auto& layer : layers_) {
    x = layer(x);
    hidden_states.push_back(x);
  }
  if (config_.do_stable_layer_norm) hidden_states.back() = layer_norm_(x);
  return at::cat(hidden_states).transpose(0, 1).contiguous();
}

LoadOptions wav2vec2_load_options(const TensorSource& source, at::Device device,
                                  at::ScalarType dtype) {
  const std::string conv = "encoder.pos_conv_embed.conv.";
  const std::string parametrized = conv + "parametrizations.weight.original";
  const std::string prefix = source.contains(kPrefix + conv + "bias") ? kPrefix : "";
  std::map<std::string, std::string> renamed;
  if (source.contains(prefix + parametrized + "0")) {
    renamed = {{conv + "weight_g", parametrized + "0"}, {conv + "weight_v", parametrized + "1"}};
  }
  LoadOptions options;
  options.device = device;
  options.dtype = dtype;
  options.key_of = [prefix, renamed](const std::string& name) {
    const auto it = renamed.find(name);
    return prefix + (it == renamed.end() ? name : it->second);
  };
  options.may_ignore = is_pretraining_only;
  return options;
}

std::unique_ptr<Wav2Vec2> load_wav2vec2(const std::filesystem::path& dir, at::Device device,
                                        at::ScalarType dtype) {
  auto model = std::make_unique<Wav2Vec2>(read_wav2vec2_config(dir));
  const auto source =
      open_weights(find_weights(dir, "wav2vec2", {"model.safetensors", "pytorch_model.bin"}));
  load_state_dict("wav2vec2", parameters_of(*model), *source,
                  wav2vec2_load_options(*source, device, dtype));
  model->fuse();
  return model;
}

}  // namespace multitalk
