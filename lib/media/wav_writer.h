// 16-bit WAV files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace multitalk {

/// floor(x * 32768) clipped to 16 bits: libsndfile's rule, which the reference's files follow.
/// NaN gives 0.
std::int16_t to_pcm16(double value);

/// One channel as 16-bit PCM, atomically. Throws an input error where the folder cannot be written
/// and a resource error where the disk is full or the sound exceeds the format's 4 GiB.
void write_wav_pcm16(const std::filesystem::path& path, std::span<const float> samples,
                     int sample_rate);

}  // namespace multitalk
