// H.264 and AAC in MP4, encoded once while the frames come.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

namespace multitalk {

struct VideoOptions {
  int width = 0;   ///< even
  int height = 0;  ///< even
  int fps = 25;
  int crf = 18;  ///< libx264's quality, 0 (lossless) to 51
  std::string preset = "medium";
  int audio_rate = 16000;                       ///< Hz, see supported_audio_rate; 0: no sound
  int audio_channels = 1;                       ///< 1..8
  std::map<std::string, std::string> metadata;  ///< any keys
};

/// The rate itself where AAC knows it, else the next higher one that it knows, at most 96 kHz.
int supported_audio_rate(int rate);

/// Writes one video. Frames go through the encoder as they come; nothing is kept but what the
/// encoder looks ahead, provided that sound and frames are written side by side. The file appears
/// at its name on finish(), whole; an object destroyed before leaves nothing behind.
///
/// Colour: yuv420p, limited range, BT.601 matrix, tagged so (primaries and transfer BT.709).
/// Programs that ignore the tags take BT.601 at these sizes, so both read the same colours.
class VideoWriter {
 public:
  /// Throws an input error for options that cannot be met and for a path that cannot be written,
  /// and a resource error where FFmpeg has no libx264 or no AAC encoder.
  VideoWriter(const std::filesystem::path& path, const VideoOptions& options);
  ~VideoWriter();
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;

  /// The next frame, [height, width, 3]. Throws a resource error where the disk is full.
  void write_frame(std::span<const std::uint8_t> rgb);

  /// The next samples, [n, channels], full scale 1, clipped there. The caller cuts the sound to the
  /// length of the video. Throws as write_frame.
  void write_audio(std::span<const float> interleaved);

  /// Adds to the options' metadata, or replaces what has this key there; until finish().
  void set_metadata(const std::string& key, const std::string& value);

  /// Encodes what is left and gives the file its name. Throws an input error where no frame was
  /// written.
  void finish();

 private:
  class Muxer;
  class VideoTrack;
  class AudioTrack;

  VideoOptions options_;
  std::unique_ptr<Muxer> muxer_;
  std::unique_ptr<VideoTrack> video_;
  std::unique_ptr<AudioTrack> audio_;  // null without sound
};

}  // namespace multitalk
