#include "media/audio_reader.h"

#include <sndfile.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "media/ffmpeg.h"

namespace multitalk {

namespace {

namespace fs = std::filesystem;

struct SndfileCloser {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

/// Nothing where libsndfile does not know the file's format.
std::optional<Sound> read_with_sndfile(const fs::path& path) {
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, SndfileCloser> file(sf_open(path.c_str(), SFM_READ, &info));
  if (!file) return std::nullopt;
  Sound sound{info.samplerate, info.channels, {}};
  constexpr sf_count_t kChunkFrames = 1 << 16;
  std::vector<float> chunk(static_cast<std::size_t>(kChunkFrames) * info.channels);
  while (true) {
    const sf_count_t got = sf_readf_float(file.get(), chunk.data(), kChunkFrames);
    if (got <= 0) return sound;
    sound.samples.insert(sound.samples.end(), chunk.begin(), chunk.begin() + got * info.channels);
  }
}

/// Turns decoded frames into one sound. The format of the output follows the first frame.
class FrameCollector {
 public:
  FrameCollector(const fs::path& path, SoundFidelity fidelity) : path_(path), fidelity_(fidelity) {}

  void add(const AVFrame& frame) {
    if (!resampler_) start(frame);
    if (frame.sample_rate != in_rate_ || frame.ch_layout.nb_channels != in_channels_ ||
        frame.format != in_format_) {
      throw input_error("{}: the sound changes its format in the middle", path_.string())
          .with_hint("convert it to WAV first");
    }
    convert(const_cast<const std::uint8_t**>(frame.extended_data), frame.nb_samples);
  }

  Sound finish() {
    if (resampler_) {
      while (convert(nullptr, 0) > 0) {
      }
    }
    return std::move(sound_);
  }

 private:
  bool in_16_bits() const { return fidelity_ == SoundFidelity::kReference; }

  void start(const AVFrame& frame) {
    in_rate_ = frame.sample_rate;
    in_channels_ = frame.ch_layout.nb_channels;
    in_format_ = frame.format;
    const bool reduced = in_16_bits() && has_video_ending(path_);
    sound_.sample_rate = reduced ? 16000 : in_rate_;
    sound_.channels = reduced ? 2 : in_channels_;
    const AVSampleFormat format = in_16_bits() ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_FLT;
    resampler_ = ffmpeg::make_resampler(frame, format, reduced ? 16000 : 0, reduced ? 2 : 0);
  }

  int convert(const std::uint8_t** data, int count) {
    const int room = swr_get_out_samples(resampler_.get(), count) + 256;
    bytes_.resize(static_cast<std::size_t>(room) * sound_.channels * sizeof(float));
    std::uint8_t* out = bytes_.data();
    const int got = swr_convert(resampler_.get(), &out, room, data, count);
    if (got < 0) {
      throw input_error("{}: cannot convert the sound: {}", path_.string(),
                        ffmpeg::error_text(got));
    }
    append(static_cast<std::size_t>(got) * sound_.channels);
    return got;
  }

  void append(std::size_t count) {
    if (in_16_bits()) {
      const auto* values = reinterpret_cast<const std::int16_t*>(bytes_.data());
      for (std::size_t i = 0; i < count; ++i) {
        sound_.samples.push_back(static_cast<float>(values[i]) / 32768.0f);
      }
    } else {
      const auto* values = reinterpret_cast<const float*>(bytes_.data());
      sound_.samples.insert(sound_.samples.end(), values, values + count);
    }
  }

  fs::path path_;
  SoundFidelity fidelity_;
  ffmpeg::Swr resampler_;
  int in_rate_ = 0;
  int in_channels_ = 0;
  int in_format_ = 0;
  std::vector<std::uint8_t> bytes_;
  Sound sound_;
};

Sound read_with_ffmpeg(const fs::path& path, SoundFidelity fidelity) {
  ffmpeg::StreamDecoder decoder(path, AVMEDIA_TYPE_AUDIO);
  FrameCollector collector(path, fidelity);
  while (const AVFrame* frame = decoder.next()) collector.add(*frame);
  return collector.finish();
}

}  // namespace

bool has_video_ending(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".mp4" || ending == ".mov" || ending == ".avi" || ending == ".mkv";
}

Sound read_sound(const fs::path& path, SoundFidelity fidelity) {
  require_file(path, "sound");
  std::error_code ec;
  if (fs::is_regular_file(path, ec) && fs::file_size(path, ec) == 0) {
    throw input_error("{}: the file is empty, expected a sound", path.string());
  }
  std::optional<Sound> sound;
  if (!has_video_ending(path)) sound = read_with_sndfile(path);
  if (!sound) sound = read_with_ffmpeg(path, fidelity);
  if (sound->frames() == 0) throw input_error("{}: the sound has no samples", path.string());
  if (!std::all_of(sound->samples.begin(), sound->samples.end(),
                   [](float sample) { return std::isfinite(sample); })) {
    throw input_error("{}: the sound has samples that are not finite numbers", path.string());
  }
  return *std::move(sound);
}

std::vector<float> mono(const Sound& sound) {
  if (sound.channels == 1) return sound.samples;
  std::vector<float> result(static_cast<std::size_t>(sound.frames()));
  const float* samples = sound.samples.data();
  for (float& mean : result) {
    float sum = 0;
    for (int c = 0; c < sound.channels; ++c) sum += *samples++;
    mean = sum / static_cast<float>(sound.channels);
  }
  return result;
}

}  // namespace multitalk
