#include "media/video_writer.h"

#include <malloc.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <numbers>

#include "base/error.h"
#include "media/audio_reader.h"
#include "media/video_reader.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

VideoOptions small_video() {
  VideoOptions options;
  options.width = 64;
  options.height = 48;
  return options;
}

/// A flat frame.
std::vector<std::uint8_t> flat(const VideoOptions& options, int r, int g, int b) {
  std::vector<std::uint8_t> rgb;
  for (int i = 0; i < options.width * options.height; ++i) {
    for (const int value : {r, g, b}) rgb.push_back(static_cast<std::uint8_t>(value));
  }
  return rgb;
}

std::vector<float> tone(double hz, double duration_s, int rate, int channels) {
  std::vector<float> samples;
  const auto frames = static_cast<int>(std::lround(duration_s * rate));
  for (int i = 0; i < frames; ++i) {
    const double value = 0.5 * std::sin(2 * std::numbers::pi * hz * i / rate);
    samples.insert(samples.end(), channels, static_cast<float>(value));
  }
  return samples;
}

bool empty_folder(const std::filesystem::path& folder) {
  return std::filesystem::directory_iterator(folder) == std::filesystem::directory_iterator();
}

TEST_CASE("video: any number of frames, all there, of the right length") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.mp4";
  const int frames = GENERATE(1, 2, 25, 81);
  const VideoOptions options = small_video();
  VideoWriter writer(path, options);
  for (int i = 0; i < frames; ++i) {
    writer.write_frame(flat(options, i, 100, 200 - i));
    writer.write_audio(tone(440, 0.04, 16000, 1));
  }
  CHECK_FALSE(std::filesystem::exists(path));
  writer.finish();

  const VideoInfo info = probe_video(path);
  CHECK(info.frames == frames);
  CHECK(info.width == options.width);
  CHECK(info.height == options.height);
  CHECK(info.fps == Approx(25));
  CHECK(info.video_codec == "h264");
  CHECK(info.pixel_format == "yuv420p");
  CHECK(info.audio_codec == "aac");
  CHECK(info.audio_rate == 16000);
  CHECK(info.audio_channels == 1);
  CHECK(info.duration_s == Approx(frames / 25.0).margin(0.002));
  CHECK(info.audio_duration_s == Approx(frames / 25.0).margin(0.002));
}

TEST_CASE("video: colours come back as they went in") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.mp4";
  const VideoOptions options = small_video();
  const std::vector<std::vector<int>> colours = {{255, 0, 0},     {0, 255, 0},     {0, 0, 255},
                                                 {128, 128, 128}, {255, 255, 255}, {30, 90, 200}};
  VideoWriter writer(path, options);
  for (const auto& c : colours) writer.write_frame(flat(options, c[0], c[1], c[2]));
  writer.finish();

  VideoReader reader(path);
  Image image;
  for (const auto& colour : colours) {
    REQUIRE(reader.next(image));
    const std::uint8_t* middle = image.pixel(options.width / 2, options.height / 2);
    for (int c = 0; c < 3; ++c) CHECK(std::abs(middle[c] - colour[c]) <= 3);
  }
  CHECK_FALSE(reader.next(image));
}

TEST_CASE("video: sound and metadata come back") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.mp4";
  VideoOptions options = small_video();
  options.audio_rate = 48000;
  options.audio_channels = 2;
  options.metadata = {{"seed", "42"}, {"title", "Two people"}};
  VideoWriter writer(path, options);
  for (int i = 0; i < 25; ++i) writer.write_frame(flat(options, 1, 2, 3));
  const std::vector<float> sent = tone(440, 1, 48000, 2);
  writer.write_audio(sent);
  writer.finish();

  const VideoInfo info = probe_video(path);
  CHECK(info.metadata.at("seed") == "42");
  CHECK(info.metadata.at("title") == "Two people");
  const Sound sound = read_sound(path);
  REQUIRE(sound.channels == 2);
  CHECK(sound.sample_rate == 48000);
  double worst = 0;  // away from the ends, in time with what was sent
  for (std::size_t i = 8000; i < 80000; ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(sound.samples[i]) - sent[i]));
  }
  CHECK(worst < 0.02);
}

TEST_CASE("video: sound is not needed") {
  const test::TemporaryFolder folder;
  VideoOptions options = small_video();
  options.audio_rate = 0;
  VideoWriter writer(folder.path() / "a.mp4", options);
  writer.write_frame(flat(options, 1, 2, 3));
  writer.finish();
  const VideoInfo info = probe_video(folder.path() / "a.mp4");
  CHECK(info.audio_codec.empty());
  CHECK(info.audio_rate == 0);
}

