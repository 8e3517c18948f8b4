#include "media/resample.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "support/catch.h"

namespace multitalk {
namespace {

std::vector<float> tone(double hz, int samples, int rate) {
  std::vector<float> result(samples);
  for (int i = 0; i < samples; ++i) {
    result[i] = static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * hz * i / rate));
  }
  return result;
}

TEST_CASE("resample: a tone stays where it is in time") {
  const Resampler resampler = GENERATE(Resampler::kSinc, Resampler::kSoxr);
  const int from = GENERATE(8000, 11025, 44100, 48000);
  const std::vector<float> ours = resample(tone(440, from, from), from, 16000, resampler);
  const std::vector<float> expected = tone(440, 16000, 16000);
  REQUIRE(ours.size() == expected.size());
  for (std::size_t i = 2000; i < 14000; ++i) REQUIRE(std::abs(ours[i] - expected[i]) < 1e-4);
}

TEST_CASE("resample: the length is rounded up") {
  const Resampler resampler = GENERATE(Resampler::kSinc, Resampler::kSoxr);
  const int samples = GENERATE(1, 2, 3, 100, 12345, 200001);
  const std::vector<float> ours =
      resample(std::vector<float>(samples, 0.25f), 44100, 16000, resampler);
  CHECK(static_cast<int>(ours.size()) == static_cast<int>(std::ceil(samples * (16000 / 44100.0))));
}

TEST_CASE("resample: the same rate gives the same samples") {
  const std::vector<float> samples = {0.1f, -0.2f, 0.3f};
  CHECK(resample(samples, 16000, 16000, Resampler::kSoxr) == samples);
  CHECK(resample({}, 44100, 16000, Resampler::kSinc).empty());
}

TEST_CASE("resample: impossible rates are refused") {
  const std::vector<float> samples(10);
  CHECK_THROWS_AS(resample(samples, 0, 16000, Resampler::kSinc), Error);
  CHECK_THROWS_AS(resample(samples, 16000, -1, Resampler::kSinc), Error);
  CHECK_THROWS_AS(resample(samples, 8000, 257 * 8000, Resampler::kSoxr), Error);
}

}  // namespace
}  // namespace multitalk
