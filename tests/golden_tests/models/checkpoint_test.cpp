// Every checkpoint file of the golden data opens, and the two formats of one model agree.
#include <filesystem>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_pickle.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

/// Reads every tensor; the number of them.
std::size_t read_all(const TensorSource& source) {
  for (const std::string& name : source.names()) {
    INFO(name);
    const TensorInfo info = source.info(name);
    const at::Tensor tensor = source.tensor(name);
    CHECK(tensor.is_contiguous());
    CHECK(tensor.scalar_type() == info.dtype);
    REQUIRE(tensor.sizes() == at::IntArrayRef(info.shape));
    if (at::isFloatingType(info.dtype)) CHECK(tensor.to(at::kFloat).isfinite().all().item<bool>());
  }
  return source.names().size();
}

TEST_CASE("the golden torch.save and safetensors files of one model are equal") {
  const auto folder = test::golden_dir() / "models" / "chinese-wav2vec2-base";
  const auto from_zip = open_torch_pickle(folder / "pytorch_model.bin");
  const auto from_safetensors = open_safetensors(folder / "model.safetensors");
  REQUIRE_FALSE(from_zip->names().empty());
  REQUIRE(from_zip->names() == from_safetensors->names());
  for (const std::string& name : from_zip->names()) {
    INFO(name);
    CHECK(from_zip->tensor(name).equal(from_safetensors->tensor(name)));
  }
}

TEST_CASE("every golden .pth file opens") {
  for (const auto& file : test::golden_files("models/checkpoint", "", ".pth")) {
    INFO(file);
    CHECK(read_all(*open_torch_pickle(file)) > 0);
  }
}

TEST_CASE("every golden safetensors file opens") {
  for (const char* folder : {"models/checkpoint", "models/lora", "models/quant/quant_models"}) {
    if (!std::filesystem::exists(test::golden_dir() / folder)) continue;
    for (const auto& file : test::golden_files(folder, "", ".safetensors")) {
      INFO(file);
      CHECK(read_all(*open_safetensors(file)) > 0);
    }
  }
}

TEST_CASE("the golden indexes open with all their shards") {
  for (const auto& file : test::golden_files("models/checkpoint", "", ".index.json")) {
    INFO(file);
    const auto source = open_safetensors_index(file);
    const nlohmann::json index =
        test::golden_json(std::filesystem::relative(file, test::golden_dir()).string());
    REQUIRE_FALSE(index["weight_map"].empty());
    for (const auto& [name, shard] : index["weight_map"].items()) {
      INFO(name);
      CHECK(std::filesystem::path(source->origin(name)).filename() == shard.get<std::string>());
    }
    CHECK(read_all(*source) >= index["weight_map"].size());
  }
}

}  // namespace
}  // namespace multitalk
