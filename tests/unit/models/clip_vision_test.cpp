#include "models/clip_vision.h"

#include "base/error.h"
#include "support/catch.h"
#include "support/golden.h"
#include "support/weights.h"

namespace multitalk {
namespace {

ClipVisionConfig small_config() {
  ClipVisionConfig config;
  config.width = 160;
  config.mlp_dim = 64;
  config.patch_size = 7;
  config.image_size = 28;
  config.num_layers = 2;
  return config;
}

ClipVision random_model(at::ScalarType dtype) {
  ClipVision model(small_config());
  test::fill_randomly(model, dtype);
  return model;
}

at::Tensor some_image() {
  return at::sin(at::arange(3 * 40 * 30, at::kFloat) * 0.01).view({3, 40, 30});
}

TEST_CASE("clip vision: the configuration of ViT-H/14 is inferred, and declares its tensors") {
  test::ManifestSource source("clip-vit-h-14-xlm-roberta");
  const ClipVisionConfig config = infer_clip_vision_config(source);
  const ClipVisionConfig official;
  CHECK(config.width == official.width);
  CHECK(config.mlp_dim == official.mlp_dim);
  CHECK(config.patch_size == official.patch_size);
  CHECK(config.image_size == official.image_size);
  CHECK(config.num_layers == official.num_layers);
  CHECK(config.num_heads() == 16);
  CHECK(config.num_tokens() == 257);
  ClipVision model(config);
  const auto check = [&] {
    check_state_dict("CLIP vision", parameters_of(model), source,
                     clip_vision_load_options(config, at::kCPU, at::kHalf));
  };
  check();

  SECTION("a stranger in the vision half is refused") {
    source.add("visual.extra.weight", {1280});
    CHECK_THROWS_AS(check(), Error);
  }
  SECTION("a missing tensor is refused") {
    source.remove("visual.transformer.30.mlp.2.bias");
    CHECK_THROWS_AS(check(), Error);
  }
  SECTION("positions that are not a square grid are refused") {
    source.add("visual.pos_embedding", {1, 256, 1280});
    CHECK_THROWS_AS(infer_clip_vision_config(source), Error);
  }
  SECTION("a width that is not a multiple of the head size is refused") {
    source.add("visual.pos_embedding", {1, 257, 1000});
    CHECK_THROWS_AS(infer_clip_vision_config(source), Error);
  }
}

TEST_CASE("clip vision: half precision stays near float32") {
  const at::Tensor image = some_image();
  const at::Tensor expected = random_model(at::kFloat).features(image);
  REQUIRE(expected.sizes() == at::IntArrayRef({1, 17, 160}));
  for (const auto& [dtype, tolerance] :
       {std::pair{at::kBFloat16, 4e-2}, std::pair{at::kHalf, 1e-2}}) {
    const at::Tensor half = random_model(dtype).features(image);
    CHECK(half.scalar_type() == dtype);
    CHECK(test::relative_l2(half, expected) < tolerance);
  }
}

TEST_CASE("clip vision: an image may come as one frame of a video") {
  const ClipVision model = random_model(at::kFloat);
  const at::Tensor image = some_image();
  const at::Tensor video = image.view({1, 3, 1, 40, 30});
  CHECK(test::max_abs_difference(model.features(video), model.features(image)) == 0);
  CHECK_THROWS_AS(model.features(image.unsqueeze(0)), Error);
  CHECK_THROWS_AS(model.features(at::zeros({1, 3, 2, 8, 8})), Error);
}

}  // namespace
}  // namespace multitalk
