// What a user gets: the video's length, size, sound and the plan that announced it.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "media/video_reader.h"
#include "media/wav_writer.h"
#include "program.h"
#include "support/catch.h"

namespace multitalk::test {
namespace {

namespace fs = std::filesystem;

constexpr int kRate = 16000;

/// A tone of so many seconds.
std::string write_tone(const TemporaryFolder& folder, const std::string& name, double seconds) {
  std::vector<float> samples(static_cast<std::size_t>(seconds * kRate));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i] = 0.3f * std::sin(static_cast<float>(i) * 0.09f);
  }
  write_wav_pcm16(folder / name, samples, kRate);
  return folder / name;
}

std::string any_picture() {
  const std::string name = golden_files("models/e2e", "", "").front().filename().string();
  return "e2e/" + name + "/image.png";
}

}  // namespace

TEST_CASE("a short voice makes a video of its own length", "[e2e]") {
  const TemporaryFolder out;
  const std::string voice = write_tone(out, "voice.wav", 0.24);  // 6 frames, less than a clip
  const ProcessResult result = run_program(
      tiny_render() + std::vector<std::string>{"--image", any_picture(), "--audio", voice,
                                               "--prompt", "a face", "-o", out / "video.mp4"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const VideoInfo info = probe_video(out / "video.mp4");
  CHECK(info.frames == 6);
  CHECK(info.width == 80);
  CHECK(info.height == 48);
  CHECK(info.fps == 25);
  CHECK(info.video_codec == "h264");
  CHECK(info.audio_codec == "aac");
  CHECK(info.audio_rate == kRate);
  CHECK(info.duration_s == Approx(0.24).margin(0.08));
}

TEST_CASE("three speakers, unequal voices, streaming: as long as the longest", "[e2e]") {
  const TemporaryFolder out;
  const std::vector<std::string> flags =
      tiny_render() + std::vector<std::string>{"--image",
                                               any_picture(),
                                               "--audio",
                                               write_tone(out, "1.wav", 1.0),
                                               "None",
                                               write_tone(out, "3.wav", 0.5),
                                               "--prompt",
                                               "three people",
                                               "--mode",
                                               "streaming",
                                               "--motion-frame",
                                               "5",
                                               "-o",
                                               out / "video.mp4"};
  const ProcessResult plan_text =
      run_program(flags + std::vector<std::string>{"--dry_run", "--json"});
  INFO(plan_text.err);
  REQUIRE(plan_text.exit_code == 0);
  const nlohmann::json plan = nlohmann::json::parse(plan_text.out);
  CHECK(plan["speakers"].size() == 3);
  CHECK(plan["frames"] == 25);
  CHECK(plan["memory"]["peak_bytes"].get<double>() > 0);
  CHECK_FALSE(fs::exists(out / "video.mp4"));

  const ProcessResult result = run_program(flags);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(probe_video(out / "video.mp4").frames == 25);
}

TEST_CASE("a dry run needs no weights and still tells the memory", "[e2e]") {
  const TemporaryFolder out;
  const ProcessResult result = run_program(
      {"--image", any_picture(), "--audio", write_tone(out, "voice.wav", 4.0), "--prompt", "a face",
       "--device", "cpu", "--dtype", "bf16", "-o", out / "video.mp4", "--dry_run", "--json"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const nlohmann::json plan = nlohmann::json::parse(result.out);
  CHECK(plan["frames"].get<int>() == 81);
  // The 14B transformer alone is 37.8 GB in bf16.
  CHECK(plan["memory"]["peak_bytes"].get<double>() > 37.8e9);
  CHECK(plan["memory"]["peak_bytes"].get<double>() < 60e9);
}

TEST_CASE("a finished video is not overwritten unless asked", "[e2e]") {
  const TemporaryFolder out;
  const std::string voice = write_tone(out, "voice.wav", 0.4);
  write_text(out / "video.mp4", "precious");
  const std::vector<std::string> flags =
      tiny_render() + std::vector<std::string>{"--image", any_picture(),    "--audio",
                                               voice,     "--prompt",       "a face",
                                               "-o",      out / "video.mp4"};
  const ProcessResult refused = run_program(flags);
  CHECK(refused.exit_code == 2);
  CHECK(refused.err.find("exists") != std::string::npos);
  CHECK(fs::file_size(out / "video.mp4") == 8);
  const ProcessResult result = run_program(flags + std::vector<std::string>{"--overwrite"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(probe_video(out / "video.mp4").frames == 9);
}

TEST_CASE("the same seed gives the same video", "[e2e]") {
  const TemporaryFolder out;
  const std::string voice = write_tone(out, "voice.wav", 0.4);
  for (const std::string name : {"a", "b"}) {
    const ProcessResult result = run_program(
        tiny_render() + std::vector<std::string>{"--image", any_picture(), "--audio", voice,
                                                 "--prompt", "a face", "--base_seed", "7", "-o",
                                                 out / (name + ".mp4"), "--log-format", "json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    std::istringstream lines(result.err);
    for (std::string line; std::getline(lines, line);) CHECK(nlohmann::json::accept(line));
  }
  VideoReader a(out / "a.mp4");
  VideoReader b(out / "b.mp4");
  Image left;
  Image right;
  while (a.next(left)) {
    REQUIRE(b.next(right));
    CHECK(left.rgb == right.rgb);
  }
}

TEST_CASE("an interrupted render says so and leaves nothing", "[e2e]") {
  const TemporaryFolder out;
  const std::string voice = write_tone(out, "voice.wav", 0.4);
  const std::vector<std::string> flags =
      tiny_render() +
      std::vector<std::string>{"--image", any_picture(),    "--audio", voice, "--prompt",
                               "a face",  "--sample_steps", "100000",  "-o",  out / "video.mp4"};
  // In the foreground timeout sends one signal; otherwise the program gets a second one, by its
  // group, and the second is final.
  const std::vector<std::string> timeout = {
      "/usr/bin/timeout", "--foreground", "--preserve-status", "-s", "INT", "4", MULTITALK_BINARY};
  const ProcessResult result = run_process(timeout + flags, golden_dir() / "models");
  INFO(result.err);
  CHECK(result.exit_code == 130);
  CHECK(result.err.find("interrupted") != std::string::npos);
  for (const auto& entry : fs::directory_iterator(out.path())) {
    CHECK(entry.path().extension() != ".mp4");
  }
}

}  // namespace multitalk::test
