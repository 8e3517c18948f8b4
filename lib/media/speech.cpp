#include "media/speech.h"

#include <cmath>

#include "base/error.h"
#include "media/loudness.h"
#include "media/resample.h"

namespace multitalk {

Speech load_speech(const std::filesystem::path& path, const SpeechOptions& options) {
  Speech speech;
  speech.source =
      read_sound(path, options.compat ? SoundFidelity::kReference : SoundFidelity::kFull);
  const Resampler resampler = options.compat || has_soxr() ? Resampler::kSoxr : Resampler::kSinc;
  speech.samples = resample(mono(speech.source), speech.source.sample_rate, kSpeechRate, resampler);

  speech.too_short = static_cast<double>(speech.samples.size()) < kLoudnessBlock_s * kSpeechRate;
  if (speech.too_short && options.compat) {
    throw input_error("{}: the sound lasts {:.3f} s, the reference needs {} s to measure loudness",
                      path.string(), speech.source.duration_s(), kLoudnessBlock_s)
        .with_hint("leave out the compatibility option: shorter sound works then");
  }
  speech.loudness_lufs = integrated_loudness(speech.samples, kSpeechRate);
  if (std::abs(speech.loudness_lufs) <= 100) {
    speech.gain = std::pow(10.0, (kSpeechLoudness_lufs - speech.loudness_lufs) / 20);
  }
  for (float& sample : speech.samples) sample = static_cast<float>(speech.gain * sample);
  return speech;
}

}  // namespace multitalk
