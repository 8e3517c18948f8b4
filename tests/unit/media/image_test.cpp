#include "media/image.h"

#include <limits>

#include "support/catch.h"

namespace multitalk {
namespace {

TEST_CASE("bytes: cut, not rounded; clipped") {
  CHECK(int{to_byte(-1.0f)} == 0);
  CHECK(int{to_byte(1.0f)} == 255);
  CHECK(int{to_byte(0.0f)} == 127);
  CHECK(int{to_byte(-7.0f)} == 0);
  CHECK(int{to_byte(7.0f)} == 255);
  CHECK(int{to_byte(std::numeric_limits<float>::quiet_NaN())} == 0);
  CHECK(from_byte(0) == -1.0f);
  CHECK(from_byte(255) == 1.0f);
}

}  // namespace
}  // namespace multitalk
