#include "pipeline/speech.h"

#include <sndfile.h>

#include <cmath>
#include <numbers>

#include "media/loudness.h"
#include "media/speech.h"
#include "media/wav_writer.h"
#include "support/catch.h"
#include "support/error_text.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

using test::error_text;
using test::mentions;

/// Tones in files of a folder of its own, as a job's voices.
class Voices {
 public:
  void add_tone(double duration_s, int rate = 16000, double amplitude = 0.3) {
    std::vector<float> samples(static_cast<std::size_t>(std::llround(duration_s * rate)));
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const double angle = 2 * std::numbers::pi * 300 * static_cast<double>(i) / rate;
      samples[i] = static_cast<float>(amplitude * std::cos(angle));
    }
    add_speaker();
    Speaker& speaker = job_.speakers.back();
    speaker.audio = folder_.path() / (speaker.name + ".wav");
    write_wav_pcm16(*speaker.audio, samples, rate);
  }

  void add_speaker() {
    Speaker& speaker = job_.speakers.emplace_back();
    speaker.name = "person" + std::to_string(job_.speakers.size());
  }

  VoiceTracks prepare() const { return prepare_speech(job_); }
  std::string refusal() const {
    return error_text([&] { prepare_speech(job_); });
  }
  Job& job() { return job_; }

 private:
  test::TemporaryFolder folder_;
  Job job_;
};

bool is_silent(const std::vector<float>& track, std::size_t from, std::size_t to) {
  return std::all_of(track.begin() + from, track.begin() + to, [](float x) { return x == 0; });
}

TEST_CASE("voices: one speaker at -23 LUFS") {
  Voices voices;
  voices.add_tone(2.0);
  const VoiceTracks speech = voices.prepare();
  REQUIRE(speech.tracks.size() == 1);
  CHECK(speech.samples() == 32000);
  CHECK(speech.frames() == std::vector<int>{50});
  CHECK(integrated_loudness(speech.tracks[0], kSpeechRate) == Approx(-23).margin(0.01));
  CHECK(speech.mix_rate == 16000);
  CHECK(speech.mix_channels == 1);
  REQUIRE(speech.mix.size() == 32000);
  CHECK(speech.mix[100] == Approx(speech.tracks[0][100]).margin(1e-6));
}

TEST_CASE("voices: unequal lengths are padded with silence; the reference refuses them") {
  Voices voices;
  voices.add_tone(1.0);
  voices.add_tone(1.5);
  voices.add_tone(0.7);
  const VoiceTracks speech = voices.prepare();
  REQUIRE(speech.tracks.size() == 3);
  for (const auto& track : speech.tracks) CHECK(track.size() == 24000);
  CHECK(is_silent(speech.tracks[0], 16000, 24000));
  CHECK(is_silent(speech.tracks[2], 11200, 24000));
  voices.job().compat = Compat::kReference;
  CHECK(mentions(voices.refusal(), "cond_audio.person1"));
}

TEST_CASE("voices: one after the other") {
  Voices voices;
  voices.job().audio_type = AudioType::kSequential;
  voices.add_tone(1.0);
  voices.add_tone(0.5);
  voices.add_tone(0.5);
  const VoiceTracks speech = voices.prepare();
  CHECK(speech.samples() == 32000);
  CHECK(is_silent(speech.tracks[1], 0, 16000));
  CHECK_FALSE(is_silent(speech.tracks[1], 16000, 24000));
  CHECK(is_silent(speech.tracks[1], 24000, 32000));
  CHECK(is_silent(speech.tracks[2], 0, 24000));
}

TEST_CASE("voices: a silent speaker counts as long as the longest voice") {
  Voices voices;
  voices.add_speaker();
  voices.add_tone(1.0);
  CHECK(voices.prepare().samples() == 16000);
  voices.job().audio_type = AudioType::kSequential;
  const VoiceTracks speech = voices.prepare();
  CHECK(speech.samples() == 32000);
  CHECK(is_silent(speech.tracks[0], 0, 32000));
  CHECK(is_silent(speech.tracks[1], 0, 16000));
}

TEST_CASE("voices: the mix keeps the highest rate of the sources, unless 16 kHz is asked for") {
  Voices voices;
  voices.add_tone(1.0, 16000);
  voices.add_tone(0.5, 44100);
  const VoiceTracks speech = voices.prepare();
  CHECK(speech.samples() == 16000);
  CHECK(speech.mix_rate == 44100);
  CHECK(speech.mix.size() == 44100);
  voices.job().mix_at_16k = true;
  CHECK(voices.prepare().mix_rate == 16000);
  CHECK(voices.prepare().mix.size() == 16000);
}

/// A stereo file: a tone on the left, nothing on the right.
void write_stereo(const std::filesystem::path& path) {
  constexpr int kFrames = 48000;
  std::vector<float> samples(2 * kFrames);
  for (int i = 0; i < kFrames; ++i) {
    samples[2 * i] = static_cast<float>(0.5 * std::cos(2 * std::numbers::pi * 440 * i / kFrames));
  }
  SF_INFO info{};
  info.samplerate = 48000;
  info.channels = 2;
  info.format = SF_FORMAT_WAV | SF_FORMAT_FLOAT;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  REQUIRE(file != nullptr);
  sf_writef_float(file, samples.data(), kFrames);
  sf_close(file);
}

TEST_CASE("voices: stereo stays stereo, mono beside it goes to both sides") {
  Voices voices;
  voices.job().audio_type = AudioType::kSequential;
  voices.add_tone(1.0, 48000);
  voices.add_tone(1.0, 48000);
  write_stereo(*voices.job().speakers[0].audio);
  const VoiceTracks speech = voices.prepare();
  CHECK(speech.mix_channels == 2);
  CHECK(speech.mix_rate == 48000);
  REQUIRE(speech.mix.size() == 2 * 96000);
  CHECK(std::abs(speech.mix[2 * 24000]) > 0.01);
  CHECK(speech.mix[2 * 24000 + 1] == 0);
  CHECK(speech.mix[2 * 72000] == speech.mix[2 * 72000 + 1]);
  CHECK(std::abs(speech.mix[2 * 72000]) > 0.01);
}

TEST_CASE("voices: short sound works; the reference refuses it") {
  Voices voices;
  voices.add_tone(0.2);
  CHECK(voices.prepare().frames() == std::vector<int>{5});
  voices.job().compat = Compat::kReference;
  CHECK(mentions(voices.refusal(), "cond_audio.person1"));
}

TEST_CASE("voices: rounding may lose an embedding row, not a frame of the video") {
  Voices voices;
  voices.add_tone(29 * 640 / 16000.0);
  CHECK(voices.prepare().frames() == std::vector<int>{28});
  CHECK(voices.prepare().whole_frames() == 29);
}

TEST_CASE("voices: only silence is refused, and named") {
  Voices voices;
  voices.add_tone(1.0, 16000, 0.0);
  voices.add_speaker();
  CHECK(mentions(voices.refusal(), "person1.wav"));
  voices.add_tone(1.0);
  CHECK(voices.refusal() == "");
}

TEST_CASE("voices: what cannot be read names the speaker and the file") {
  Voices voices;
  voices.add_tone(1.0);
  voices.add_tone(1.0);
  std::filesystem::remove(*voices.job().speakers[1].audio);
  CHECK(mentions(voices.refusal(), "cond_audio.person2"));
  CHECK(mentions(voices.refusal(), "person2.wav"));
}

}  // namespace
}  // namespace multitalk
