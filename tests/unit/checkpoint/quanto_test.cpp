#include "checkpoint/quanto.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "archive_builder.h"
#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/state_dict.h"
#include "support/catch.h"
#include "support/error_text.h"

namespace multitalk {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

/// A quantised layer "q" of the given dtype, and a plain one.
Tensors toy(at::ScalarType dtype) {
  return {{"q.weight._data", at::tensor({3.0, -2.0, 1.0, 0.0}).reshape({2, 2}).to(dtype)},
          {"q.weight._scale", at::tensor({0.5f, 2.0f}).reshape({2, 1})},
          {"q.input_scale", at::scalar_tensor(1.0)},
          {"q.output_scale", at::scalar_tensor(1.0)},
          {"q.bias", at::ones({2})},
          {"norm.weight", at::ones({2})}};
}

nlohmann::json toy_map(const std::string& weights) {
  return {{"q", {{"weights", weights}, {"activations", "none"}}}};
}

class QuantoTest {
 public:
  std::unique_ptr<TensorSource> open(const Tensors& tensors, const nlohmann::json& map) {
    write_safetensors(folder_ / "model.safetensors", tensors);
    std::ofstream(folder_ / "map.json") << map;
    return open_quanto(folder_ / "model.safetensors", folder_ / "map.json");
  }

  std::string refusal(const Tensors& tensors, const nlohmann::json& map) {
    try {
      open(tensors, map);
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::kWeights);
      return error.what();
    }
    return "";
  }

  std::filesystem::path file(const std::string& name) const { return folder_ / name; }

 private:
  test::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("a quantised tensor is presented under its plain name") {
  QuantoTest test;
  const auto source = test.open(toy(at::kChar), toy_map("qint8"));
  CHECK(source->names() ==
        std::vector<std::string>{"norm.weight", "q.bias", "q.weight", "q.weight._scale"});
  CHECK(source->info("q.weight").dtype == at::kChar);
  CHECK(source->info("q.weight").shape == std::vector<int64_t>{2, 2});
  CHECK_FALSE(source->contains("q.weight._data"));
  CHECK_FALSE(source->contains("q.input_scale"));
  REQUIRE_THROWS_AS(source->tensor("nothing"), Error);
}

TEST_CASE("quantised tensors stay quantised when they are loaded") {
  const auto [map, dtype] = GENERATE(table<std::string, at::ScalarType>(
      {{"qint8", at::kChar}, {"qfloat8", at::kFloat8_e4m3fn}, {"qfloat8_e5m2", at::kFloat8_e5m2}}));
  QuantoTest test;
  const auto source = test.open(toy(dtype), toy_map(map));
  at::Tensor weight;
  at::Tensor scale;
  at::Tensor bias;
  at::Tensor norm;
  const std::vector<Parameter> parameters = {
      {"q.weight", {2, 2}, &weight, &scale}, {"q.bias", {2}, &bias}, {"norm.weight", {2}, &norm}};
  LoadOptions options;
  options.dtype = at::kBFloat16;
  std::vector<std::string> adjusted;
  options.adjust = [&](const std::string& name, at::Tensor tensor) {
    adjusted.push_back(name);
    return tensor;
  };
  load_state_dict("toy", parameters, *source, options);
  CHECK(weight.scalar_type() == dtype);
  CHECK(scale.scalar_type() == at::kFloat);
  CHECK(bias.scalar_type() == at::kBFloat16);
  CHECK(adjusted == std::vector<std::string>{"q.bias", "norm.weight"});
  // Four bytes and two scales, four plain numbers, and the weight dequantised.
  CHECK(state_dict_bytes(parameters, *source, options) == 4 + 2 * 4 + 4 * 2 + 4 * 2);
}

TEST_CASE("a file and a map that do not fit each other are refused") {
  QuantoTest test;
  SECTION("missing tensors") {
    Tensors tensors = toy(at::kChar);
    tensors.erase("q.weight._data");
    tensors.erase("q.weight._scale");
    const std::string text = test.refusal(tensors, toy_map("qint8"));
    CHECK(test::mentions(text, "2 missing"));
    CHECK(test::mentions(text, "q.weight._data"));
    CHECK(test::mentions(text, "q.weight._scale"));
  }
  SECTION("a module that the map lacks") {
    CHECK(test::mentions(test.refusal(toy(at::kChar), nlohmann::json::object()),
                         "1 not in the map:\n    q.weight._data"));
  }
  SECTION("another type") {
    CHECK(test::mentions(test.refusal(toy(at::kChar), toy_map("qfloat8_e4m3fn")),
                         "q.weight._data is Char, the map says Float8_e4m3fn"));
  }
  SECTION("a type that is not known") {
    CHECK(test::mentions(test.refusal(toy(at::kChar), toy_map("qint4")), "qint4"));
  }
  SECTION("quantised activations") {
    nlohmann::json map = toy_map("qint8");
    map["q"]["activations"] = "qint8";
    CHECK(test::mentions(test.refusal(toy(at::kChar), map), "activations are qint8"));
  }
  SECTION("a map of another form") {
    CHECK(
        test::mentions(test.refusal(toy(at::kChar), nlohmann::json::array()), "not a JSON object"));
    CHECK(test::mentions(test.refusal(toy(at::kChar), {{"q", 1}}), "missing"));
  }
}

TEST_CASE("a missing map is named") {
  QuantoTest test;
  test.open(toy(at::kChar), toy_map("qint8"));
  try {
    open_quanto(test.file("model.safetensors"), test.file("none.json"));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(test::mentions(error.what(), "none.json: no such file"));
  }
}

TEST_CASE("a module that takes no quantised tensor refuses one") {
  QuantoTest test;
  const auto source = test.open(toy(at::kChar), toy_map("qint8"));
  at::Tensor slot;
  const std::vector<Parameter> parameters = {
      {"q.weight", {2, 2}, &slot}, {"q.bias", {2}, &slot}, {"norm.weight", {2}, &slot}};
  try {
    check_state_dict("toy", parameters, *source, {});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(test::mentions(error.what(), "q.weight is Char"));
  }
}

}  // namespace multitalk
