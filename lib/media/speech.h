// A speaker's sound as the models hear it: 16 kHz, one channel, -23 LUFS.
#pragma once

#include <filesystem>
#include <vector>

#include "media/audio_reader.h"

namespace multitalk {

inline constexpr int kSpeechRate = 16000;
inline constexpr double kSpeechLoudness_lufs = -23;

struct SpeechOptions {
  /// Exactly the reference's samples: 16 bits for what FFmpeg reads (a video through 16 kHz
  /// stereo), soxr or an error where there is none, and no sound shorter than a loudness block.
  /// Otherwise full fidelity, soxr where there is one and else libsamplerate, any length.
  bool compat = false;
};

struct Speech {
  std::vector<float> samples;  ///< 16 kHz, with the gain; may exceed 1
  double loudness_lufs = 0;    ///< before the gain; -infinity where there is none to measure
  double gain = 1;             ///< 1 for silence, and for sound too short or too quiet to measure
  bool too_short = false;      ///< shorter than the 0.4 s of a loudness block
  Sound source;                ///< the file's sound, at its own rate, without the gain
};

/// Reads, mixes to one channel, resamples, and brings the loudness to -23 LUFS by one gain unless
/// |loudness| > 100. Throws as read_sound does; with `compat`, also an input error for sound
/// shorter than 0.4 s. Source: audio_prepare_single and loudness_norm of generate_multitalk.py.
Speech load_speech(const std::filesystem::path& path, const SpeechOptions& options = {});

}  // namespace multitalk