TEST_CASE("video: given up, it leaves nothing behind") {
  const test::TemporaryFolder folder;
  {
    const VideoOptions options = small_video();
    VideoWriter writer(folder.path() / "a.mp4", options);
    writer.write_frame(flat(options, 1, 2, 3));
  }
  CHECK(empty_folder(folder.path()));
  {
    VideoWriter writer(folder.path() / "a.mp4", small_video());
    CHECK_THROWS_AS(writer.finish(), Error);
  }
  CHECK(empty_folder(folder.path()));
}

TEST_CASE("video: what cannot be met is refused, and leaves nothing behind") {
  const test::TemporaryFolder folder;
  const auto refused = [&](const VideoOptions& options) {
    CHECK_THROWS_AS(VideoWriter(folder.path() / "a.mp4", options), Error);
    CHECK(empty_folder(folder.path()));
  };
  const VideoOptions good = small_video();
  VideoOptions bad = good;
  bad.width = 63;
  refused(bad);
  bad = good, bad.height = 0;
  refused(bad);
  bad = good, bad.fps = 0;
  refused(bad);
  bad = good, bad.crf = 52;
  refused(bad);
  bad = good, bad.preset = "best";
  refused(bad);
  bad = good, bad.audio_rate = 15999;
  refused(bad);
  bad = good, bad.audio_channels = 0;
  refused(bad);
  CHECK_THROWS_AS(VideoWriter(folder.path() / "none" / "a.mp4", good), Error);
  CHECK_THROWS_AS(VideoWriter(folder.path(), good), Error);
}

TEST_CASE("video: a full disk is an error of resources") {
  const test::TemporaryFolder folder;
  const VideoOptions options = small_video();
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit limit{1000, old_limit.rlim_max};
  ExitCode code = ExitCode::kDone;
  {
    VideoWriter writer(folder.path() / "a.mp4", options);
    for (int i = 0; i < 5; ++i) writer.write_frame(flat(options, i * 40, 2, 3));
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      writer.finish();
    } catch (const Error& error) {
      code = error.code();
    }
  }
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  CHECK(code == ExitCode::kResources);
  CHECK(empty_folder(folder.path()));
}

/// The bytes of 9 frames of moving waves and noise, encoded and decoded.
std::vector<std::uint8_t> encode_and_decode(const std::filesystem::path& path) {
  VideoOptions options;
  options.width = 80;
  options.height = 48;
  options.audio_rate = 0;
  VideoWriter writer(path, options);
  unsigned random = 1;
  for (int t = 0; t < 9; ++t) {
    std::vector<std::uint8_t> rgb;
    for (int i = 0; i < options.width * options.height * 3; ++i) {
      random = random * 1664525u + 1013904223u;
      const double wave = 128 + 60 * std::sin(i * 0.01 + t * 0.3);
      rgb.push_back(static_cast<std::uint8_t>(wave + (random >> 24) % 40));
    }
    writer.write_frame(rgb);
  }
  writer.finish();
  std::vector<std::uint8_t> all;
  VideoReader reader(path);
  for (Image image; reader.next(image);) {
    all.insert(all.end(), image.rgb.begin(), image.rgb.end());
  }
  return all;
}

TEST_CASE("video: the same frames give the same video, whatever was in the memory before") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.mp4";
  const std::vector<std::uint8_t> first = encode_and_decode(path);
  for (const int filling : {1, 85, 170, 255}) {
    mallopt(M_PERTURB, filling);
    const std::vector<std::uint8_t> again = encode_and_decode(path);
    mallopt(M_PERTURB, 0);
    CHECK(again == first);
  }
}

TEST_CASE("video: metadata can be added until the end") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a.mp4";
  VideoOptions options = small_video();
  options.metadata = {{"comment", "before"}, {"first", "stays"}};
  VideoWriter writer(path, options);
  writer.write_frame(flat(options, 1, 2, 3));
  const std::string text(20'000, 'x');
  writer.set_metadata("comment", "after");
  writer.set_metadata("own key", text);
  writer.finish();
  const std::map<std::string, std::string> metadata = probe_video(path).metadata;
  CHECK(metadata.at("comment") == "after");
  CHECK(metadata.at("first") == "stays");
  CHECK(metadata.at("own key") == text);
}

TEST_CASE("video: AAC's rates") {
  CHECK(supported_audio_rate(16000) == 16000);
  CHECK(supported_audio_rate(44100) == 44100);
  CHECK(supported_audio_rate(11000) == 11025);
  CHECK(supported_audio_rate(50000) == 64000);
  CHECK(supported_audio_rate(192000) == 96000);
  CHECK(supported_audio_rate(1) == 8000);
}

}  // namespace
}  // namespace multitalk
