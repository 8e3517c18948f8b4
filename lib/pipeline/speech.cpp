#include "pipeline/speech.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "media/resample.h"
#include "media/speech.h"
#include "media/video_writer.h"
#include "models/wav2vec2.h"
#include "pipeline/frame_schedule.h"

namespace multitalk {

namespace {

using Voices = std::vector<std::optional<Speech>>;  ///< nothing for silent speakers

/// Where a speaker's voice lies on the common time line, in samples at 16 kHz.
struct Place {
  std::size_t offset = 0;
  std::size_t length = 0;
};

std::string field_name(const Speaker& speaker) { return "cond_audio." + speaker.name; }

Speech load_voice(const Speaker& speaker, Compat compat) {
  try {
    return load_speech(*speaker.audio, {.compat = compat == Compat::kReference});
  } catch (const Error& error) {
    throw error.within(field_name(speaker));
  }
}

Voices load_voices(const Job& job) {
  Voices voices;
  for (const Speaker& speaker : job.speakers) {
    voices.emplace_back();
    if (!speaker.audio) continue;
    voices.back() = load_voice(speaker, job.compat);
    if (!std::isfinite(voices.back()->loudness_lufs)) {
      log::warning("{}: {} is too {} to measure its loudness; it is left as it is",
                   field_name(speaker), speaker.audio->string(),
                   voices.back()->too_short ? "short" : "quiet");
    }
  }
  return voices;
}

bool is_audible(const Speech& voice) {
  return std::any_of(voice.samples.begin(), voice.samples.end(), [](float x) { return x != 0; });
}

void require_audible(const Job& job, const Voices& voices) {
  std::vector<std::string> silent_files;
  for (std::size_t i = 0; i < voices.size(); ++i) {
    if (!voices[i]) continue;
    if (is_audible(*voices[i])) return;
    silent_files.push_back(job.speakers[i].audio->string());
  }
  throw input_error("cond_audio: nobody speaks: there is only silence in {}",
                    silent_files.empty() ? "the job" : join_and(silent_files));
}

void require_equal_lengths(const Job& job, const Voices& voices, std::size_t longest) {
  for (std::size_t i = 0; i < voices.size(); ++i) {
    if (!voices[i] || voices[i]->samples.size() == longest) continue;
    throw input_error(
        "{}: {} has {} samples at 16 kHz, another speaker has {}; with audio_type "
        "\"para\" the reference needs equal lengths",
        field_name(job.speakers[i]), job.speakers[i].audio->string(), voices[i]->samples.size(),
        longest)
        .with_hint("without the reference's rules the shorter one is padded with silence");
  }
}

std::size_t longest_voice(const Voices& voices) {
  std::size_t longest = 0;
  for (const auto& voice : voices) {
    if (voice) longest = std::max(longest, voice->samples.size());
  }
  return longest;
}

std::vector<Place> place_voices(const Voices& voices, AudioType type) {
  const std::size_t longest = longest_voice(voices);
  std::vector<Place> places;
  std::size_t offset = 0;
  for (const auto& voice : voices) {
    const std::size_t length = voice ? voice->samples.size() : longest;
    places.push_back({offset, length});
    if (type == AudioType::kSequential) offset += length;
  }
  return places;
}

std::size_t total_length(const std::vector<Place>& places) {
  std::size_t total = 0;
  for (const Place& place : places) total = std::max(total, place.offset + place.length);
  return total;
}

/// The sound at `rate` in one or two channels; more than two are averaged. [channels][n]
std::vector<std::vector<float>> as_channels(const Sound& sound, int rate, int channels) {
  std::vector<std::vector<float>> result;
  if (channels == 2 && sound.channels == 2) {
    result.resize(2);
    for (std::size_t i = 0; i < sound.samples.size(); ++i)
      result[i % 2].push_back(sound.samples[i]);
  } else {
    result.assign(1, mono(sound));
  }
  for (auto& channel : result) {
    channel = resample(channel, sound.sample_rate, rate, Resampler::kSinc);
  }
  result.resize(channels, result.front());
  return result;
}

void mix_sources(const Voices& voices, const std::vector<Place>& places, VoiceTracks& speech) {
  int highest_rate = 0;
  for (const auto& voice : voices) {
    if (!voice) continue;
    highest_rate = std::max(highest_rate, voice->source.sample_rate);
    if (voice->source.channels > 1) speech.mix_channels = 2;
  }
  speech.mix_rate = supported_audio_rate(highest_rate);
  const auto at_mix_rate = [&](std::size_t samples) {
    const double seconds = static_cast<double>(samples) / kSpeechRate;
    return static_cast<std::size_t>(std::llround(seconds * speech.mix_rate));
  };
  const std::size_t length = at_mix_rate(total_length(places));
  const std::size_t channels = speech.mix_channels;
  speech.mix.assign(length * channels, 0);
  for (std::size_t i = 0; i < voices.size(); ++i) {
    if (!voices[i]) continue;
    const auto sound = as_channels(voices[i]->source, speech.mix_rate, speech.mix_channels);
    const std::size_t offset = at_mix_rate(places[i].offset);
    const std::size_t end = std::min(length, offset + sound.front().size());
    for (std::size_t n = offset; n < end; ++n) {
      for (std::size_t c = 0; c < channels; ++c) {
        speech.mix[n * channels + c] += static_cast<float>(voices[i]->gain) * sound[c][n - offset];
      }
    }
  }
}

void mix_tracks(VoiceTracks& speech) {
  speech.mix.assign(speech.samples(), 0);
  for (const auto& track : speech.tracks) {
    std::transform(track.begin(), track.end(), speech.mix.begin(), speech.mix.begin(),
                   std::plus<>());
  }
}

}  // namespace

std::int64_t VoiceTracks::samples() const {
  return tracks.empty() ? 0 : static_cast<std::int64_t>(tracks.front().size());
}

std::vector<int> VoiceTracks::frames() const {
  return std::vector<int>(tracks.size(), static_cast<int>(video_frames_of(samples())));
}

int VoiceTracks::whole_frames() const {
  return static_cast<int>(samples() * kFramesPerSecond / kSpeechRate);
}

VoiceTracks prepare_speech(const Job& job) {
  const bool reference = job.compat == Compat::kReference;
  const Voices voices = load_voices(job);
  if (!reference) require_audible(job, voices);
  if (reference && job.audio_type == AudioType::kParallel) {
    require_equal_lengths(job, voices, longest_voice(voices));
  }
  const std::vector<Place> places = place_voices(voices, job.audio_type);
  const std::size_t total = total_length(places);
  VoiceTracks speech;
  for (std::size_t i = 0; i < voices.size(); ++i) {
    std::vector<float>& track = speech.tracks.emplace_back(total);
    if (!voices[i]) continue;
    const std::vector<float>& samples = voices[i]->samples;
    std::copy(samples.begin(), samples.end(), track.begin() + places[i].offset);
  }
  if (reference || job.mix_at_16k) {
    mix_tracks(speech);
  } else {
    mix_sources(voices, places, speech);
  }
  return speech;
}

}  // namespace multitalk
