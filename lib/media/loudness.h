// Loudness after ITU-R BS.1770-4.
#pragma once

#include <span>

namespace multitalk {

/// The length of a loudness block; shorter sound has no loudness.
inline constexpr double kLoudnessBlock_s = 0.4;

/// y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2].
struct Biquad {
  double b0, b1, b2, a1, a2;
};

/// The K-weighting filters at a sample rate: a high shelf of +4 dB at 1500 Hz (Q 1/sqrt 2) and a
/// high-pass at 38 Hz (Q 0.5), both by the formulas of R. Bristow-Johnson's "Audio EQ Cookbook".
/// These are pyloudnorm's filters, which the reference uses. They differ from those that other
/// libraries derive from the standard's 48 kHz table by up to some 0.1 dB at low rates.
struct KWeighting {
  Biquad high_shelf;
  Biquad high_pass;
};
KWeighting k_weighting(int sample_rate);

/// Integrated loudness of one channel in LUFS: K-weighting, blocks of 0.4 s every 0.1 s, absolute
/// gate at -70 LUFS, relative gate 10 LU below the mean of what passes it. -infinity for silence,
/// for sound of which no block passes the gates, and for sound shorter than one block.
double integrated_loudness(std::span<const float> mono, int sample_rate);

}  // namespace multitalk
