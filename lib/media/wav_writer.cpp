#include "media/wav_writer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace multitalk {

namespace {

void append(std::string& bytes, std::uint32_t value, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

/// The 44 bytes before the samples: "RIFF", one "fmt " chunk, the head of "data".
std::string wav_header(std::uint32_t data_bytes, std::uint32_t sample_rate) {
  std::string header = "RIFF";
  append(header, 36 + data_bytes, 4);
  header += "WAVEfmt ";
  append(header, 16, 4);  // size of the chunk
  append(header, 1, 2);   // PCM
  append(header, 1, 2);   // channels
  append(header, sample_rate, 4);
  append(header, sample_rate * 2, 4);  // bytes a second
  append(header, 2, 2);                // bytes a frame
  append(header, 16, 2);               // bits a sample
  header += "data";
  append(header, data_bytes, 4);
  return header;
}

}  // namespace

std::int16_t to_pcm16(double value) {
  if (std::isnan(value)) return 0;
  return static_cast<std::int16_t>(std::clamp(std::floor(value * 32768), -32768.0, 32767.0));
}

void write_wav_pcm16(const std::filesystem::path& path, std::span<const float> samples,
                     int sample_rate) {
  constexpr std::size_t kMaxBytes = std::numeric_limits<std::uint32_t>::max() - 36;
  if (samples.size() * 2 > kMaxBytes) {
    throw resource_error("{}: {} samples exceed the 4 GiB of a WAV file", path.string(),
                         samples.size());
  }
  std::string bytes = wav_header(static_cast<std::uint32_t>(samples.size() * 2),
                                 static_cast<std::uint32_t>(sample_rate));
  bytes.reserve(bytes.size() + samples.size() * 2);
  for (const float sample : samples) {
    append(bytes, static_cast<std::uint16_t>(to_pcm16(sample)), 2);
  }
  write_file_atomically(path, bytes);
}

}  // namespace multitalk
