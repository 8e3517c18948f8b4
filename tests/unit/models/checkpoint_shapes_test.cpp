#include "models/checkpoint_shapes.h"

#include "base/error.h"
#include "support/catch.h"
#include "support/weights.h"

namespace multitalk {
namespace {

TEST_CASE("checkpoint shapes: sizes are read, and another number of dimensions is refused") {
  test::ManifestSource source("umt5-xxl-encoder");
  CHECK(shape_of(source, "norm.weight", 1) == std::vector<int64_t>{4096});
  CHECK_THROWS_AS(shape_of(source, "norm.weight", 2), Error);
  CHECK_THROWS_AS(shape_of(source, "absent.weight", 1), Error);
}

TEST_CASE("checkpoint shapes: blocks are counted up to the first gap") {
  test::ManifestSource source("umt5-xxl-encoder");
  CHECK(count_blocks(source, "blocks.", ".norm1.weight") == 24);
  CHECK(count_blocks(source, "layers.", ".norm1.weight") == 0);
  source.remove("blocks.3.norm1.weight");
  CHECK(count_blocks(source, "blocks.", ".norm1.weight") == 3);
}

}  // namespace
}  // namespace multitalk
