#include "checkpoint/lora.h"

#include "archive_builder.h"
#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "support/catch.h"
#include "support/error_text.h"
#include "support/stderr_capture.h"

namespace multitalk {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

constexpr int64_t kOut = 3;
constexpr int64_t kIn = 4;
constexpr int64_t kRank = 2;

/// The parameters of a toy: a linear layer in a block, a convolution, a norm without bias, and a
/// block's modulation.
std::vector<Parameter> toy() {
  return {{"blocks.0.self_attn.q.weight", {kOut, kIn}},
          {"blocks.0.self_attn.q.bias", {kOut}},
          {"patch_embedding.weight", {kOut, 2, 1, 2, 2}},
          {"norm_out.weight", {kIn}},
          {"blocks.0.modulation", {1, 6, 2}}};
}

at::Tensor down() { return at::arange(kRank * kIn, at::kFloat).reshape({kRank, kIn}); }
at::Tensor up() { return at::arange(kOut * kRank, at::kFloat).reshape({kOut, kRank}) - 2; }

class LoraTest {
 public:
  Lora open(const Tensors& tensors, double scale = 1, LoraRules rules = LoraRules::kAll) {
    write_safetensors(file(), tensors);
    return Lora({file(), scale}, toy(), rules);
  }

  /// What the LoRA says on standard error.
  std::string warnings(const Tensors& tensors, LoraRules rules = LoraRules::kAll) {
    return test::capture_stderr([&] { open(tensors, 1, rules); });
  }

  std::string refusal(const Tensors& tensors) {
    try {
      open(tensors);
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::kWeights);
      return error.what();
    }
    return "";
  }

  std::filesystem::path file() const { return folder_ / "toy.safetensors"; }

