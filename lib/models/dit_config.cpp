#include "models/dit_config.h"

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace multitalk {

namespace {

using Json = nlohmann::json;

// The keys of one config.json, with errors that name it.
class Keys {
 public:
  explicit Keys(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code ec;
    if (!std::filesystem::is_regular_file(path, ec)) {
      throw weights_error("{}: no such file", path_)
          .with_hint("the checkpoint folder must hold the model's config.json");
    }
    json_ = Json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
    if (!json_.is_object()) throw weights_error("{}: not a JSON object", path_);
  }

  void require(const char* key, int64_t& value) const {
    if (!json_.contains(key)) throw weights_error("{}: the key \"{}\" is missing", path_, key);
    read(key, value);
  }

  void read(const char* key, int64_t& value) const {
    if (!json_.contains(key)) return;
    const Json& found = json_[key];
    if (!found.is_number_integer() || found.get<int64_t>() < 1) {
      fail(key, "a whole number of at least 1");
    }
    value = found.get<int64_t>();
  }

  void read(const char* key, double& value) const {
    if (!json_.contains(key)) return;
    if (!json_[key].is_number() || json_[key].get<double>() < 0) {
      fail(key, "a number of at least 0");
    }
    value = json_[key].get<double>();
  }

  void read(const char* key, bool& value) const {
    if (!json_.contains(key)) return;
    if (!json_[key].is_boolean()) fail(key, "true or false");
    value = json_[key].get<bool>();
  }

  [[noreturn]] void fail(const char* key, const std::string& expected) const {
    throw weights_error("{}: \"{}\" is {}, expected {}", path_, key,
                        json_.contains(key) ? json_[key].dump() : "missing", expected);
  }

  void check_model_type() const {
    if (json_.contains("model_type") && json_["model_type"] != "i2v") fail("model_type", "\"i2v\"");
  }

 private:
  std::string path_;
  Json json_;
};

void check(const DitConfig& config, const Keys& keys) {
  keys.check_model_type();
  if (config.dim % config.heads != 0 || config.head_dim() % 2 != 0) {
    keys.fail("num_heads", fmt::format("a divisor of dim {} that leaves even heads", config.dim));
  }
  if (config.freq_dim % 2 != 0) keys.fail("freq_dim", "an even number");
  if (config.in_dim <= config.out_dim) {
    keys.fail("in_dim", fmt::format("more than out_dim, {}", config.out_dim));
  }
  if (config.vae_scale < 2) keys.fail("vae_scale", "at least 2");
}

}  // namespace

DitConfig read_dit_config(const std::filesystem::path& path) {
  const Keys keys(path);
  DitConfig config;
  keys.require("dim", config.dim);
  keys.require("ffn_dim", config.ffn_dim);
  keys.require("num_heads", config.heads);
  keys.require("num_layers", config.layers);
  keys.require("in_dim", config.in_dim);
  keys.read("freq_dim", config.freq_dim);
  keys.read("out_dim", config.out_dim);
  keys.read("text_len", config.text_len);
  keys.read("text_dim", config.text_dim);
  keys.read("clip_dim", config.clip_dim);
  keys.read("audio_window", config.audio_window);
  keys.read("audio_blocks", config.audio_blocks);
  keys.read("audio_channels", config.audio_channels);
  keys.read("intermediate_dim", config.intermediate_dim);
  keys.read("output_dim", config.output_dim);
  keys.read("context_tokens", config.context_tokens);
  keys.read("vae_scale", config.vae_scale);
  keys.read("eps", config.eps);
  keys.read("norm_input_visual", config.norm_input_visual);
  keys.read("norm_output_audio", config.norm_output_audio);
  check(config, keys);
  return config;
}

void infer_sizes(DitConfig& config, const TensorSource& source) {
  const auto size_of = [&](const std::string& name, size_t dimension, int64_t fallback) {
    if (!source.contains(name)) return fallback;
    const std::vector<int64_t> shape = source.info(name).shape;
    if (shape.size() <= dimension || shape[dimension] < 1) {
      throw weights_error("{}: {} has the shape {}", source.origin(name), name,
                          format_shape(shape));
    }
    return shape[dimension];
  };
  config.text_dim = size_of("text_embedding.0.weight", 1, config.text_dim);
  config.clip_dim = size_of("img_emb.proj.0.weight", 0, config.clip_dim);

  const std::string audio = "audio_proj.proj1.weight";
  const int64_t layers = config.audio_window * config.audio_blocks;
  const int64_t columns = size_of(audio, 1, layers * config.audio_channels);
  if (columns % layers != 0) {
    throw weights_error(
        "{}: {} has {} columns, expected a multiple of {} (audio_window {} x {} layers)",
        source.origin(audio), audio, columns, layers, config.audio_window, config.audio_blocks);
  }
  config.audio_channels = columns / layers;
}

}  // namespace multitalk
