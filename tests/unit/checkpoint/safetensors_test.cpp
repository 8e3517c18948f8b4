#include "checkpoint/safetensors.h"

#include <random>

#include "archive_builder.h"
#include "base/error.h"
#include "support/catch.h"

namespace multitalk {
namespace {

using test::le;
using test::slurp;
using test::TemporaryFolder;

std::string file_of(const std::string& header, const std::string& data) {
  return test::join({le(header.size(), 8), header, data});
}

std::string message_of(const std::filesystem::path& path) {
  try {
    open_safetensors(path);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kWeights);
    return error.what();
  }
  return "";
}

bool mentions(const std::string& message, const std::string& part) {
  INFO(message);
  CHECK(message.find(part) != std::string::npos);
  return message.find(part) != std::string::npos;
}

/// Reads all there is; only Error may come out of it.
void read_everything(const std::filesystem::path& path) {
  try {
    for (const auto& [name, tensor] : read_safetensors(path)) CHECK(tensor.numel() >= 0);
  } catch (const Error&) {
  }
}

std::map<std::string, at::Tensor> one_of_each_dtype() {
  std::map<std::string, at::Tensor> tensors;
  const at::Tensor base = at::arange(12, at::kFloat).reshape({3, 4}).sub(2);
  for (const at::ScalarType dtype :
       {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kFloat8_e4m3fn, at::kFloat8_e5m2,
        at::kLong, at::kInt, at::kShort, at::kChar, at::kByte, at::kBool}) {
    tensors[std::string("t.") + c10::toString(dtype)] =
        (dtype == at::kByte ? base.abs() : base).to(dtype);
  }
  tensors["scalar"] = at::scalar_tensor(2.5);
  tensors["empty"] = at::empty({0, 3});
  tensors["transposed"] = base.t();
  tensors["three bytes"] = at::ones({3}, at::kBool);
  return tensors;
}

TEST_CASE("safetensors round trip of every dtype") {
  const TemporaryFolder folder;
  const auto tensors = one_of_each_dtype();
  write_safetensors(folder / "x.safetensors", tensors, {{"format", "pt"}});
  const auto read = read_safetensors(folder / "x.safetensors");
  REQUIRE(read.size() == tensors.size());
  for (const auto& [name, tensor] : tensors) {
    INFO(name);
    const at::Tensor& got = read.at(name);
    CHECK(got.scalar_type() == tensor.scalar_type());
    REQUIRE(got.sizes() == tensor.sizes());
    CHECK(got.to(at::kDouble).equal(tensor.to(at::kDouble)));
  }
  const auto source = open_safetensors(folder / "x.safetensors");
  CHECK(source->info("t.BFloat16").shape == std::vector<int64_t>{3, 4});
  CHECK(source->info("t.BFloat16").dtype == at::kBFloat16);
  CHECK_FALSE(source->contains("__metadata__"));
  CHECK_THROWS_AS(source->tensor("absent"), Error);
}

TEST_CASE("written data starts at a multiple of 64") {
  const TemporaryFolder folder;
  write_safetensors(folder / "x", {{"a", at::ones({1})}}, {{"note", "something"}});
  const std::string bytes = slurp(folder / "x");
  CHECK((8 + static_cast<unsigned char>(bytes[0])) % 64 == 0);
  CHECK(bytes.find("\"note\":\"something\"") != std::string::npos);
  CHECK(read_safetensors(folder / "x").at("a").item<float>() == 1);
}

TEST_CASE("unaligned safetensors data is read") {
  const TemporaryFolder folder;
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  const auto path = folder.write("x", file_of(header, test::join({"\x07", le(0x3F800000, 4)})));
  CHECK(read_safetensors(path).at("b").item<float>() == 1);
}

TEST_CASE("malformed safetensors headers are refused") {
  const TemporaryFolder folder;
  const std::string data(8, '\0');
  const auto refused = [&](const std::string& header, const std::string& reason) {
    return mentions(message_of(folder.write("x", file_of(header, data))), reason);
  };
  CHECK(refused("", "not valid JSON"));
  CHECK(refused("{", "not valid JSON"));
  CHECK(refused("[]", "not an object"));
  CHECK(refused(R"({"a":3})", "no dtype"));
  CHECK(refused(R"({"a":{"dtype":"F7","shape":[2],"data_offsets":[0,8]}})", "F7"));
  CHECK(refused(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", "shape"));
  CHECK(refused(R"({"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})", "shape"));
  CHECK(refused(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "does not fit"));
  CHECK(refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", "data_offsets"));
  CHECK(refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", "data_offsets"));
  CHECK(refused(R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", "truncated"));
  CHECK(refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "4 bytes follow"));
  CHECK(refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "begins at byte 4"));
  CHECK(refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                "begins at byte 4"));
  CHECK(refused(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904],)"
                R"("data_offsets":[0,0]}})",
                "does not fit"));
}

TEST_CASE("a missing, empty or enormous safetensors header is refused") {
  const TemporaryFolder folder;
  CHECK(mentions(message_of(folder / "absent"), "absent"));
  CHECK(mentions(message_of(folder.write("x", "")), "truncated"));
  CHECK(mentions(message_of(folder.write("x", le(~std::uint64_t{0}, 8))), "not a safetensors"));
  CHECK(mentions(message_of(folder.write("x", le(1000, 8) + "{}")), "truncated"));
}

TEST_CASE("a safetensors file cut anywhere is refused") {
  const TemporaryFolder folder;
  write_safetensors(folder / "whole", {{"a", at::ones({3})}, {"b", at::ones({2}, at::kBool)}});
  const std::string bytes = slurp(folder / "whole");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(message_of(folder.write("cut", bytes.substr(0, size))).empty());
  }
}

TEST_CASE("mutated safetensors files only ever give an error") {
  const TemporaryFolder folder;
  write_safetensors(folder / "whole", one_of_each_dtype());
  const std::string bytes = slurp(folder / "whole");
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string mutated = bytes;
    for (int i = 0; i < 1 + round % 4; ++i) {
      mutated[random() % 1600 % mutated.size()] = static_cast<char>(random());
    }
    read_everything(folder.write("mutated", mutated));
  }
}

