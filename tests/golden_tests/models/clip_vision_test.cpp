#include "models/clip_vision.h"

#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

constexpr double kTolerance = 2e-5;

TEST_CASE("golden clip vision: features of images") {
  const auto model = load_clip_vision(
      test::golden_dir() /
          "models/checkpoint/models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth",
      at::kCPU, at::kFloat);
  for (const auto& file : test::golden_files("models/clip", "image_", ".safetensors")) {
    INFO(file);
    const auto tensors = test::golden_tensors("models/clip/" + file.filename().string());
    int captured = 0;
    const at::Tensor features =
        model->features(tensors.at("image"), [&](const std::string& name, const at::Tensor& value) {
          INFO(name);
          CHECK(test::relative_l2(value, tensors.at(name)) < kTolerance);
          ++captured;
        });
    CHECK(captured == 1);
    CHECK(test::relative_l2(features, tensors.at("features")) < kTolerance);
  }
}

}  // namespace
}  // namespace multitalk
