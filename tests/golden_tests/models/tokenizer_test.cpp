#include "models/tokenizer.h"

#include "models/text_cleaning.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

TEST_CASE("prompts have the official token ids") {
  const Tokenizer tokenizer(test::golden_dir() / "models/checkpoint/google/umt5-xxl");
  const nlohmann::json prompts = test::golden_json("models/t5/prompts.json");
  const auto tensors = test::golden_tensors("models/t5/encode.safetensors");
  const at::Tensor ids = tensors.at("ids");  // [prompts, tokens]
  const at::Tensor lengths = tensors.at("mask").sum(1);
  REQUIRE_FALSE(prompts.empty());
  REQUIRE(ids.size(0) == static_cast<int64_t>(prompts.size()));
  for (int64_t i = 0; i < ids.size(0); ++i) {
    const std::string prompt = prompts[i];
    INFO(prompt);
    const std::vector<int64_t> got = tokenizer.encode(clean_prompt(prompt), ids.size(1));
    const at::Tensor expected = ids[i].narrow(0, 0, lengths[i].item<int64_t>());
    CHECK(at::tensor(got, at::kLong).equal(expected));
  }
}

}  // namespace
}  // namespace multitalk