TEST_CASE("an index opens its shards") {
  const TemporaryFolder folder;
  write_safetensors(folder / "1.safetensors", {{"a", at::ones({1})}, {"c", at::ones({1})}});
  write_safetensors(folder / "2.safetensors", {{"b", at::ones({2})}, {"c", at::zeros({1})}});
  const auto index_of = [&](const std::string& map) {
    return folder.write("index.json", test::join({"{\"weight_map\":", map, "}"}));
  };
  const auto message = [&](const std::string& map) -> std::string {
    try {
      open_safetensors_index(index_of(map));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const auto source = open_safetensors_index(
      index_of(R"({"a":"1.safetensors","b":"2.safetensors","c":"1.safetensors"})"));
  CHECK(source->names() == std::vector<std::string>{"a", "b", "c"});
  CHECK(source->tensor("c").item<float>() == 1);
  CHECK(source->origin("b") == (folder / "2.safetensors"));
  CHECK(mentions(message(R"({"a":"1.safetensors","b":"3.safetensors"})"), "3.safetensors"));
  CHECK(mentions(message(R"({"b":"1.safetensors"})"), "tensor b in 1.safetensors"));
  CHECK(mentions(message(R"({"b":"../1.safetensors"})"), "no file name"));
  CHECK(mentions(message(R"({"b":7})"), "no file name"));
  CHECK(mentions(message("[]"), "weight_map"));
  CHECK(mentions(message("{"), "not valid JSON"));
}

TEST_CASE("of merged sources the later one wins") {
  const TemporaryFolder folder;
  write_safetensors(folder / "1", {{"a", at::ones({1})}, {"b", at::ones({1})}});
  write_safetensors(folder / "2", {{"b", at::zeros({2})}});
  std::vector<std::unique_ptr<TensorSource>> sources;
  sources.push_back(open_safetensors(folder / "1"));
  sources.push_back(open_safetensors(folder / "2"));
  const auto merged = merge_sources(std::move(sources));
  CHECK(merged->names() == std::vector<std::string>{"a", "b"});
  CHECK(merged->info("b").shape == std::vector<int64_t>{2});
  CHECK_THROWS_AS(merged->info("z"), Error);
}

TEST_CASE("a write that fails leaves no file") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(write_safetensors(folder / "absent/x", {{"a", at::ones({1})}}), Error);
}

}  // namespace
}  // namespace multitalk
