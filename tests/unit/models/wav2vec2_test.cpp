#include "models/wav2vec2.h"

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "support/catch.h"
#include "support/golden.h"
#include "support/temporary_folder.h"
#include "support/weights.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;

/// A small model of one of the two families: base (group norm, post-norm) or stable.
Wav2Vec2Config small_config(bool stable) {
  Wav2Vec2Config config;
  config.hidden_size = 32;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.intermediate_size = 48;
  config.conv_dim = {16, 16, 24};
  config.conv_kernel = {10, 3, 2};
  config.conv_stride = {5, 2, 2};
  config.num_conv_pos_embeddings = stable ? 7 : 8;
  config.num_conv_pos_embedding_groups = 4;
  config.conv_bias = stable;
  config.do_stable_layer_norm = stable;
  config.feat_extract_norm =
      stable ? Wav2Vec2Config::FeatureNorm::kLayer : Wav2Vec2Config::FeatureNorm::kGroup;
  return config;
}

Wav2Vec2 random_model(const Wav2Vec2Config& config, at::ScalarType dtype) {
  Wav2Vec2 model(config);
  test::fill_randomly(model, dtype);
  model.fuse();
  return model;
}

at::Tensor some_speech(int64_t samples) {
  return at::sin(at::arange(samples, at::kFloat).square() * 1e-5) * 0.2;
}

void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }

