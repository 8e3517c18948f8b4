// functions/images/buckets.json: the video's size for a picture's, and how the picture gets there.
#include "pipeline/cover_fit.h"
#include "pipeline/task.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

using nlohmann::json;
using test::golden_json;

TEST_CASE("buckets: the tables of multitalk-14B are the official ones") {
  const json tables = golden_json("functions/images/bucket_tables.json");
  const Task task = load_task("multitalk-14B");
  REQUIRE_FALSE(tables.empty());
  for (const auto& [size, rows] : tables.items()) {
    INFO(size);
    const std::vector<Bucket>& buckets = task.sizes.at(size).buckets;
    REQUIRE(buckets.size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      INFO("row " << i << ": " << rows[i].dump());
      CHECK(buckets[i].ratio == rows[i]["key"].get<double>());
      CHECK(buckets[i].height == rows[i]["h"].get<int>());
      CHECK(buckets[i].width == rows[i]["w"].get<int>());
    }
  }
}

TEST_CASE("buckets: bucket, resize and crop of each picture size") {
  const json table = golden_json("functions/images/buckets.json");
  const Task task = load_task("multitalk-14B");
  REQUIRE_FALSE(table["rows"].empty());
  for (const json& row : table["rows"]) {
    INFO("row " << row.dump());
    std::map<std::string, int> value;
    for (std::size_t i = 0; i < row.size(); ++i) value[table["columns"][i]] = row[i];
    for (const auto& [name, size] : task.sizes) {
      const std::string prefix = name.substr(name.find('-') + 1) + "_";
      INFO(name);
      const Bucket bucket = nearest_bucket(size, value.at("src_h"), value.at("src_w"));
      CHECK(bucket.height == value.at(prefix + "h"));
      CHECK(bucket.width == value.at(prefix + "w"));
      const CoverFit fit =
          fit_cover(value.at("src_h"), value.at("src_w"), bucket.height, bucket.width);
      CHECK(fit.resized_height == value.at(prefix + "resized_h"));
      CHECK(fit.resized_width == value.at(prefix + "resized_w"));
      if (value.at(prefix + "crop_top") < 0) continue;  // not recorded
      CHECK(fit.top == value.at(prefix + "crop_top"));
      CHECK(fit.left == value.at(prefix + "crop_left"));
    }
  }
}

}  // namespace
}  // namespace multitalk
