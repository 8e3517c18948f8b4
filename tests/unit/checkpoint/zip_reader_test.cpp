#include "checkpoint/zip_reader.h"

#include "archive_builder.h"
#include "base/error.h"
#include "support/catch.h"

namespace multitalk {
namespace {

ByteSpan bytes_of(const std::string& text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

TEST_CASE("stored zip entries are found, with and without zip64") {
  const bool zip64 = GENERATE(false, true);
  const std::string file = test::make_zip({{"a/b", "hello"}, {"empty", ""}}, zip64);
  CHECK(is_zip(bytes_of(file)));
  const auto entries = read_zip_directory(bytes_of(file));
  REQUIRE(entries.size() == 2);
  CHECK(file.substr(entries.at("a/b").offset, entries.at("a/b").size) == "hello");
  CHECK(entries.at("empty").size == 0);
}

TEST_CASE("a zip comment is passed over") {
  std::string file = test::make_zip({{"a", "hello"}});
  file[file.size() - 2] = 3;
  CHECK(read_zip_directory(bytes_of(file + "abc")).contains("a"));
}

TEST_CASE("a zip file cut anywhere is refused") {
  const bool zip64 = GENERATE(false, true);
  const std::string file = test::make_zip({{"a", "hello"}}, zip64);
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(read_zip_directory(bytes_of(file).first(size)), Error);
  }
}

TEST_CASE("compressed and encrypted zip entries are refused") {
  const std::string file = test::make_zip({{"a", "hello"}});
  const std::size_t directory = file.find("PK\1\2");
  for (const std::size_t field : {8, 10}) {  // flags, method
    std::string changed = file;
    changed[directory + field] = 1;
    CHECK_THROWS_AS(read_zip_directory(bytes_of(changed)), Error);
  }
}

}  // namespace
}  // namespace multitalk
