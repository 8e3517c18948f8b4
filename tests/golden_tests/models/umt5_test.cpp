#include "models/umt5.h"

#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

constexpr double kTolerance = 1e-5;

TEST_CASE("golden umt5: contexts of prompts") {
  const auto model =
      load_umt5(test::golden_dir() / "models/checkpoint/models_t5_umt5-xxl-enc-bf16.pth", at::kCPU,
                at::kFloat);
  const auto tensors = test::golden_tensors("models/t5/encode.safetensors");
  const at::Tensor ids = tensors.at("ids");
  const at::Tensor lengths = tensors.at("mask").sum({1});
  REQUIRE(ids.size(0) > 0);
  int captured = 0;
  const auto compare = [&](const std::string& name, const at::Tensor& value) {
    INFO(name);
    CHECK(test::relative_l2(value, tensors.at(name)) < kTolerance);
    ++captured;
  };
  for (int64_t i = 0; i < ids.size(0); ++i) {
    const std::string name = "context_" + std::to_string(i);
    const at::Tensor tokens = ids[i].slice(0, 0, lengths[i].item<int64_t>());
    INFO(name);
    CHECK(test::relative_l2(model->encode(tokens, compare), tensors.at(name)) < kTolerance);
  }
  CHECK(captured == 2 * ids.size(0));
}

}  // namespace
}  // namespace multitalk
