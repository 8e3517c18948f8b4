#include "media/audio_reader.h"

#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "media/image_writer.h"
#include "media/video_writer.h"
#include "media/wav_writer.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

/// The message of the input error that reading `path` gives.
std::string refusal(const std::filesystem::path& path) {
  try {
    read_sound(path);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kInput);
    CHECK(std::string(error.what()).find(path.string()) != std::string::npos);
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("sound: each bad file is refused with its reason") {
  const test::TemporaryFolder folder;
  const auto file = [&](const std::string& name, std::string_view bytes) {
    write_file_atomically(folder.path() / name, bytes);
    return folder.path() / name;
  };
  CHECK(contains(refusal(folder.path() / "missing.wav"), "no such file"));
  CHECK(contains(refusal(folder.path()), "folder"));
  CHECK(contains(refusal(file("empty.wav", "")), "empty"));
  CHECK(contains(refusal(file("text.wav", "this is no sound at all")), "not a sound"));
  CHECK(contains(refusal(file("text.mp4", "this is no video at all")), "not a sound"));
  CHECK(contains(refusal(file("list.m3u8", "#EXTM3U\n#EXTINF:1,\nhttp://example.invalid/a.ts\n")),
                 "m3u8"));
  write_wav_pcm16(folder.path() / "none.wav", {}, 16000);
  CHECK(contains(refusal(folder.path() / "none.wav"), "no samples"));
}

TEST_CASE("sound: samples that are not finite are refused") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "nan.wav";
  write_wav_pcm16(path, std::vector<float>(4), 16000);
  std::string bytes = read_file(path);
  bytes[20] = 3;  // IEEE float
  bytes[34] = 32;
  bytes[32] = 4;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bytes.data() + 44, &nan, sizeof nan);
  write_file_atomically(path, bytes);
  CHECK(contains(refusal(path), "not finite"));
}

TEST_CASE("sound: a video without sound says so") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "silent.MP4";
  VideoOptions options;
  options.width = options.height = 16;
  options.audio_rate = 0;
  VideoWriter writer(path, options);
  writer.write_frame(std::vector<std::uint8_t>(16 * 16 * 3));
  writer.finish();
  CHECK(contains(refusal(path), "no sound stream"));
}

TEST_CASE("sound: a video's sound at its own rate, or reduced as the reference reduces it") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "stereo.mp4";
  VideoOptions options;
  options.width = options.height = 16;
  options.audio_rate = 48000;
  options.audio_channels = 2;
  VideoWriter writer(path, options);
  for (int i = 0; i < 25; ++i) writer.write_frame(std::vector<std::uint8_t>(16 * 16 * 3));
  writer.write_audio(std::vector<float>(2 * 48000, 0.1f));
  writer.finish();

  const Sound full = read_sound(path);
  CHECK(full.sample_rate == 48000);
  CHECK(full.channels == 2);
  CHECK(full.duration_s() == Approx(1).margin(0.03));
  const Sound reduced = read_sound(path, SoundFidelity::kReference);
  CHECK(reduced.sample_rate == 16000);
  CHECK(reduced.channels == 2);
  CHECK(reduced.duration_s() == Approx(1).margin(0.03));
}

TEST_CASE("sound: video endings in any case") {
  CHECK(has_video_ending("a.mp4"));
  CHECK(has_video_ending("dir.x/a.MoV"));
  CHECK(has_video_ending("a.b.AVI"));
  CHECK(has_video_ending("a.mkv"));
  CHECK_FALSE(has_video_ending("mp4"));
  CHECK_FALSE(has_video_ending("a.mp4.wav"));
}

TEST_CASE("sound: mono is the mean of the channels") {
  const Sound sound{8000, 3, {0.3f, 0.6f, 0.0f, -1.0f, 0.25f, 0.75f}};
  CHECK(sound.frames() == 2);
  const std::vector<float> mean = mono(sound);
  REQUIRE(mean.size() == 2);
  CHECK(mean[0] == Approx(0.3));
  CHECK(mean[1] == 0);
}

}  // namespace
}  // namespace multitalk
