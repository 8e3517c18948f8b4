// functions/video: bytes of the frames, and the properties of the written file.
#include "base/error.h"
#include "media/video_reader.h"
#include "media/video_writer.h"
#include "support/catch.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

using test::golden_dir;
using test::golden_json;
using test::golden_tensors;

const std::string kFolder = "functions/video/";

TEST_CASE("video: values become the reference's bytes", "[golden]") {
  auto tensors = golden_tensors(kFolder + "quantise.safetensors");
  const at::Tensor in = tensors.at("quantise.in").squeeze(1).permute({1, 2, 0}).contiguous();
  const at::Tensor theirs = tensors.at("quantise.u8").contiguous();
  REQUIRE(in.numel() > 0);
  REQUIRE(in.sizes() == theirs.sizes());
  for (std::int64_t i = 0; i < in.numel(); ++i) {
    const float value = in.const_data_ptr<float>()[i];
    CAPTURE(value);
    CHECK(to_byte(value) == theirs.const_data_ptr<std::uint8_t>()[i]);
  }
}

/// Writes grey frames and a quiet ramp of sound, cut to the frames' duration.
VideoInfo write_like(const nlohmann::json& row) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "video.mp4";
  VideoOptions options;
  options.width = row.at("width");
  options.height = row.at("height");
  options.audio_rate = row.at("audio_rate");
  const int frames = row.at("frames");
  const double sound_s =
      std::min(row.at("audio_seconds").get<double>(), static_cast<double>(frames) / options.fps);
  std::vector<float> sound(static_cast<std::size_t>(std::lround(sound_s * options.audio_rate)));
  for (std::size_t i = 0; i < sound.size(); ++i) sound[i] = static_cast<float>(i % 100) / 1000;
  VideoWriter writer(path, options);
  const std::vector<std::uint8_t> frame(
      static_cast<std::size_t>(options.width) * options.height * 3, 128);
  for (int i = 0; i < frames; ++i) writer.write_frame(frame);
  writer.write_audio(sound);
  writer.finish();
  return probe_video(path);
}

double as_number(const nlohmann::json& text) { return std::stod(text.get<std::string>()); }

TEST_CASE("video: the written file has the reference's properties", "[golden]") {
  const nlohmann::json rows = golden_json(kFolder + "video.json").at("rows");
  REQUIRE_FALSE(rows.empty());
  for (const auto& row : rows) {
    CAPTURE(row.at("name"));
    const VideoInfo ours = write_like(row);
    const auto& video = row.at("result").at("video");
    CHECK(ours.video_codec == video.at("codec_name").get<std::string>());
    CHECK(ours.pixel_format == video.at("pix_fmt").get<std::string>());
    // The reference's first pass stretches sides to multiples of 16; ours keeps them.
    CHECK(ours.width == row.at("width").get<int>());
    CHECK(ours.height == row.at("height").get<int>());
    CHECK(ours.frames == std::stol(video.at("nb_read_frames").get<std::string>()));
    CHECK(fmt::format("{:.0f}/1", ours.fps) == video.at("avg_frame_rate").get<std::string>());
    CHECK(std::abs(ours.duration_s - row.at("duration_T_over_25").get<double>()) <= 0.08);
    const auto& audio = row.at("result").at("audio");
    CHECK(ours.audio_codec == audio.at("codec_name").get<std::string>());
    CHECK(std::to_string(ours.audio_rate) == audio.at("sample_rate").get<std::string>());
    CHECK(ours.audio_channels == audio.at("channels").get<int>());
    CHECK(std::abs(ours.audio_duration_s - as_number(audio.at("duration"))) <= 0.08);
  }
}

TEST_CASE("video: the reference's own files are read", "[golden]") {
  for (const auto& path : test::golden_files(kFolder, "", ".mp4")) {
    CAPTURE(path);
    const VideoInfo info = probe_video(path);
    VideoReader reader(path);
    Image image;
    std::int64_t frames = 0;
    while (reader.next(image)) {
      REQUIRE(image.width == info.width);
      REQUIRE(image.height == info.height);
      ++frames;
    }
    CHECK(frames == info.frames);
  }
}

}  // namespace
}  // namespace multitalk
