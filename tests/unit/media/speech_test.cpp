#include "media/speech.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "media/loudness.h"
#include "media/wav_writer.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

/// A tone of `duration_s` at 44.1 kHz in a file.
std::filesystem::path tone_file(const test::TemporaryFolder& folder, double duration_s,
                                double amplitude) {
  std::vector<float> samples(static_cast<std::size_t>(duration_s * 44100));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double angle = 2 * std::numbers::pi * 300 * static_cast<double>(i) / 44100;
    samples[i] = static_cast<float>(amplitude * std::sin(angle));
  }
  write_wav_pcm16(folder.path() / "tone.wav", samples, 44100);
  return folder.path() / "tone.wav";
}

TEST_CASE("speech: brought to -23 LUFS; the source is kept as it was") {
  const test::TemporaryFolder folder;
  const Speech speech = load_speech(tone_file(folder, 1.0, 0.6));
  CHECK(speech.samples.size() == 16000);
  CHECK(integrated_loudness(speech.samples, kSpeechRate) == Approx(-23).margin(1e-3));
  CHECK(speech.gain < 1);
  CHECK_FALSE(speech.too_short);
  CHECK(speech.source.sample_rate == 44100);
  CHECK(speech.source.frames() == 44100);
}

TEST_CASE("speech: silence is left as it is") {
  const test::TemporaryFolder folder;
  const Speech speech = load_speech(tone_file(folder, 1.0, 0.0));
  CHECK(speech.gain == 1);
  CHECK(std::isinf(speech.loudness_lufs));
}

TEST_CASE("speech: short sound works, but the reference refuses it") {
  const test::TemporaryFolder folder;
  const auto path = tone_file(folder, 0.3, 0.6);
  const Speech speech = load_speech(path);
  CHECK(speech.too_short);
  CHECK(speech.gain == 1);
  CHECK(speech.samples.size() == 4800);
  CHECK_THROWS_AS(load_speech(path, {.compat = true}), Error);
}

}  // namespace
}  // namespace multitalk
