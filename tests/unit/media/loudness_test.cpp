#include "media/loudness.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "support/catch.h"

namespace multitalk {
namespace {

std::vector<float> tone(double hz, double amplitude, int samples, int rate) {
  std::vector<float> result(samples);
  for (int i = 0; i < samples; ++i) {
    result[i] = static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * hz * i / rate));
  }
  return result;
}

TEST_CASE("loudness: a full-scale sine of 997 Hz is about -3 LUFS at every rate") {
  const int rate = GENERATE(8000, 16000, 44100, 48000);
  CHECK(integrated_loudness(tone(997, 1, rate * 2, rate), rate) == Approx(-3.0).margin(0.2));
}

TEST_CASE("loudness: it follows the gain") {
  const double loud = integrated_loudness(tone(500, 0.5, 16000, 16000), 16000);
  const double quiet = integrated_loudness(tone(500, 0.05, 16000, 16000), 16000);
  CHECK(loud - quiet == Approx(20).margin(1e-4));
}

TEST_CASE("loudness: silence, too quiet and too short have none") {
  CHECK(std::isinf(integrated_loudness(std::vector<float>(16000), 16000)));
  CHECK(std::isinf(integrated_loudness(tone(440, 1e-5, 16000, 16000), 16000)));
  CHECK(std::isinf(integrated_loudness(tone(440, 0.5, 6399, 16000), 16000)));
  CHECK(std::isinf(integrated_loudness({}, 16000)));
  CHECK(std::isfinite(integrated_loudness(tone(440, 0.5, 6400, 16000), 16000)));
}

TEST_CASE("loudness: pauses are gated away") {
  std::vector<float> spoken = tone(500, 0.3, 32000, 16000);
  const double alone = integrated_loudness(spoken, 16000);
  spoken.resize(160000);  // eight seconds of silence
  CHECK(integrated_loudness(spoken, 16000) == Approx(alone).margin(0.7));
}

}  // namespace
}  // namespace multitalk
