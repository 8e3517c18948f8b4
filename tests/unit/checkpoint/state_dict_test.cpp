#include "checkpoint/state_dict.h"

#include "archive_builder.h"
#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "support/catch.h"

namespace multitalk {
namespace {

/// Tensors in memory.
class MemorySource : public TensorSource {
 public:
  explicit MemorySource(std::map<std::string, at::Tensor> tensors) : tensors_(std::move(tensors)) {}

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors_) names.push_back(name);
    return names;
  }
  bool contains(const std::string& name) const override { return tensors_.contains(name); }
  TensorInfo info(const std::string& name) const override {
    return {tensors_.at(name).scalar_type(), tensors_.at(name).sizes().vec()};
  }
  at::Tensor tensor(const std::string& name) const override { return tensors_.at(name); }
  std::string origin(const std::string&) const override { return "memory"; }

 private:
  std::map<std::string, at::Tensor> tensors_;
};

std::string message_of(const std::vector<Parameter>& parameters, const TensorSource& source,
                       const LoadOptions& options = {}) {
  try {
    check_state_dict("toy", parameters, source, options);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kWeights);
    return error.what();
  }
  return "";
}

TEST_CASE("every slot is filled in the dtype asked for") {
  at::Tensor weight;
  at::Tensor bias;
  const std::vector<Parameter> parameters = {{"w", {2, 3}, &weight}, {"b", {3}, &bias}};
  const at::Tensor stored = at::arange(6, at::kFloat).reshape({2, 3});
  const MemorySource source({{"w", stored}, {"b", at::ones({3}, at::kHalf)}});
  load_state_dict("toy", parameters, source, {});
  CHECK(weight.is_same(stored));
  CHECK(bias.scalar_type() == at::kFloat);
  CHECK(bias.equal(at::ones({3})));
  LoadOptions options;
  options.dtype = at::kBFloat16;
  load_state_dict("toy", parameters, source, options);
  CHECK(weight.equal(stored.to(at::kBFloat16)));
}

TEST_CASE("parameters that stay on the CPU take no room on the device, but the largest at use") {
  at::Tensor a;
  at::Tensor b;
  at::Tensor c;
  const std::vector<Parameter> parameters = {{"a", {4}, &a}, {"b", {6}, &b}, {"c", {2, 4}, &c}};
  const MemorySource source({{"a", at::ones({4})}, {"b", at::ones({6})}, {"c", at::ones({2, 4})}});
  LoadOptions options;
  CHECK(state_dict_bytes(parameters, source, options) == 4 * (4 + 6 + 8));
  options.stays_on_cpu = [](const std::string& name) { return name != "a"; };
  CHECK(state_dict_bytes(parameters, source, options) == 4 * (4 + 8));
  load_state_dict("toy", parameters, source, options);
  CHECK(c.equal(at::ones({2, 4})));
}

TEST_CASE("a parameter of the mapped file's dtype views the file") {
  const test::TemporaryFolder folder;
  write_safetensors(folder / "x", {{"w", at::ones({4})}});
  const auto source = open_safetensors(folder / "x");
  at::Tensor weight;
  load_state_dict("toy", {{"w", {4}, &weight}}, *source, {});
  CHECK(weight.const_data_ptr() == source->tensor("w").const_data_ptr());
}

TEST_CASE("one error lists all that does not fit") {
  const MemorySource source(
      {{"shape", at::ones({2})}, {"number", at::ones({2}, at::kLong)}, {"extra", at::ones({7})}});
  at::Tensor slot = at::ones({1});
  const std::string message =
      message_of({{"gone", {5}, &slot}, {"shape", {3}, &slot}, {"number", {2}, &slot}}, source);
  INFO(message);
  for (const std::string part :
       {"toy", "memory", "1 missing:\n    gone [5]", "shape is [2], expected [3]", "number is Long",
        "1 unexpected:\n    extra [7]"}) {
    INFO(part);
    CHECK(message.find(part) != std::string::npos);
  }
}

TEST_CASE("a long list is cut") {
  std::vector<Parameter> parameters;
  for (int i = 0; i < 30; ++i) parameters.push_back({fmt::format("p{}", i), {1}, nullptr});
  const std::string message = message_of(parameters, MemorySource({}));
  CHECK(message.find("30 missing") != std::string::npos);
  CHECK(message.find("and 10 more") != std::string::npos);
  CHECK(message.find("p20") == std::string::npos);
}

TEST_CASE("names can be mapped and keys left aside") {
  at::Tensor weight;
  const MemorySource source({{"model.w", at::ones({1})}, {"textual.x", at::ones({1})}});
  LoadOptions options;
  options.key_of = [](const std::string& name) { return fmt::format("model.{}", name); };
  CHECK_FALSE(message_of({{"w", {1}, &weight}}, source, options).empty());
  options.may_ignore = [](const std::string& key) { return key.starts_with("textual."); };
  load_state_dict("toy", {{"w", {1}, &weight}}, source, options);
  CHECK(weight.item<float>() == 1);
}

}  // namespace
}  // namespace multitalk
