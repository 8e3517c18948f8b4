#include "base/log.h"

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/stderr_capture.h"

namespace multitalk {
namespace {

/// What `body` logs under these settings; afterwards the settings are the default ones.
std::string logged(log::Format format, log::Level level, const std::function<void()>& body) {
  log::configure(format, level);
  const std::string text = test::capture_stderr(body);
  log::configure(log::Format::kText, log::Level::kInfo);
  return text;
}

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST_CASE("text lines carry their level only where it is news", "[base]") {
  const std::string text = logged(log::Format::kText, log::Level::kInfo, [] {
    log::debug("hidden");
    log::info("{} frames", 81);
    log::warning("short audio");
    log::event("step", {{"step", 1}});
  });
  CHECK(text == "81 frames\nmultitalk: warning: short audio\n");
}

TEST_CASE("the level hides what is below it", "[base]") {
  CHECK(logged(log::Format::kText, log::Level::kError, [] {
          log::info("a");
          log::warning("b");
        }).empty());
  CHECK(logged(log::Format::kText, log::Level::kDebug, [] { log::debug("c"); }) ==
        "multitalk: debug: c\n");
}

TEST_CASE("JSON lines are one valid object each, whatever the text holds", "[base]") {
  const std::vector<std::string> messages = {"plain", "a \"quote\" and a \\", "two\nlines\t",
                                             "好 ½",  "broken \xff utf-8",    "100% {} %v %s"};
  const std::string text = logged(log::Format::kJson, log::Level::kInfo, [&] {
    for (const std::string& message : messages) log::info("{}", message);
  });
  const std::vector<nlohmann::json> lines = json_lines(text);
  REQUIRE(lines.size() == messages.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i].at("level") == "info");
    CHECK(lines[i].at("time").get<double>() > 1.5e9);
    if (i != 4) CHECK(lines[i].at("message") == messages[i]);
  }
}

TEST_CASE("an event is one JSON line with its own fields", "[base]") {
  const std::string text = logged(log::Format::kJson, log::Level::kInfo, [] {
    log::event("done", {{"frames", 81}, {"file", "a.mp4"}});
  });
  const std::vector<nlohmann::json> lines = json_lines(text);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("event") == "done");
  CHECK(lines[0].at("frames") == 81);
  CHECK(lines[0].at("file") == "a.mp4");
  CHECK(lines[0].contains("time"));
}

}  // namespace
}  // namespace multitalk
