#include "pipeline/json_fields.h"

#include "support/catch.h"
#include "support/error_text.h"
#include "support/stderr_capture.h"

namespace multitalk {
namespace {

using test::error_text;
using test::mentions;

TEST_CASE("JSON fields: of a key given twice the last value counts; order is kept") {
  const Json object = parse_json_object(R"({"b": 1, "a": 2, "b": 3})");
  CHECK(object["b"] == 3);
  CHECK(object.items().begin().key() == "b");
}

TEST_CASE("JSON fields: errors of syntax say where") {
  CHECK(mentions(error_text([] { parse_json_object(""); }), "line 1, column 1"));
  CHECK(mentions(error_text([] { parse_json_object("{\"a\": 1,}"); }), "line 1, column 9"));
  CHECK(mentions(error_text([] { parse_json_object("3"); }), "one JSON object"));
}

TEST_CASE("JSON fields: what is missing is named with its place") {
  const Json object = {{"hight", 3}};
  const std::string text = error_text([&] { require_field(object, "height", {"height"}, "box"); });
  CHECK(mentions(text, "box.height is missing"));
  CHECK(mentions(text, "did you mean height?"));
}

TEST_CASE("JSON fields: wrong types say what was expected and what came") {
  CHECK(as_text("words", "a") == "words");
  CHECK(as_number(2.5, "a") == 2.5);
  CHECK(mentions(error_text([] { as_text(3, "a"); }), "a must be text in quotes"));
  CHECK(mentions(error_text([] { as_number(nullptr, "a"); }), "got null"));
  CHECK(mentions(error_text([] { as_number(true, "a"); }), "boolean"));
}

TEST_CASE("JSON fields: unknown keys are warned of") {
  const Json object = {{"known", 1}, {"knwon", 2}};
  const std::string warnings =
      test::capture_stderr([&] { warn_unknown_keys(object, {"known"}, "file.json"); });
  CHECK(mentions(warnings, "file.json: unknown key \"knwon\""));
  CHECK(mentions(warnings, "did you mean \"known\"?"));
}

}  // namespace
}  // namespace multitalk
