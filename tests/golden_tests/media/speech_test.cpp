// functions/audio: the official sound preparation, file by file.
#include "media/speech.h"

#include <cctype>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "media/loudness.h"
#include "media/resample.h"
#include "media/wav_writer.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

using test::golden_dir;
using test::golden_json;
using test::golden_tensors;

const std::string kFolder = "functions/audio/";

at::Tensor as_tensor(const std::vector<float>& values) {
  return at::tensor(at::ArrayRef<float>(values), at::kFloat);
}

/// JSON numbers, with infinities as strings.
double number(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  REQUIRE(value == "-inf");
  return -std::numeric_limits<double>::infinity();
}

/// WAV and FLAC decode alike everywhere; other codecs' decoders differ a little.
bool lossless(const std::string& file) {
  std::string ending = std::filesystem::path(file).extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(c));
  return ending == ".wav" || ending == ".flac";
}

void check_length(const std::string& file, std::size_t ours, double theirs) {
  CHECK(std::abs(static_cast<double>(ours) - theirs) <= (lossless(file) ? 0 : 0.05 * kSpeechRate));
}

void check_loudness(double ours, double theirs, double tolerance) {
  if (std::isinf(theirs)) {
    CHECK(ours == theirs);
  } else {
    CHECK(std::abs(ours - theirs) <= tolerance);
  }
}

/// Signal to noise in dB of `ours` against `theirs`, up to a frequency at 16 kHz.
double snr_db(const at::Tensor& ours, const at::Tensor& theirs, double up_to_hz) {
  const std::int64_t n = std::min(ours.numel(), theirs.numel());
  const at::Tensor reference = theirs.slice(0, 0, n).to(at::kDouble);
  const at::Tensor difference = ours.slice(0, 0, n).to(at::kDouble) - reference;
  const auto bins = static_cast<std::int64_t>(up_to_hz * static_cast<double>(n) / kSpeechRate) + 1;
  const auto power = [&](const at::Tensor& x) {
    return at::fft_rfft(x).slice(0, 0, bins).abs().square().sum().item<double>();
  };
  return 10 * std::log10(power(reference) / std::max(power(difference), 1e-300));
}

/// The rows of single.json whose preparation worked in the reference.
std::vector<nlohmann::json> prepared_rows() {
  std::vector<nlohmann::json> rows;
  const auto all = golden_json(kFolder + "single.json");
  for (const auto& row : all.at("rows")) {
    if (row.at("prepare_error").is_null()) rows.push_back(row);
  }
  REQUIRE_FALSE(rows.empty());
  return rows;
}

TEST_CASE("speech: lengths, loudness and gain are the reference's", "[golden]") {
  for (const auto& row : prepared_rows()) {
    const std::string file = row.at("file");
    CAPTURE(file);
    const Speech ours = load_speech(golden_dir() / kFolder / file, {.compat = true});
    check_length(file, ours.samples.size(), row.at("out_n"));
    CHECK_FALSE(ours.too_short);
    if (row.value("loudness_lufs", nlohmann::json()).is_null()) continue;
    check_loudness(ours.loudness_lufs, number(row.at("loudness_lufs")),
                   lossless(file) ? 0.001 : 0.05);
    CHECK(ours.gain == Approx(row.at("gain").get<double>()).epsilon(lossless(file) ? 2e-4 : 6e-3));
  }
}

TEST_CASE("speech: at full fidelity the loudness stays within 0.05 LU", "[golden]") {
  for (const auto& row : prepared_rows()) {
    const std::string file = row.at("file");
    CAPTURE(file);
    const Speech ours = load_speech(golden_dir() / kFolder / file);
    check_length(file, ours.samples.size(), row.at("out_n"));
    if (row.value("loudness_lufs", nlohmann::json()).is_null()) continue;
    check_loudness(ours.loudness_lufs, number(row.at("loudness_lufs")), 0.05);
  }
}

TEST_CASE("speech: what the reference refuses is refused", "[golden]") {
  int cases = 0;
  const auto all = golden_json(kFolder + "single.json");
  for (const auto& row : all.at("rows")) {
    if (row.at("prepare_error").is_null()) continue;
    const auto path = golden_dir() / kFolder / row.at("file").get<std::string>();
    CAPTURE(path);
    CHECK_THROWS_AS(load_speech(path, {.compat = true}), Error);
    // Short sound is our own step further: it works without the compatibility option.
    const bool short_sound = row.value("in_frames", 0) > 0;
    if (short_sound) {
      CHECK(load_speech(path).too_short);
    } else {
      CHECK_THROWS_AS(load_speech(path), Error);
    }
    ++cases;
  }
  REQUIRE(cases > 0);
}

TEST_CASE("resample: soxr gives librosa's samples", "[golden]") {
  int cases = 0;
  for (const auto& [name, theirs] : golden_tensors(kFolder + "single.safetensors")) {
    if (!name.ends_with(".resampled")) continue;
    const std::string file = name.substr(0, name.size() - std::string(".resampled").size());
    CAPTURE(file);
    const Sound sound = read_sound(golden_dir() / kFolder / file, SoundFidelity::kReference);
    const at::Tensor ours =
        as_tensor(resample(mono(sound), sound.sample_rate, kSpeechRate, Resampler::kSoxr));
    check_length(file, static_cast<std::size_t>(ours.numel()), static_cast<double>(theirs.numel()));
    if (lossless(file)) {
      const double worst = test::max_abs_difference(ours, theirs);
      CAPTURE(worst);
      CHECK(worst <= (sound.sample_rate == kSpeechRate ? 0 : 1e-6));
    } else {
      CHECK(snr_db(ours, theirs, kSpeechRate / 2.0) > 50);
    }
    ++cases;
  }
  REQUIRE(cases > 0);
}

