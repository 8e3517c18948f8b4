#include "base/byte_progress.h"

#include <algorithm>
#include <string>

#include "support/catch.h"
#include "support/stderr_capture.h"

namespace multitalk {
namespace {

TEST_CASE("away from a terminal every file is one plain line", "[base]") {
  const std::string text = test::capture_stderr([] {
    ByteProgress progress(300);
    progress.begin("writing a");
    progress.add(100);
    progress.begin("writing b");
    progress.add(200);
  });
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find("writing a") < text.find("writing b"));
  CHECK(text.find('\r') == std::string::npos);
}

TEST_CASE("times and bars", "[base]") {
  CHECK(format_clock(7.4) == "0:07");
  CHECK(format_clock(3723) == "1:02:03");
  CHECK(progress_bar(0).find('#') == std::string::npos);
  CHECK(progress_bar(1).find('.') == std::string::npos);
  CHECK(progress_bar(0.5).size() == progress_bar(1).size());
}

}  // namespace
}  // namespace multitalk
