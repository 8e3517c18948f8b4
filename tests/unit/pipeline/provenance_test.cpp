#include "pipeline/provenance.h"

#include "media/video_writer.h"
#include "support/catch.h"
#include "support/error_text.h"
#include "support/process.h"

namespace multitalk::test {

namespace {

/// One grey frame with metadata.
void write_video(const std::string& file, const std::map<std::string, std::string>& metadata) {
  VideoOptions options;
  options.width = 16;
  options.height = 16;
  options.audio_rate = 0;
  VideoWriter writer(file, options);
  writer.write_frame(std::vector<std::uint8_t>(16 * 16 * 3, 128));
  for (const auto& [key, value] : metadata) writer.set_metadata(key, value);
  writer.finish();
}

}  // namespace

TEST_CASE("a record is read from a video and from a sidecar", "[provenance]") {
  const TemporaryFolder folder;
  const Json record = {{"format", 1}, {"settings", {{"prompt", "\"quoted\", 人\n"}}}};
  write_video(folder / "a.mp4", {{kRecordKey, record.dump()}});
  write_text(folder / "a.mp4.json", record.dump(2));
  CHECK(sidecar_of(folder / "a.mp4") == folder / "a.mp4.json");
  CHECK(read_record(folder / "a.mp4") == record);
  CHECK(read_record(folder / "a.mp4.json") == record);
}

TEST_CASE("files without a record are refused", "[provenance]") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& name, const std::string& culprit) {
    const std::string text = error_text([&] { read_record(folder / name); });
    INFO(text);
    CHECK(mentions(text, name));
    CHECK(mentions(text, culprit));
  };
  write_video(folder / "foreign.mp4", {{"comment", "x"}});
  refused("foreign.mp4", "no settings");
  write_video(folder / "broken.mp4", {{kRecordKey, "{\"format\": 1, "}});
  refused("broken.mp4", "no settings");
  write_text(folder / "other.json", "{\"prompt\": \"an input file\"}");
  refused("other.json", "no settings");
  write_text(folder / "wrong.json", "{\"format\": 1, \"settings\": []}");
  refused("wrong.json", "no settings");
  write_text(folder / "later.json", "{\"format\": 99, \"settings\": {}}");
  refused("later.json", "format 99");
  write_text(folder / "text.json", "words");
  refused("text.json", "line 1");
  write_text(folder / "text.mp4", "words");
  refused("text.mp4", "");
  refused("none.mp4", "no such file");
}

}  // namespace multitalk::test
