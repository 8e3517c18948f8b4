#include "base/text.h"

#include <algorithm>
#include <string>

#include "support/catch.h"

namespace multitalk {
namespace {

TEST_CASE("the version is three numbers", "[base]") {
  const std::string text(version());
  CHECK(std::count(text.begin(), text.end(), '.') == 2);
  CHECK(text.find_first_not_of("0123456789.") == std::string::npos);
}

TEST_CASE("the closest match is a near word or none", "[base]") {
  const std::vector<std::string> keys = {"prompt", "cond_image", "cond_audio", "bbox"};
  CHECK(closest_match("promt", keys) == "prompt");
  CHECK(closest_match("cond_images", keys) == "cond_image");
  CHECK(closest_match("cond-audio", keys) == "cond_audio");
  CHECK(closest_match("bbox", keys) == "bbox");
  CHECK(closest_match("temperature", keys).empty());
  CHECK(closest_match("", keys).empty());
  CHECK(closest_match("prompt", {}).empty());
}

TEST_CASE("lists read as sentences", "[base]") {
  CHECK(join_and({}).empty());
  CHECK(join_and({"a"}) == "a");
  CHECK(join_and({"a", "b"}) == "a and b");
  CHECK(join_and({"a", "b", "c"}) == "a, b and c");
}

TEST_CASE("shapes read as in the field", "[base]") {
  CHECK(format_shape({}) == "[]");
  CHECK(format_shape({7}) == "[7]");
  CHECK(format_shape({1, 3, 48, 80}) == "[1, 3, 48, 80]");
}

TEST_CASE("a list has its number, a row a line, and an end", "[base]") {
  CHECK(format_list("missing", {}).empty());
  CHECK(format_list("missing", {"a", "b"}) == "\n  2 missing:\n    a\n    b");
  const std::string many = format_list("missing", std::vector<std::string>(25, "a"));
  CHECK(many.ends_with("\n    and 5 more"));
}

}  // namespace
}  // namespace multitalk
