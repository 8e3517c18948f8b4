#include "models/umt5.h"

#include "base/error.h"
#include "checkpoint/state_dict.h"
#include "support/catch.h"
#include "support/golden.h"
#include "support/weights.h"

namespace multitalk {
namespace {

Umt5Config small_config() {
  Umt5Config config;
  config.vocab_size = 50;
  config.dim = 24;
  config.dim_attn = 32;
  config.dim_ffn = 40;
  config.num_heads = 4;
  config.num_layers = 2;
  return config;
}

Umt5 random_model(at::ScalarType dtype) {
  Umt5 model(small_config());
  test::fill_randomly(model, dtype);
  return model;
}

TEST_CASE("umt5: the configuration of the XXL encoder is inferred, and declares its tensors") {
  test::ManifestSource source("umt5-xxl-encoder");
  const Umt5Config config = infer_umt5_config(source);
  const Umt5Config official;
  CHECK(config.vocab_size == official.vocab_size);
  CHECK(config.dim == official.dim);
  CHECK(config.dim_attn == official.dim_attn);
  CHECK(config.dim_ffn == official.dim_ffn);
  CHECK(config.num_heads == official.num_heads);
  CHECK(config.num_layers == official.num_layers);
  CHECK(config.num_buckets == official.num_buckets);
  Umt5 model(config);
  check_state_dict("umT5", parameters_of(model), source, {});

  SECTION("a tensor that sizes are read from is missing") {
    source.remove("blocks.0.pos_embedding.embedding.weight");
    CHECK_THROWS_AS(infer_umt5_config(source), Error);
  }
  SECTION("a tensor of other dimensions") {
    source.add("token_embedding.weight", {4096});
    CHECK_THROWS_AS(infer_umt5_config(source), Error);
  }
  SECTION("heads that do not divide the attention") {
    source.add("blocks.0.pos_embedding.embedding.weight", {32, 63});
    CHECK_THROWS_AS(infer_umt5_config(source), Error);
  }
}

TEST_CASE("umt5: distances fall into T5's buckets") {
  const at::Tensor buckets = relative_position_buckets(400, 32);
  const auto bucket = [&buckets](int64_t query, int64_t key) {
    return buckets[query][key].item<int64_t>();
  };
  CHECK(bucket(5, 5) == 0);
  CHECK(bucket(5, 4) == 1);
  CHECK(bucket(5, 6) == 17);
  CHECK(bucket(7, 0) == 7);
  CHECK(bucket(8, 0) == 8);
  CHECK(bucket(0, 8) == 24);
  CHECK(bucket(0, 15) == 25);
  CHECK(bucket(0, 127) == 31);
  CHECK(bucket(0, 399) == 31);
  CHECK(bucket(399, 0) == 15);
}

TEST_CASE("umt5: bfloat16 stays near float32, float16 stays finite") {
  const at::Tensor ids = at::arange(1, 20, at::kLong);
  const at::Tensor expected = random_model(at::kFloat).encode(ids);
  REQUIRE(expected.sizes() == at::IntArrayRef({19, 24}));
  const at::Tensor bf16 = random_model(at::kBFloat16).encode(ids);
  CHECK(bf16.scalar_type() == at::kBFloat16);
  CHECK(test::relative_l2(bf16, expected) < 4e-2);
  CHECK(random_model(at::kHalf).encode(ids).isfinite().all().item<bool>());
}

TEST_CASE("umt5: a single token, and none") {
  const Umt5 model = random_model(at::kFloat);
  CHECK(model.encode(at::ones({1}, at::kLong)).sizes() == at::IntArrayRef({1, 24}));
  CHECK_THROWS_AS(model.encode(at::ones({0}, at::kLong)), Error);
}

}  // namespace
}  // namespace multitalk