// libsamplerate's transition band is narrower than soxr's (it passes 97 % of the band, soxr 91 %),
// so the two are compared below 7/8 of the lower Nyquist frequency.
TEST_CASE("resample: the sinc filter is as good as soxr where both pass", "[golden]") {
  int cases = 0;
  for (const auto& [name, theirs] : golden_tensors(kFolder + "single.safetensors")) {
    if (!name.ends_with(".resampled")) continue;
    const std::string file = name.substr(0, name.size() - std::string(".resampled").size());
    if (!lossless(file)) continue;
    CAPTURE(file);
    const Sound sound = read_sound(golden_dir() / kFolder / file);
    const at::Tensor ours =
        as_tensor(resample(mono(sound), sound.sample_rate, kSpeechRate, Resampler::kSinc));
    REQUIRE(ours.numel() == theirs.numel());
    const double pass_band = std::min(sound.sample_rate, kSpeechRate) / 2.0 * 7 / 8;
    const double snr = snr_db(ours, theirs, pass_band);
    CAPTURE(sound.sample_rate, snr);
    CHECK(snr > 80);
    ++cases;
  }
  REQUIRE(cases > 0);
}

TEST_CASE("speech: prepared samples are the reference's", "[golden]") {
  const auto tensors = golden_tensors(kFolder + "single.safetensors");
  int cases = 0;
  for (const auto& [name, theirs] : tensors) {
    const std::size_t mark = name.find(".prepared");
    if (mark == std::string::npos) continue;
    const std::string file = name.substr(0, mark);
    CAPTURE(name);
    const Speech speech = load_speech(golden_dir() / kFolder / file, {.compat = true});
    if (name.ends_with("_i16")) {
      at::Tensor ours = at::empty({static_cast<std::int64_t>(speech.samples.size())}, at::kShort);
      for (std::size_t i = 0; i < speech.samples.size(); ++i) {
        ours[static_cast<std::int64_t>(i)] = to_pcm16(speech.samples[i]);
      }
      CHECK(test::max_abs_difference(ours, theirs) <= 1);
    } else if (lossless(file)) {
      const double worst = test::max_abs_difference(as_tensor(speech.samples), theirs);
      CAPTURE(worst);
      CHECK(worst <= 2e-6);
    } else {
      check_length(file, speech.samples.size(), static_cast<double>(theirs.numel()));
      CHECK(snr_db(as_tensor(speech.samples), theirs, kSpeechRate / 2.0) > 50);
    }
    ++cases;
  }
  REQUIRE(cases > 0);
}

TEST_CASE("loudness: tones", "[golden]") {
  const nlohmann::json tones = golden_json(kFolder + "loudness_tones.json").at("tones");
  REQUIRE_FALSE(tones.empty());
  for (const auto& tone : tones) {
    CAPTURE(tone);
    std::vector<float> samples(tone.at("n").get<std::size_t>());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const double angle = 2 * M_PI * tone.at("hz").get<double>() * static_cast<double>(i);
      samples[i] = static_cast<float>(tone.at("amp").get<double>() * std::sin(angle / kSpeechRate));
    }
    check_loudness(integrated_loudness(samples, kSpeechRate), number(tone.at("lufs")), 0.001);
  }
}

void check_biquad(const Biquad& ours, const nlohmann::json& theirs) {
  const std::vector<double> b = theirs.at("b");
  const std::vector<double> a = theirs.at("a");
  CHECK(std::abs(ours.b0 - b.at(0)) <= 1e-12);
  CHECK(std::abs(ours.b1 - b.at(1)) <= 1e-12);
  CHECK(std::abs(ours.b2 - b.at(2)) <= 1e-12);
  CHECK(std::abs(ours.a1 - a.at(1)) <= 1e-12);
  CHECK(std::abs(ours.a2 - a.at(2)) <= 1e-12);
}

TEST_CASE("loudness: the K-weighting filters at 16 kHz", "[golden]") {
  const nlohmann::json theirs = golden_json(kFolder + "loudness_tones.json").at("k_weighting_16k");
  const KWeighting ours = k_weighting(kSpeechRate);
  check_biquad(ours.high_shelf, theirs.at("high_shelf"));
  check_biquad(ours.high_pass, theirs.at("high_pass"));
}

TEST_CASE("pcm16: the 16-bit rule of libsndfile", "[golden]") {
  const auto tensors = golden_tensors(kFolder + "pcm16_rule.safetensors");
  const at::Tensor x = tensors.at("x").contiguous();
  REQUIRE(x.numel() > 0);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double value = x.const_data_ptr<double>()[i];
    CAPTURE(value);
    CHECK(to_pcm16(value) == tensors.at("from_f64").const_data_ptr<std::int16_t>()[i]);
    CHECK(to_pcm16(static_cast<float>(value)) ==
          tensors.at("from_f32").const_data_ptr<std::int16_t>()[i]);
  }
}

}  // namespace
}  // namespace multitalk
