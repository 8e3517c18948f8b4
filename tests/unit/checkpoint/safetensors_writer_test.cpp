#include "checkpoint/safetensors_writer.h"

#include "archive_builder.h"
#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "support/catch.h"

namespace multitalk {
namespace {

using test::slurp;
using test::TemporaryFolder;

TensorSpec spec_of(const std::string& name, const at::Tensor& tensor) {
  return {name, {tensor.scalar_type(), tensor.sizes().vec()}};
}

TEST_CASE("tensors written row by row are read back whole") {
  const TemporaryFolder folder;
  const at::Tensor weight = at::arange(35, at::kFloat).reshape({7, 5});
  const at::Tensor bias = at::ones({3}, at::kBFloat16);
  const at::Tensor empty = at::empty({0, 4});
  const at::Tensor scalar = at::scalar_tensor(2.5);
  const std::vector<TensorSpec> specs = {spec_of("empty first", empty), spec_of("weight", weight),
                                         spec_of("empty", empty), spec_of("scalar", scalar),
                                         spec_of("bias", bias)};
  SafetensorsWriter writer(folder / "x", specs);
  for (int64_t row = 0; row < 7; row += 2) {
    writer.append(weight.narrow(0, row, std::min<int64_t>(2, 7 - row)));
  }
  writer.append(scalar);
  writer.append(bias);
  CHECK_FALSE(std::filesystem::exists(folder / "x"));
  const FileDigest digest = writer.finish();
  CHECK(digest.bytes == safetensors_file_bytes(specs));
  CHECK(digest.bytes == std::filesystem::file_size(folder / "x"));
  CHECK(digest.sha256 == sha256(slurp(folder / "x")));
  const auto read = read_safetensors(folder / "x");
  CHECK(read.size() == specs.size());
  CHECK(read.at("weight").equal(weight));
  CHECK(read.at("bias").equal(bias));
  CHECK(read.at("scalar").equal(scalar));
  CHECK(read.at("empty").sizes() == empty.sizes());
}

TEST_CASE("pieces that are not contiguous are written row-major") {
  const TemporaryFolder folder;
  const at::Tensor tensor = at::arange(6, at::kFloat).reshape({2, 3}).t();
  SafetensorsWriter writer(folder / "x", {spec_of("t", tensor)});
  writer.append(tensor);
  writer.finish();
  CHECK(read_safetensors(folder / "x").at("t").equal(tensor));
}

TEST_CASE("data that the header does not announce is a bug of ours") {
  const TemporaryFolder folder;
  SafetensorsWriter writer(folder / "x", {{"t", {at::kFloat, {2, 2}}}});
  CHECK_THROWS_AS(writer.append(at::ones({2, 2}, at::kDouble)), Error);
  CHECK_THROWS_AS(writer.append(at::ones({3, 2})), Error);
  CHECK_THROWS_AS(writer.finish(), Error);
  writer.append(at::ones({2, 2}));
  CHECK_THROWS_AS(writer.append(at::ones({1})), Error);
}

TEST_CASE("a writer that is not finished leaves no file") {
  const TemporaryFolder folder;
  { SafetensorsWriter writer(folder / "x", {{"t", {at::kFloat, {1000}}}}); }
  CHECK(std::filesystem::is_empty(folder / ""));
}

}  // namespace
}  // namespace multitalk
