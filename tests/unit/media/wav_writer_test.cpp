#include "media/wav_writer.h"

#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "media/audio_reader.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

TEST_CASE("pcm16: floor, clipped") {
  CHECK(to_pcm16(0) == 0);
  CHECK(to_pcm16(-1e-9) == -1);
  CHECK(to_pcm16(0.99999) == 32767);
  CHECK(to_pcm16(1.0) == 32767);
  CHECK(to_pcm16(5.0) == 32767);
  CHECK(to_pcm16(-1.0) == -32768);
  CHECK(to_pcm16(-5.0) == -32768);
  CHECK(to_pcm16(std::numeric_limits<double>::quiet_NaN()) == 0);
}

TEST_CASE("wav: what is written is read") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.wav";
  const std::vector<float> samples = {0.0f, 0.5f, -0.5f, 2.0f, -1.0f};
  write_wav_pcm16(path, samples, 22050);
  const Sound sound = read_sound(path);
  CHECK(sound.sample_rate == 22050);
  CHECK(sound.channels == 1);
  CHECK(sound.samples == std::vector<float>{0.0f, 0.5f, -0.5f, 32767.0f / 32768, -1.0f});
  CHECK(read_file(path).size() == 44 + 2 * samples.size());
}

TEST_CASE("wav: a missing folder is named") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_AS(write_wav_pcm16(folder.path() / "none" / "a.wav", {}, 16000), Error);
}

}  // namespace
}  // namespace multitalk