 private:
  test::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("every way to name a low-rank pair means the same") {
  LoraTest test;
  const std::string module = "blocks.0.self_attn.q";
  const std::vector<std::pair<std::string, std::string>> styles = {
      {"diffusion_model." + module + ".lora_down.weight",
       "diffusion_model." + module + ".lora_up.weight"},
      {"diffusion_model." + module + ".lora_A.weight",
       "diffusion_model." + module + ".lora_B.weight"},
      {"base_model.model." + module + ".lora_A.default.weight",
       "base_model.model." + module + ".lora_B.default.weight"},
      {module + ".lora_down.weight", module + ".lora_up.weight"},
      {"lora_unet_blocks_0_self_attn_q.lora_down.weight",
       "lora_unet_blocks_0_self_attn_q.lora_up.weight"}};
  const at::Tensor weight = at::ones({kOut, kIn});
  for (const auto& [down_key, up_key] : styles) {
    INFO(down_key);
    const Lora lora = test.open({{down_key, down()}, {up_key, up()}}, 0.5);
    CHECK(lora.size() == 1);
    const at::Tensor merged = lora.apply(module + ".weight", weight);
    CHECK(at::allclose(merged, weight + 0.5 * at::matmul(up(), down())));
  }
  CHECK(weight.equal(at::ones({kOut, kIn})));  // not written to
}

TEST_CASE("other parameters stay as they are") {
  LoraTest test;
  const Lora lora = test.open({{"norm_out.diff", at::ones({kIn})}});
  const at::Tensor bias = at::ones({kOut});
  CHECK(lora.apply("blocks.0.self_attn.q.bias", bias).is_same(bias));
}

TEST_CASE("alpha over the rank scales a pair, except by the reference's rules") {
  LoraTest test;
  const std::string module = "diffusion_model.blocks.0.self_attn.q";
  const Tensors tensors = {{module + ".lora_down.weight", down()},
                           {module + ".lora_up.weight", up()},
                           {module + ".alpha", at::scalar_tensor(1.0)}};
  const at::Tensor zero = at::zeros({kOut, kIn});
  const at::Tensor product = at::matmul(up(), down());
  const std::string weight = "blocks.0.self_attn.q.weight";
  CHECK(at::allclose(test.open(tensors, 3).apply(weight, zero), product * 3.0 / kRank));
  const Lora reference = test.open(tensors, 3, LoraRules::kReference);
  CHECK(at::allclose(reference.apply(weight, zero), product * 3));
  CHECK(test::mentions(test.warnings(tensors, LoraRules::kReference), ".alpha"));
}

TEST_CASE("differences are added to weights, biases and modulations") {
  LoraTest test;
  const Lora lora = test.open({{"diffusion_model.norm_out.diff", at::ones({kIn})},
                               {"diffusion_model.blocks.0.self_attn.q.diff_b", at::ones({kOut})},
                               {"diffusion_model.blocks.0.diff_m", at::ones({1, 6, 2})}},
                              0.25);
  CHECK(lora.size() == 3);
  const at::Tensor modulation = lora.apply("blocks.0.modulation", at::zeros({1, 6, 2}));
  CHECK(modulation.equal(at::full({1, 6, 2}, 0.25)));
  CHECK(lora.apply("norm_out.weight", at::ones({kIn})).equal(at::full({kIn}, 1.25)));
  CHECK(lora.apply("blocks.0.self_attn.q.bias", at::zeros({kOut})).equal(at::full({kOut}, 0.25)));
}

TEST_CASE("a pair for a convolution has the kernel in its first half") {
  LoraTest test;
  const at::Tensor conv_down = at::randn({kRank, 2, 1, 2, 2});
  const Lora lora = test.open({{"patch_embedding.lora_down.weight", conv_down},
                               {"patch_embedding.lora_up.weight", up().reshape({3, 2, 1, 1, 1})}});
  const at::Tensor merged = lora.apply("patch_embedding.weight", at::zeros({kOut, 2, 1, 2, 2}));
  CHECK(at::allclose(merged, at::matmul(up(), conv_down.flatten(1)).view({kOut, 2, 1, 2, 2})));
}

TEST_CASE("a LoRA is computed in the parameter's dtype") {
  LoraTest test;
  const at::Tensor difference = at::full({kIn}, 0.3);
  const Lora lora = test.open({{"norm_out.diff", difference}}, 0.7);
  const at::Tensor merged = lora.apply("norm_out.weight", at::ones({kIn}, at::kBFloat16));
  CHECK(merged.equal(at::ones({kIn}, at::kBFloat16) + difference.to(at::kBFloat16) * 0.7));
}

TEST_CASE("keys that are not applied are listed in one warning") {
  LoraTest test;
  const std::string text = test.warnings({{"norm_out.diff", at::ones({kIn})},
                                          {"norm_out.diff_b", at::ones({kIn})},  // no such bias
                                          {"blocks.0.self_attn.q.lora_down.weight", down()},
                                          {"blocks.9.self_attn.q.diff", at::ones({2})},
                                          {"lora_te_layers_0.lora_up.weight", at::ones({2, 2})}});
  CHECK(test::mentions(text, "4 left out"));
  CHECK(test::mentions(text, "norm_out.diff_b [4]"));
  CHECK(test::mentions(text, "blocks.0.self_attn.q.lora_down.weight [2, 4]"));
  CHECK(test::mentions(text, "blocks.9.self_attn.q.diff [2]"));
  CHECK(test::mentions(text, "lora_te_layers_0.lora_up.weight [2, 2]"));
}

TEST_CASE("the reference's rules know two styles and only warn of the others") {
  LoraTest test;
  const std::string module = "diffusion_model.blocks.0.self_attn.q";
  const Tensors tensors = {{module + ".lora_A.weight", down()}, {module + ".lora_B.weight", up()}};
  const std::string text = test.warnings(tensors, LoraRules::kReference);
  CHECK(test::mentions(text, "2 left out"));
  CHECK(test.open(tensors, 1, LoraRules::kReference).size() == 0);
}

TEST_CASE("a LoRA of which nothing fits is refused") {
  LoraTest test;
  const std::string none = test.refusal({{"unet.q.lora_down.weight", down()}});
  CHECK(test::mentions(none, "nothing in this LoRA fits the model"));
  CHECK(test::mentions(none, "unet.q.lora_down.weight [2, 4]"));
  CHECK(test::mentions(none, "toy.safetensors"));
}

TEST_CASE("tensors of another shape are left out, with what was expected") {
  LoraTest test;
  const std::string text =
      test.warnings({{"blocks.0.self_attn.q.lora_down.weight", down()},
                     {"blocks.0.self_attn.q.lora_up.weight", at::ones({kOut, kRank + 1})},
                     {"norm_out.diff", at::ones({kIn + 1})},
                     {"blocks.0.diff_m", at::ones({1, 6, 2})}});
  CHECK(test::mentions(text, "2 left out"));
  CHECK(test::mentions(text, "blocks.0.self_attn.q.lora_up.weight [3, 3], for a weight [3, 4]"));
  CHECK(test::mentions(text, "norm_out.diff [5], expected [4]"));
}

TEST_CASE("an alpha is one number") {
  LoraTest test;
  CHECK(test::mentions(test.refusal({{"blocks.0.self_attn.q.lora_down.weight", down()},
                                     {"blocks.0.self_attn.q.lora_up.weight", up()},
                                     {"blocks.0.self_attn.q.alpha", at::ones({2})}}),
                       "alpha [2], expected one number"));
}

TEST_CASE("a LoRA that is missing is named") {
  LoraTest test;
  REQUIRE_THROWS_AS(Lora({test.file(), 1}, toy(), LoraRules::kAll), Error);
}

TEST_CASE("several LoRAs are added in their order") {
  LoraTest first;
  LoraTest second;
  first.open({{"norm_out.diff", at::ones({kIn})}});
  second.open({{"norm_out.diff", at::ones({kIn})}});
  const auto adjust =
      lora_adjustment({{first.file(), 2}, {second.file(), 0.5}}, toy(), LoraRules::kAll);
  CHECK(adjust("norm_out.weight", at::zeros({kIn})).equal(at::full({kIn}, 2.5)));
  CHECK_FALSE(lora_adjustment({}, toy(), LoraRules::kAll));
}

}  // namespace multitalk
