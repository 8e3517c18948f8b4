// Changing the sample rate.
#pragma once

#include <span>
#include <vector>

namespace multitalk {

enum class Resampler {
  kSinc,  ///< libsamplerate's best sinc filter; keeps 97 % of the band
  kSoxr   ///< soxr at 20 bits through libswresample: librosa's samples; keeps 91 % of the band
};

/// Whether this FFmpeg was built with soxr (most distributions' are).
bool has_soxr();

/// One channel from one rate in Hz to another: ceil(n * to / from) samples, time 0 staying where it
/// is. Throws an input error for rates that are not positive or more than 256-fold apart, and a
/// resource error for kSoxr where this FFmpeg was built without soxr.
std::vector<float> resample(std::span<const float> mono, int from, int to, Resampler resampler);

}  // namespace multitalk
