// The speakers' voices on one time line: what the model listens to, and what the viewer hears.
#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/job.h"

namespace multitalk {

struct VoiceTracks {
  /// One track a speaker, 16 kHz mono at -23 LUFS, all of one length: padded with zeros, and with
  /// AudioType::kSequential each speaker after the one before. A silent speaker counts as zeros as
  /// long as the longest voice. Not clipped.
  std::vector<std::vector<float>> tracks;

  /// What the video carries: the sum of the voices, each with the gain of its track, at the highest
  /// rate of the sources (the next one that the video format knows), in stereo where a source has
  /// more than one channel; with Job::mix_at_16k or Compat::kReference the sum of the tracks. Not
  /// clipped.
  int mix_rate = 16000;
  int mix_channels = 1;
  std::vector<float> mix;  ///< interleaved, [n, mix_channels]

  std::int64_t samples() const;  ///< of a track

  /// Embedding rows of each track (video_frames_of): at some exact multiples of 640 samples one
  /// fewer than there are frames of sound.
  std::vector<int> frames() const;

  /// The whole frames of video that the sound lasts: every 640 samples.
  int whole_frames() const;
};

/// Reads and places all voices of the job (reference: audio_prepare_multi, audio_prepare_single).
/// Throws input errors that name the speaker and the file: what load_speech refuses, and voices of
/// which not one has any sound. With Compat::kReference also unequal lengths of "para" and sounds
/// under 0.4 s are refused, and silence is not.
VoiceTracks prepare_speech(const Job& job);

}  // namespace multitalk
