#include "models/wav2vec2.h"

#include <filesystem>

#include "support/catch.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

using test::golden_dir;

constexpr double kTolerance = 1e-5;

/// The tensors of `file` named <prefix>...<in_suffix>, without that suffix. At least one.
std::vector<std::string> cases_of(const std::map<std::string, at::Tensor>& tensors,
                                  const std::string& in_suffix) {
  std::vector<std::string> cases;
  for (const auto& [name, tensor] : tensors) {
    if (name.ends_with(in_suffix)) cases.push_back(name.substr(0, name.size() - in_suffix.size()));
  }
  REQUIRE_FALSE(cases.empty());
  return cases;
}

TEST_CASE("golden wav2vec2: embeddings of speech") {
  const auto model =
      load_wav2vec2(golden_dir() / "models/chinese-wav2vec2-base", at::kCPU, at::kFloat);
  for (const auto& file : test::golden_files("models/wav2vec2", "samples_", ".safetensors")) {
    INFO(file);
    auto tensors = test::golden_tensors("models/wav2vec2/" + file.filename().string());
    int captured = 0;
    const at::Tensor embedding =
        model->embed(tensors.at("speech"), [&](const std::string& name, const at::Tensor& value) {
          INFO(name);
          CHECK(test::relative_l2(value, tensors.at(name)) < kTolerance);
          ++captured;
        });
    CHECK(captured == 2);
    CHECK(test::relative_l2(embedding, tensors.at("embedding")) < kTolerance);
  }
}

TEST_CASE("golden wav2vec2: the pickle gives the model that the safetensors file gives") {
  namespace fs = std::filesystem;
  const fs::path official = golden_dir() / "models/chinese-wav2vec2-base";
  const test::TemporaryFolder dir;
  for (const char* name : {"config.json", "preprocessor_config.json", "pytorch_model.bin"}) {
    fs::copy_file(official / name, dir.path() / name);
  }
  const at::Tensor speech = at::sin(at::arange(3200, at::kFloat) * 0.05);
  const auto embed = [&speech](const fs::path& folder) {
    return load_wav2vec2(folder, at::kCPU, at::kFloat)->embed(speech);
  };
  CHECK(test::max_abs_difference(embed(dir.path()), embed(official)) == 0);
}

TEST_CASE("golden features: normalisation of the speech") {
  const auto tensors = test::golden_tensors("functions/features/normalise.safetensors");
  for (const auto& name : cases_of(tensors, ".in")) {
    INFO(name);
    const at::Tensor expected = tensors.at(name + ".out");
    const at::Tensor allowed = expected.abs().clamp_min(1) * 2e-6;
    const at::Tensor got = normalize_speech(tensors.at(name + ".in"));
    REQUIRE(got.sizes() == expected.sizes());
    CHECK(((got - expected).abs() <= allowed).all().item<bool>());
  }
}

TEST_CASE("golden features: interpolation to the frames") {
  const auto tensors = test::golden_tensors("functions/features/interpolate.safetensors");
  for (const auto& name : cases_of(tensors, ".in")) {
    INFO(name);
    const at::Tensor expected = tensors.at(name + ".out");
    const at::Tensor got = interpolate_features(tensors.at(name + ".in"), expected.size(1));
    CHECK(test::max_abs_difference(got, expected) <= 1e-6);
  }
}

TEST_CASE("golden features: counts of frames and of convolution steps") {
  const auto json = test::golden_json("functions/features/features.json");
  REQUIRE_FALSE(json.at("get_embedding").empty());
  REQUIRE_FALSE(json.at("conv_features_of_samples").empty());
  for (const char* kind : {"get_embedding", "too_short"}) {
    for (const auto& row : json.at(kind)) {
      INFO(row.dump());
      CHECK(video_frames_of(row.at("samples").get<int64_t>()) == row.at("seq_len").get<int64_t>());
    }
  }
  const Wav2Vec2Config base;
  for (const auto& row : json.at("conv_features_of_samples")) {
    INFO(row.dump());
    CHECK(base.feature_count(row.at(0).get<int64_t>()) == row.at(1).get<int64_t>());
  }
}

}  // namespace
}  // namespace multitalk
