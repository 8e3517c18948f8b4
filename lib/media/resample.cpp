#include "media/resample.h"

#include <samplerate.h>

#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "media/ffmpeg.h"

namespace multitalk {

namespace {

/// ceil(n * to / from), the ratio rounded to a double first, as librosa does.
std::size_t resampled_length(std::size_t samples, int from, int to) {
  const double ratio = static_cast<double>(to) / from;
  return static_cast<std::size_t>(std::ceil(static_cast<double>(samples) * ratio));
}

std::vector<float> resample_sinc(std::span<const float> mono, int from, int to) {
  std::vector<float> result(resampled_length(mono.size(), from, to) + 1);
  SRC_DATA data{};
  data.data_in = mono.data();
  data.input_frames = static_cast<long>(mono.size());
  data.data_out = result.data();
  data.output_frames = static_cast<long>(result.size());
  data.src_ratio = static_cast<double>(to) / from;
  const int error = src_simple(&data, SRC_SINC_BEST_QUALITY, 1);
  if (error != 0) throw internal_error("resampling {} to {} Hz: {}", from, to, src_strerror(error));
  result.resize(static_cast<std::size_t>(data.output_frames_gen));
  return result;
}

}  // namespace

bool has_soxr() { return ffmpeg::make_soxr(2, 1) != nullptr; }

std::vector<float> resample(std::span<const float> mono, int from, int to, Resampler resampler) {
  if (from <= 0 || to <= 0 || from > 256LL * to || to > 256LL * from) {
    throw input_error("cannot resample from {} Hz to {} Hz", from, to);
  }
  if (from == to || mono.empty()) return {mono.begin(), mono.end()};
  std::vector<float> result = resampler == Resampler::kSinc ? resample_sinc(mono, from, to)
                                                            : ffmpeg::resample_soxr(mono, from, to);
  result.resize(resampled_length(mono.size(), from, to));
  return result;
}

}  // namespace multitalk
