#include "models/dit_config.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace multitalk;

namespace {

constexpr const char* kOfficial = R"({"_class_name": "WanModel", "model_type": "i2v", "dim": 5120,
  "eps": 1e-06, "ffn_dim": 13824, "freq_dim": 256, "in_dim": 36, "num_heads": 40,
  "num_layers": 40, "out_dim": 16, "text_len": 512})";

DitConfig read(const std::string& text) {
  const test::TemporaryFolder folder;
  return read_dit_config(folder.write("config.json", text));
}

std::string message_of(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kWeights);
    return error.what();
  }
  return "";
}

// Shapes by name, without data.
class Shapes : public TensorSource {
 public:
  explicit Shapes(std::map<std::string, std::vector<int64_t>> shapes)
      : shapes_(std::move(shapes)) {}
  std::vector<std::string> names() const override { return {}; }
  bool contains(const std::string& name) const override { return shapes_.count(name) > 0; }
  TensorInfo info(const std::string& name) const override { return {at::kFloat, shapes_.at(name)}; }
  at::Tensor tensor(const std::string&) const override { return {}; }
  std::string origin(const std::string&) const override { return "some.safetensors"; }

 private:
  std::map<std::string, std::vector<int64_t>> shapes_;
};

}  // namespace

TEST_CASE("the official config.json gives the 14B model") {
  const DitConfig config = read(kOfficial);
  CHECK(config.dim == 5120);
  CHECK(config.head_dim() == 128);
  CHECK(config.text_dim == 4096);
  CHECK(config.audio_channels == 768);
  CHECK(config.norm_output_audio);
}

TEST_CASE("config.json errors name the key") {
  CHECK(message_of("[1]").find("not a JSON object") != std::string::npos);
  CHECK(message_of("{").find("not a JSON object") != std::string::npos);
  CHECK(message_of(R"({"dim": 8})").find("\"ffn_dim\" is missing") != std::string::npos);
  CHECK(message_of(R"({"dim": "8"})").find("\"dim\" is \"8\"") != std::string::npos);
  const std::string sizes = R"("dim": 8, "ffn_dim": 4, "num_layers": 1, "in_dim": 36)";
  CHECK(message_of("{" + sizes + R"(, "num_heads": 3})").find("num_heads") != std::string::npos);
  CHECK(message_of("{" + sizes + R"(, "num_heads": 2, "model_type": "t2v"})").find("model_type") !=
        std::string::npos);
  CHECK(message_of("{" + sizes + R"(, "num_heads": 2, "vae_scale": 1})").find("vae_scale") !=
        std::string::npos);
  REQUIRE_THROWS_AS(read_dit_config("/nowhere/config.json"), Error);
}

TEST_CASE("the checkpoint's tensors decide the encoders' widths") {
  DitConfig config = read(kOfficial);
  infer_sizes(config, Shapes({{"text_embedding.0.weight", {5120, 48}},
                              {"img_emb.proj.0.weight", {160}},
                              {"audio_proj.proj1.weight", {512, 60 * 32}}}));
  CHECK(config.text_dim == 48);
  CHECK(config.clip_dim == 160);
  CHECK(config.audio_channels == 32);
  infer_sizes(config, Shapes({}));
  CHECK(config.text_dim == 48);
  REQUIRE_THROWS_AS(infer_sizes(config, Shapes({{"audio_proj.proj1.weight", {512, 61}}})), Error);
}
