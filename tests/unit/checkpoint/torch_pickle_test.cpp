#include "checkpoint/torch_pickle.h"

#include <random>

#include "archive_builder.h"
#include "base/error.h"
#include "support/catch.h"

namespace multitalk {
namespace {

using test::dict_pickle;
using test::TemporaryFolder;
using test::torch_file;

std::string floats(int count) {
  const at::Tensor values = at::arange(count, at::kFloat);
  return {static_cast<const char*>(values.const_data_ptr()), values.nbytes()};
}

std::string f32(const std::string& key, int numel, int offset, std::vector<std::int32_t> shape,
                std::vector<std::int32_t> stride) {
  return test::tensor("FloatStorage", key, numel, offset, shape, stride);
}

at::Tensor only_tensor(const TemporaryFolder& folder, const std::string& value,
                       const std::string& storage) {
  const auto path = folder.write("x.pth", torch_file(dict_pickle({{"w", value}}), storage));
  return open_torch_pickle(path)->tensor("w");
}

std::string message_of(const TemporaryFolder& folder, const std::string& bytes) {
  try {
    open_torch_pickle(folder.write("x.pth", bytes));
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kWeights);
    return error.what();
  }
  return "";
}

bool refused(const std::string& bytes, const std::string& reason) {
  const TemporaryFolder folder;
  const std::string message = message_of(folder, bytes);
  INFO(message);
  CHECK(message.find("x.pth") != std::string::npos);
  CHECK(message.find(reason) != std::string::npos);
  return !message.empty();
}

std::string one_tensor_file(const std::string& value) {
  return torch_file(dict_pickle({{"w", value}}), floats(12));
}

TEST_CASE("a torch.save file's tensors, with stride and offset") {
  const TemporaryFolder folder;
  const at::Tensor whole = at::arange(12, at::kFloat);
  CHECK(only_tensor(folder, f32("0", 12, 0, {3, 4}, {4, 1}), floats(12))
            .equal(whole.reshape({3, 4})));
  const at::Tensor turned = only_tensor(folder, f32("0", 12, 0, {4, 3}, {1, 4}), floats(12));
  CHECK(turned.is_contiguous());
  CHECK(turned.equal(whole.reshape({3, 4}).t()));
  CHECK(only_tensor(folder, f32("0", 12, 5, {2}, {3}), floats(12)).equal(at::tensor({5.F, 8.F})));
  CHECK(only_tensor(folder, f32("0", 12, 7, {}, {}), floats(12)).item<float>() == 7);
  CHECK(only_tensor(folder, f32("0", 12, 12, {0, 4}, {4, 1}), floats(12)).sizes() ==
        at::IntArrayRef({0, 4}));
  CHECK(only_tensor(folder, f32("0", 12, 2, {3}, {0}), floats(12)).equal(at::full({3}, 2.F)));
}

TEST_CASE("tensors of one storage share the mapped file where it is aligned") {
  const TemporaryFolder folder;
  const std::string pickle =
      dict_pickle({{"a", f32("0", 12, 0, {12}, {1})}, {"b", f32("0", 12, 4, {2, 4}, {4, 1})}});
  std::string file;
  for (std::size_t pad = 0; pad < 4; ++pad) {
    file = test::make_zip({{"archive/data.pkl", pickle},
                           {"archive/.data/" + std::string(pad, 'p'), ""},
                           {"archive/data/0", floats(12)}});
    if (file.find(floats(12)) % 4 == 0) break;
  }
  const auto source = open_torch_pickle(folder.write("x.pth", file));
  const at::Tensor whole = source->tensor("a");
  const at::Tensor part = source->tensor("b");
  CHECK(part.const_data_ptr<float>() == whole.const_data_ptr<float>() + 4);
  CHECK(part.equal(at::arange(4, 12, at::kFloat).reshape({2, 4})));
}

TEST_CASE("the state dict may be nested, ordered and of parameters") {
  const TemporaryFolder folder;
  const std::string parameter = test::join({test::global("torch._utils", "_rebuild_parameter"), "(",
                                            f32("0", 12, 0, {12}, {1}), "\x88NtR"});
  const std::string ordered =
      test::join({test::global("collections", "OrderedDict"), ")R", test::text("w"), parameter,
                  "s}", test::text("_metadata"), "}sb"});
  const auto path =
      folder.write("x.pth", torch_file(dict_pickle({{"epoch", "K\x03"}, {"state_dict", ordered}}),
                                       floats(12), "little", true));
  const auto source = open_torch_pickle(path);
  CHECK(source->names() == std::vector<std::string>{"w"});
  CHECK(source->info("w").shape == std::vector<int64_t>{12});
  CHECK(source->tensor("w").equal(at::arange(12, at::kFloat)));
  CHECK(source->origin("w") == path.string());
  CHECK_THROWS_AS(source->tensor("v"), Error);
}

TEST_CASE("tensors that reach beyond their storage are refused") {
  CHECK(refused(one_tensor_file(f32("0", 13, 0, {13}, {1})), "truncated"));
  CHECK(refused(one_tensor_file(f32("0", 12, 0, {13}, {1})), "beyond its storage"));
  CHECK(refused(one_tensor_file(f32("0", 12, 1, {12}, {1})), "beyond its storage"));
  CHECK(refused(one_tensor_file(f32("0", 12, 0, {2, 2}, {12, 1})), "beyond its storage"));
  CHECK(refused(one_tensor_file(f32("0", 12, 11, {2}, {-1})), "beyond its storage"));
  CHECK(refused(one_tensor_file(f32("0", 12, -1, {1}, {1})), "do not make sense"));
  CHECK(refused(one_tensor_file(f32("0", 12, 0, {-1}, {1})), "do not make sense"));
  CHECK(refused(one_tensor_file(f32("0", 12, 0, {1, 1}, {1})), "do not make sense"));
  CHECK(refused(one_tensor_file(f32("0", -1, 0, {1}, {1})), "elements"));
  CHECK(refused(one_tensor_file(f32("0", 12, 0, {1 << 30}, {0})), "over a storage of 12"));
  CHECK(refused(one_tensor_file(f32("1", 12, 0, {12}, {1})), "data/1 is missing"));
}

TEST_CASE("anything but a dict of tensors is refused by name") {
  CHECK(refused(one_tensor_file("K\x03"), "\"w\" is an integer"));
  CHECK(refused(
      one_tensor_file(test::join({test::global("posix", "system"), test::text("id"), "\x85R"})),
      "asks to run posix.system"));
  CHECK(refused(torch_file("\x80\x02K\x03.", floats(1)), "an integer, expected a dict"));
  CHECK(refused(torch_file("\x80\x02}K\x01K\x02s.", floats(1)), "a key is an integer"));
}

TEST_CASE("files that are no torch.save zip are refused") {
  CHECK(refused("", "not a torch.save file"));
  CHECK(refused("hello", "not a torch.save file"));
  CHECK(
      refused("\x80\x02\x8a\nl\xfc\x9c"
              "F\xf9 j\xa8P\x19.",
              "before PyTorch 1.6"));
  CHECK(refused(test::make_zip({{"a/b", "c"}}), "without a data.pkl"));
  CHECK(refused(torch_file(dict_pickle({}), "", "big"), "big-endian"));
}

TEST_CASE("a torch.save file cut anywhere is refused") {
  const TemporaryFolder folder;
  const std::string whole = one_tensor_file(f32("0", 12, 0, {12}, {1}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(message_of(folder, whole.substr(0, size)).empty());
  }
}

TEST_CASE("mutated torch.save files only ever give an error") {
  const TemporaryFolder folder;
  const std::string whole =
      torch_file(dict_pickle({{"a", f32("0", 12, 0, {3, 4}, {1, 3})},
                              {"b", test::tensor("BFloat16Storage", "0", 24, 2, {5}, {4})}}),
                 floats(12), "little", true);
  std::mt19937 random(1);
  for (int round = 0; round < 4000; ++round) {
    std::string mutated = whole;
    for (int i = 0; i < 1 + round % 3; ++i) {
      mutated[random() % mutated.size()] = static_cast<char>(random());
    }
    try {
      const auto source = open_torch_pickle(folder.write("x.pth", mutated));
      for (const std::string& name : source->names()) {
        CHECK(source->tensor(name).sum().numel() == 1);
      }
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace multitalk
