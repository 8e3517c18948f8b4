// What a video file holds, and its frames one by one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "media/image.h"

namespace multitalk {

struct VideoInfo {
  int width = 0;
  int height = 0;
  std::int64_t frames = 0;  ///< counted in the file, not estimated
  double fps = 0;
  double duration_s = 0;  ///< of the whole file
  std::string video_codec;
  std::string pixel_format;
  std::string audio_codec;  ///< empty without sound, and the audio numbers are 0
  int audio_rate = 0;
  int audio_channels = 0;
  double audio_duration_s = 0;
  std::map<std::string, std::string> metadata;
};

/// Throws an input error where the file is missing, no media file, or has no picture stream.
VideoInfo probe_video(const std::filesystem::path& path);

/// Decodes the frames to RGB, with the colour matrix and range that the file names (BT.601, limited
/// where it names none).
class VideoReader {
 public:
  /// Throws as probe_video.
  explicit VideoReader(const std::filesystem::path& path);
  ~VideoReader();
  VideoReader(const VideoReader&) = delete;
  VideoReader& operator=(const VideoReader&) = delete;

  /// The next frame into `image`; false at the end.
  bool next(Image& image);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace multitalk
