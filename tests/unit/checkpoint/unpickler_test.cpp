#include "checkpoint/unpickler.h"

#include "archive_builder.h"
#include "base/error.h"
#include "support/catch.h"

namespace multitalk {
namespace {

std::unique_ptr<pickle::Document> parse(const std::string& bytes) {
  return pickle::parse(std::as_bytes(std::span<const char>(bytes.data(), bytes.size())));
}

template <typename T>
T value_of(const std::string& opcodes) {
  const auto document = parse(test::pickle_of(opcodes));
  REQUIRE(std::holds_alternative<T>(document->root->data));
  return std::get<T>(document->root->data);
}

std::string message_of(const std::string& bytes) {
  try {
    parse(bytes);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kWeights);
    return error.what();
  }
  return "";
}

TEST_CASE("literals") {
  CHECK(value_of<int64_t>("K\xff") == 255);
  CHECK(value_of<int64_t>(std::string("M\x00\x01", 3)) == 256);
  CHECK(value_of<int64_t>(test::integer(-7)) == -7);
  CHECK(value_of<int64_t>(std::string("\x8a\x00", 2)) == 0);
  CHECK(value_of<int64_t>("\x8a\x01\xff") == -1);
  CHECK(value_of<int64_t>(std::string("\x8a\x05\x00\x00\x00\x00\x01", 7)) == int64_t{1} << 32);
  CHECK(value_of<int64_t>(test::join({"\x8b", test::le(8, 4), test::le(1, 8)})) == 1);
  CHECK(value_of<double>(std::string("G\x3f\xf8\x00\x00\x00\x00\x00\x00", 9)) == 1.5);
  CHECK(value_of<bool>("\x88"));
  CHECK_FALSE(value_of<bool>("\x89"));
  value_of<pickle::None>("N");
  CHECK(value_of<std::string>(test::text("name")) == "name");
  CHECK(value_of<std::string>("\x8c\x02hi") == "hi");
  CHECK(value_of<std::string>(test::join({"\x8d", test::le(2, 8), "hi"})) == "hi");
  CHECK(value_of<std::string>("U\x02hi") == "hi");
}

TEST_CASE("containers and the memo") {
  CHECK(value_of<pickle::Sequence>("K\x01K\x02\x86").items.size() == 2);
  CHECK(value_of<pickle::Sequence>("(K\x01K\x02K\x03t").items.size() == 3);
  CHECK(value_of<pickle::Sequence>("](K\x01K\x02"
                                   "eK\x03"
                                   "a")
            .items.size() == 3);
  CHECK(value_of<pickle::Dict>(
            test::join({"}(", test::text("a"), "K\x01u", test::text("b"), "K\x02s"}))
            .items.size() == 2);
  CHECK(value_of<int64_t>(std::string("K\x07q\x00"
                                      "0h\x00",
                                      7)) == 7);
  CHECK(value_of<int64_t>(std::string("K\x07\x94"
                                      "0h\x00",
                                      6)) == 7);
  CHECK(value_of<pickle::Dict>(test::join({test::global("collections", "OrderedDict"), ")R}",
                                           test::text("_metadata"), "}sb"}))
            .items.empty());
}

TEST_CASE("a tensor call") {
  const auto tensor =
      value_of<pickle::Tensor>(test::tensor("BFloat16Storage", "3", 8, 1, {2, 3}, {3, 1}));
  CHECK(tensor.storage.key == "3");
  CHECK(tensor.storage.dtype == at::kBFloat16);
  CHECK(tensor.storage.numel == 8);
  CHECK(tensor.offset == 1);
  CHECK(tensor.shape == std::vector<int64_t>{2, 3});
  CHECK(tensor.stride == std::vector<int64_t>{3, 1});
}

TEST_CASE("nothing that a pickle asks for is run") {
  const std::string call = test::join({test::text("id"), "\x85R"});
  CHECK(message_of(test::pickle_of(test::join({test::global("posix", "system"), call})))
            .find("asks to run posix.system") != std::string::npos);
  CHECK(message_of(
            test::pickle_of(test::join({test::text("builtins"), test::text("eval"), "\x93", call})))
            .find("asks to run builtins.eval") != std::string::npos);
  CHECK_FALSE(message_of(test::pickle_of(test::global("torch", "load"))).empty());
}

TEST_CASE("damaged pickles are refused") {
  for (const std::string damaged :
       {"", "\x80\x02", "\x80\x05N.", "\x80\x02.", "\x80\x02t.", "\x80\x02(.", "\x80\x02h\x05.",
        "\x80\x02NR.",
        "\x80\x02K\x01K\x02"
        "a.",
        "\x80\x02}(K\x01u.", "\x80\x02NQ.", "\x80\x02Nb.", "\x80\x02\x8a\xff.", "\x80\x02i.",
        "\x80\x02X\xff\xff\xff\xff."}) {
    CAPTURE(damaged);
    CHECK_FALSE(message_of(damaged).empty());
  }
}

TEST_CASE("a pickle of any depth is taken down without recursion") {
  std::string bytes = "\x80\x02)";
  bytes.append(1'000'000, '\x85');
  CHECK(std::holds_alternative<pickle::Sequence>(parse(bytes + ".")->root->data));
}

}  // namespace
}  // namespace multitalk
