#include "base/progress.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "base/log.h"
#include "support/catch.h"
#include "support/stderr_capture.h"

namespace multitalk {
namespace {

void render(int clips_known, int clips, int steps) {
  Progress progress(clips_known, steps);
  for (int clip = 0; clip < clips; ++clip) {
    for (int step = 0; step < steps; ++step) progress.step_done(clip, step);
    progress.stage("decoding");
  }
}

TEST_CASE("away from a terminal every step is one plain line", "[base]") {
  const std::string text = test::capture_stderr([] { render(2, 2, 3); });
  CHECK(std::count(text.begin(), text.end(), '\n') == 6);
  CHECK(text.find('\r') == std::string::npos);
  CHECK(text.find('\033') == std::string::npos);
  CHECK(text.find("clip 1/2 step 1/3") != std::string::npos);
  CHECK(text.find("clip 2/2 step 3/3") != std::string::npos);
  CHECK(text.find("left") != std::string::npos);
}

TEST_CASE("where the number of clips is not known none is claimed", "[base]") {
  const std::string text = test::capture_stderr([] { render(0, 2, 1); });
  CHECK(text.find("clip 2 step 1/1") != std::string::npos);
  CHECK(text.find("left") == std::string::npos);
}

TEST_CASE("in JSON every step is an event", "[base]") {
  log::configure(log::Format::kJson, log::Level::kInfo);
  const std::string text = test::capture_stderr([] { render(1, 1, 4); });
  log::configure(log::Format::kText, log::Level::kInfo);
  std::istringstream stream(text);
  int step = 0;
  for (std::string line; std::getline(stream, line); ++step) {
    const nlohmann::json event = nlohmann::json::parse(line);
    CHECK(event.at("event") == "step");
    CHECK(event.at("step") == step);
    CHECK(event.at("steps") == 4);
    CHECK(event.at("step_s").get<double>() >= 0);
    CHECK(event.at("left_s").get<double>() >= 0);
  }
  CHECK(step == 4);
}

}  // namespace
}  // namespace multitalk
