// The arithmetic of frames: 4n+1, and which audio frames each clip covers. No tensors here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace multitalk {

/// 25 frames of video and of audio embedding a second.
inline constexpr int kFramesPerSecond = 25;

/// Frames of latent for `frames` of video, (frames - 1) / 4 + 1.
int latent_frames(int frames);

/// Whether `frames` is 4n+1 (1, 5, 9, ...); if not, "the nearest are 81 and 85" for a message.
bool is_valid_frame_num(int frames);
std::string nearest_frame_nums(int frames);

/// The frame number that the presets use for the one asked for: the nearest 4n+1, the lower one of
/// two equally near. Throws an input error outside 25..201 (reference: cog-MultiTalk, predict.py).
int snap_frame_num(int frames);

struct ClipSpan {
  int start = 0;          ///< first audio frame
  int end = 0;            ///< one past the last: start + frame_num
  int motion_frames = 0;  ///< frames carried over from the clip before; 0 in the first
  int new_frames = 0;     ///< frames of this clip that enter the video, after the cut at the end
  bool last = false;
};

struct FrameSchedule {
  std::vector<ClipSpan> clips;
  int frames_kept = 0;  ///< the video's length; 0 is possible with `reference` only
  /// For each speaker its number of embedding rows, and the row behind each frame as the last clip
  /// takes it: where that clip reaches the sound's end, the sound is followed by its own mirror
  /// image, up to the last clip's end and 3 more.
  std::vector<int> audio_frames;
  std::vector<std::vector<int>> rows;
};

/// The embedding rows that a clip of the schedule gives to the model for one speaker, as
/// [frame_num * 5]: for each frame f the rows of f-2 .. f+2, clamped at both ends.
std::vector<int> window_rows(const FrameSchedule& schedule, const ClipSpan& clip,
                             std::size_t speaker);

struct ScheduleOptions {
  int frame_num = 81;
  int motion_frame = 25;
  bool streaming = false;
  /// The video's length where it may differ from the most embedding rows; not with `reference`.
  int sound_frames = 0;
  int max_frames = 0;      ///< at most so many; 0: no limit (with `reference`: 1000 in streaming)
  bool reference = false;  ///< lengths, refusals and cuts as in the reference (see golden README)
};

/// Cuts the sound into clips. `audio_frames` holds each speaker's number of embedding rows.
///
/// The video is as long as the sound (sound_frames, or the longest speaker's rows where that is
/// more), in clip mode at most one clip; sound shorter than a clip is followed by its mirror image
/// and the video is cut to the sound. With `reference` the lengths are those of
/// MultiTalkPipeline.generate: sound of at most frame_num frames is refused, the first speaker
/// alone decides, and a streamed video is 3 frames or more too short.
///
/// Throws an input error where the job cannot be scheduled: no sound, or no progress from clip to
/// clip (motion_frame >= frame_num in streaming).
FrameSchedule plan_clips(const std::vector<int>& audio_frames, const ScheduleOptions& options);

}  // namespace multitalk
