// Sound files, and the sound of video files, into memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace multitalk {

/// A sound at its own rate: interleaved samples, full scale 1 (they may exceed it).
struct Sound {
  int sample_rate = 0;
  int channels = 0;
  std::vector<float> samples;  // [frames, channels]

  std::int64_t frames() const {
    return channels == 0 ? 0 : static_cast<std::int64_t>(samples.size()) / channels;
  }
  double duration_s() const {
    return sample_rate == 0 ? 0 : static_cast<double>(frames()) / sample_rate;
  }
};

/// How much of a file that FFmpeg reads is kept.
enum class SoundFidelity {
  kFull,       ///< all of it: own rate, own channels, float
  kReference,  ///< what the reference keeps: 16 bits; of a video, 16 kHz stereo
};

/// Whether the reference treats the file as a video: .mp4, .mov, .avi or .mkv in any case.
bool has_video_ending(const std::filesystem::path& path);

/// Reads WAV, FLAC, OGG, MP3 and all else that libsndfile knows; through FFmpeg what it does not
/// know, and the best sound of files with a video ending. Throws an input error that names the
/// file where it is missing, a folder, empty, no sound, or has no samples or ones that are not
/// finite.
Sound read_sound(const std::filesystem::path& path, SoundFidelity fidelity = SoundFidelity::kFull);

/// The mean of the channels, in float32: [frames].
std::vector<float> mono(const Sound& sound);

}  // namespace multitalk
