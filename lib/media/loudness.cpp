#include "media/loudness.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

namespace multitalk {

namespace {

constexpr double kStep_s = 0.1;
constexpr double kAbsoluteGate_lufs = -70;
constexpr double kRelativeGate_lu = -10;

/// Angle and half band width of a filter at `frequency`.
struct Corner {
  double cosine;
  double alpha;
};

Corner corner(double frequency, double q, int sample_rate) {
  const double angle = 2 * std::numbers::pi * frequency / sample_rate;
  return {std::cos(angle), std::sin(angle) / (2 * q)};
}

Biquad high_shelf(double gain_db, double q, double frequency, int sample_rate) {
  const auto [cosine, alpha] = corner(frequency, q, sample_rate);
  const double amplitude = std::pow(10.0, gain_db / 40);
  const double plus = amplitude + 1;
  const double minus = amplitude - 1;
  const double slope = 2 * std::sqrt(amplitude) * alpha;
  const double a0 = plus - minus * cosine + slope;
  return {amplitude * (plus + minus * cosine + slope) / a0,
          -2 * amplitude * (minus + plus * cosine) / a0,
          amplitude * (plus + minus * cosine - slope) / a0, 2 * (minus - plus * cosine) / a0,
          (plus - minus * cosine - slope) / a0};
}

Biquad high_pass(double q, double frequency, int sample_rate) {
  const auto [cosine, alpha] = corner(frequency, q, sample_rate);
  const double a0 = 1 + alpha;
  return {(1 + cosine) / 2 / a0, -(1 + cosine) / a0, (1 + cosine) / 2 / a0, -2 * cosine / a0,
          (1 - alpha) / a0};
}

/// In place, by the transposed direct form II.
void filter(std::vector<double>& samples, const Biquad& biquad) {
  double state1 = 0;
  double state2 = 0;
  for (double& sample : samples) {
    const double x = sample;
    sample = biquad.b0 * x + state1;
    state1 = biquad.b1 * x - biquad.a1 * sample + state2;
    state2 = biquad.b2 * x - biquad.a2 * sample;
  }
}

double to_lufs(double mean_square) { return -0.691 + 10 * std::log10(mean_square); }

/// The mean square of every block. The number of blocks is rounded (half to even), so that the
/// last one may reach past the end; it is divided by a whole block's length all the same.
std::vector<double> block_powers(const std::vector<double>& weighted, int sample_rate) {
  const auto total = static_cast<std::int64_t>(weighted.size());
  const double block = kLoudnessBlock_s * sample_rate;
  const double duration_s = static_cast<double>(total) / sample_rate;
  const auto count =
      static_cast<std::int64_t>(std::nearbyint((duration_s - kLoudnessBlock_s) / kStep_s)) + 1;
  std::vector<double> powers;
  for (std::int64_t i = 0; i < count; ++i) {
    const double quarter = 0.25 * static_cast<double>(i);
    const auto first = static_cast<std::int64_t>(kLoudnessBlock_s * quarter * sample_rate);
    const auto end = static_cast<std::int64_t>(kLoudnessBlock_s * (quarter + 1) * sample_rate);
    double sum = 0;
    for (std::int64_t n = first; n < std::min(end, total); ++n) sum += weighted[n] * weighted[n];
    powers.push_back(sum / block);
  }
  return powers;
}

/// The mean of the powers above a gate; 0 where none is.
double mean_above(const std::vector<double>& powers, double gate_lufs) {
  double sum = 0;
  int count = 0;
  for (const double power : powers) {
    if (to_lufs(power) <= gate_lufs) continue;
    sum += power;
    ++count;
  }
  return count == 0 ? 0 : sum / count;
}

}  // namespace

KWeighting k_weighting(int sample_rate) {
  return {high_shelf(4.0, 1 / std::numbers::sqrt2, 1500.0, sample_rate),
          high_pass(0.5, 38.0, sample_rate)};
}

double integrated_loudness(std::span<const float> mono, int sample_rate) {
  constexpr double kSilence = -std::numeric_limits<double>::infinity();
  if (static_cast<double>(mono.size()) < kLoudnessBlock_s * sample_rate) return kSilence;

  const KWeighting weighting = k_weighting(sample_rate);
  std::vector<double> weighted(mono.begin(), mono.end());
  filter(weighted, weighting.high_shelf);
  filter(weighted, weighting.high_pass);

  const std::vector<double> powers = block_powers(weighted, sample_rate);
  const double ungated = mean_above(powers, kAbsoluteGate_lufs);
  if (ungated == 0) return kSilence;
  const double gate = std::max(kAbsoluteGate_lufs, to_lufs(ungated) + kRelativeGate_lu);
  return to_lufs(mean_above(powers, gate));
}

}  // namespace multitalk