/// The error that reading the folder's configuration ends with.
std::string config_error(const fs::path& dir) {
  try {
    read_wav2vec2_config(dir);
  } catch (const Error& e) {
    CHECK(e.code() == ExitCode::kWeights);
    return e.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("wav2vec2: the base model declares exactly the official tensors") {
  test::ManifestSource source("wav2vec2-base");
  Wav2Vec2 model{Wav2Vec2Config{}};
  const auto check = [&] {
    check_state_dict("wav2vec2", parameters_of(model), source,
                     wav2vec2_load_options(source, at::kCPU, at::kFloat));
  };
  check();

  SECTION("with the weight norm as a parametrization") {
    const std::string conv = "encoder.pos_conv_embed.conv.";
    for (const auto& [old_name, new_name] :
         {std::pair{"weight_g", "original0"}, std::pair{"weight_v", "original1"}}) {
      source.add(conv + "parametrizations.weight." + new_name, source.info(conv + old_name).shape);
      source.remove(conv + old_name);
    }
    check();
  }
  SECTION("with the prefix and the heads of pre-training") {
    for (const auto& name : source.names()) {
      source.add("wav2vec2." + name, source.info(name).shape);
      source.remove(name);
    }
    source.add("quantizer.codevectors", {1, 640, 128});
    source.add("project_hid.weight", {256, 768});
    source.add("lm_head.weight", {32, 768});
    check();
  }
  SECTION("a stranger is refused") {
    source.add("encoder.layers.12.final_layer_norm.bias", {768});
    CHECK_THROWS_AS(check(), Error);
  }
  SECTION("a missing tensor is refused") {
    source.remove("encoder.layer_norm.bias");
    CHECK_THROWS_AS(check(), Error);
  }
}

TEST_CASE("wav2vec2: both families run, and bfloat16 stays near float32") {
  const bool stable = GENERATE(false, true);
  CAPTURE(stable);
  const Wav2Vec2Config config = small_config(stable);
  const Wav2Vec2 model = random_model(config, at::kFloat);
  const at::Tensor speech = some_speech(3200);
  const at::Tensor expected = model.embed(speech);
  REQUIRE(expected.sizes() == at::IntArrayRef({5, 2, 32}));

  const at::Tensor bf16 = random_model(config, at::kBFloat16).embed(speech);
  CHECK(bf16.scalar_type() == at::kBFloat16);
  CHECK(test::relative_l2(bf16, expected) < 4e-2);
}

TEST_CASE("wav2vec2: the stable family normalises the last hidden state") {
  Wav2Vec2Config config = small_config(true);
  Wav2Vec2 model(config);
  test::fill_randomly(model, at::kFloat);
  for (const Parameter& parameter : parameters_of(model)) {
    if (parameter.name == "encoder.layer_norm.weight") parameter.slot->fill_(1);
    if (parameter.name == "encoder.layer_norm.bias") parameter.slot->fill_(0);
  }
  model.fuse();
  const at::Tensor states = model.embed(some_speech(3200));
  const at::Tensor deviation = states.std(/*dim=*/-1, /*unbiased=*/false);
  CHECK(test::max_abs_difference(deviation.select(1, 1), at::ones({5})) < 1e-3);
  CHECK(test::max_abs_difference(deviation.select(1, 0), at::ones({5})) > 1e-2);
}

TEST_CASE("wav2vec2: the position convolution is fused as Salimans and Kingma write it") {
  Wav2Vec2Config config = small_config(false);
  wav2vec2::PositionalConv conv(config);
  test::fill_randomly(conv, at::kFloat);
  const at::Tensor v = conv.weight_v;
  const at::Tensor expected =
      conv.weight_g * v / v.square().sum(at::IntArrayRef({0, 1}), /*keepdim=*/true).sqrt();
  conv.fuse();
  CHECK(test::relative_l2(conv.conv.weight, expected) < 1e-6);
  CHECK_THROWS_AS(conv.fuse(), Error);
}

TEST_CASE("wav2vec2: speech shorter than a frame is an input error") {
  const Wav2Vec2 model = random_model(small_config(false), at::kFloat);
  CHECK(model.embed(some_speech(640)).size(0) == 1);
  try {
    model.embed(some_speech(639));
    FAIL("no error");
  } catch (const Error& e) {
    CHECK(e.code() == ExitCode::kInput);
    CHECK(contains(e.what(), "639 samples"));
    CHECK(contains(e.what(), "at least 640"));
  }
}

TEST_CASE("wav2vec2: frame counts follow the reference's double arithmetic") {
  CHECK(video_frames_of(0) == 0);
  CHECK(video_frames_of(639) == 0);
  CHECK(video_frames_of(640) == 1);
  CHECK(video_frames_of(16000) == 25);
  CHECK(video_frames_of(29 * 640) == 28);  // 18560 / 16000 * 25 = 28.999...
}

TEST_CASE("wav2vec2: what is wrong with a configuration is said") {
  const test::TemporaryFolder folder;
  const fs::path& dir = folder.path();
  const fs::path config = dir / "config.json";
  const fs::path preprocessor = dir / "preprocessor_config.json";
  CHECK(contains(config_error(dir / "absent"), "no such folder"));
  CHECK(contains(config_error(dir), "config.json: no such file"));

  write(config, "{");
  CHECK(contains(config_error(dir), "not valid JSON"));
  write(config, R"({"hidden_size": "large"})");
  CHECK(contains(config_error(dir), "another type"));
  write(config, R"({"hidden_act": "relu"})");
  CHECK(contains(config_error(dir), "\"hidden_act\" is relu, but only gelu"));
  write(config, R"({"feat_extract_norm": "batch"})");
  CHECK(contains(config_error(dir), "expected \"group\" or \"layer\""));
  write(config, R"({"conv_stride": [5, 2]})");
  CHECK(contains(config_error(dir), "7, 7 and 2 entries"));
  write(config, R"({"num_attention_heads": 7})");
  CHECK(contains(config_error(dir), "not a multiple"));
  write(config, R"({"num_hidden_layers": 0})");
  CHECK(contains(config_error(dir), "positive"));

  write(config, "{}");
  CHECK(contains(config_error(dir), "preprocessor_config.json: no such file"));
  write(preprocessor, R"({"sampling_rate": 8000})");
  CHECK(contains(config_error(dir), "\"sampling_rate\" is 8000"));
  write(preprocessor, R"({"do_normalize": false})");
  CHECK_FALSE(read_wav2vec2_config(dir).do_normalize);
  CHECK_THROWS_AS(load_wav2vec2(dir, at::kCPU, at::kFloat), Error);
}

}  // namespace
}  // namespace multitalk
