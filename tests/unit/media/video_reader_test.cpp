#include "media/video_reader.h"

#include "base/error.h"
#include "base/file.h"
#include "media/wav_writer.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

TEST_CASE("video reader: what is no video is refused") {
  const test::TemporaryFolder folder;
  const auto text = folder.path() / "text.mp4";
  const auto sound = folder.path() / "sound.wav";
  write_file_atomically(text, "no video");
  write_wav_pcm16(sound, std::vector<float>(1600), 16000);
  for (const auto& path : {folder.path() / "missing.mp4", folder.path(), text, sound}) {
    CAPTURE(path);
    CHECK_THROWS_AS(probe_video(path), Error);
    CHECK_THROWS_AS(VideoReader(path), Error);
  }
}

}  // namespace
}  // namespace multitalk
