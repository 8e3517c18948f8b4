#include "base/error.h"

#include <string>

#include "support/catch.h"

namespace multitalk {
namespace {

TEST_CASE("each kind of error leads to its exit code", "[base]") {
  CHECK(input_error("x").code() == ExitCode::kInput);
  CHECK(weights_error("x").code() == ExitCode::kWeights);
  CHECK(resource_error("x").code() == ExitCode::kResources);
  CHECK(internal_error("x").code() == ExitCode::kInternal);
  CHECK(static_cast<int>(ExitCode::kInternal) == 1);
  CHECK(static_cast<int>(ExitCode::kInput) == 2);
  CHECK(static_cast<int>(ExitCode::kWeights) == 3);
  CHECK(static_cast<int>(ExitCode::kResources) == 4);
  CHECK(static_cast<int>(ExitCode::kInterrupted) == 130);
}

TEST_CASE("an error keeps its code, message and hint through its modifiers", "[base]") {
  const Error error =
      weights_error("{}: {} tensors", "a.pth", 3).with_hint("copy it again").within("CKPT");
  CHECK(error.code() == ExitCode::kWeights);
  CHECK(std::string(error.what()) == "CKPT: a.pth: 3 tensors");
  CHECK(error.hint() == "copy it again");
}

TEST_CASE("a failed check names the condition and the place", "[base]") {
  const int frames = 3;
  CHECK_NOTHROW([&] { MULTITALK_CHECK(frames == 3, "unused"); }());
  try {
    MULTITALK_CHECK(frames == 4, "{} frames", frames);
    FAIL("the check passed");
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(error.code() == ExitCode::kInternal);
    CHECK(message.find("3 frames") != std::string::npos);
    CHECK(message.find("frames == 4") != std::string::npos);
    CHECK(message.find("error_test.cpp:") != std::string::npos);
    CHECK_FALSE(error.hint().empty());
  }
}

}  // namespace
}  // namespace multitalk
