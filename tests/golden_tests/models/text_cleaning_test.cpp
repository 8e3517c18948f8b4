#include "models/text_cleaning.h"

#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

TEST_CASE("prompts are cleaned as the official code does") {
  const nlohmann::json rows = test::golden_json("functions/text/clean.json").at("rows");
  REQUIRE_FALSE(rows.empty());
  for (const nlohmann::json& row : rows) {
    INFO(row.dump());
    CHECK(clean_prompt(row.at("in").get<std::string>()) == row.at("out").get<std::string>());
  }
}

}  // namespace
}  // namespace multitalk
