#include "pipeline/frame_schedule.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/log.h"

namespace multitalk {

namespace {

constexpr int kTemporalStride = 4;
constexpr int kShortestPreset = 25;
constexpr int kLongestPreset = 201;
constexpr int kWindowReach = 2;
constexpr int kReferenceMaxFrames = 1000;
constexpr int kRowsBeyondEnd = 3;

/// The nearest 4n+1 at or below.
int frame_num_below(int frames) {
  return std::max(1, (frames - 1) / kTemporalStride * kTemporalStride + 1);
}

int longest(const std::vector<int>& audio_frames) {
  return *std::max_element(audio_frames.begin(), audio_frames.end());
}

/// Refuses what no clip can be cut from.
void check_schedulable(const std::vector<int>& audio_frames, const ScheduleOptions& options) {
  MULTITALK_CHECK(!audio_frames.empty(), "no speakers to schedule");
  if (*std::min_element(audio_frames.begin(), audio_frames.end()) < 1) {
    throw input_error("cond_audio: the sound is shorter than one frame of video (1/{} s)",
                      kFramesPerSecond);
  }
  if (options.streaming && options.motion_frame >= options.frame_num) {
    throw input_error(
        "motion_frame: {} must be below frame_num, {}: each clip repeats that many "
        "frames of the one before",
        options.motion_frame, options.frame_num);
  }
  if (!options.reference) return;
  for (std::size_t i = 0; i < audio_frames.size(); ++i) {
    if (audio_frames[i] > options.frame_num) continue;
    throw input_error(
        "cond_audio: person{} has {} frames of sound; the reference needs more than "
        "frame_num, {}",
        i + 1, audio_frames[i], options.frame_num)
        .with_hint("use a smaller frame_num or longer sound, or leave out the reference's rules");
  }
}

/// The most frames that the video may have.
int frame_limit(const ScheduleOptions& options) {
  int limit = std::numeric_limits<int>::max();
  if (options.reference && options.streaming) limit = kReferenceMaxFrames;
  if (options.max_frames > 0) limit = options.max_frames;
  return options.streaming ? limit : std::min(limit, options.frame_num);
}

/// The frames of sound to be shown. In the reference the first speaker's length ends the loop.
int sound_length(const std::vector<int>& audio_frames, const ScheduleOptions& options) {
  if (options.reference) return audio_frames.front();
  return std::max(longest(audio_frames), options.sound_frames);
}

/// The clips up to the first that reaches `frames`. The reference's loop looks at the end of a clip
/// only before the second one, which its refusal of short sound makes the same.
std::vector<ClipSpan> cover(int frames, const ScheduleOptions& options) {
  std::vector<ClipSpan> clips = {{0, options.frame_num, 0, options.frame_num, false}};
  const int advance = options.frame_num - options.motion_frame;
  while (clips.back().end < frames) {
    const int start = clips.back().start + advance;
    clips.push_back({start, start + options.frame_num, options.motion_frame, advance, false});
  }
  clips.back().last = true;
  return clips;
}

/// 0 .. count - 1 and, where a clip that ends at `end` uses up the sound, its mirror image behind.
std::vector<int> mirrored_rows(int count, int end) {
  std::vector<int> rows(count);
  for (int i = 0; i < count; ++i) rows[i] = i;
  if (end < count) return rows;
  const int missing = std::min(end - count + kRowsBeyondEnd, count);
  for (int i = 0; i < missing; ++i) rows.push_back(count - 1 - i);
  return rows;
}

/// The video's length by the reference: cut to the limit, then by what was mirrored for the first
/// speaker; a slice up to [:-0] leaves nothing where only another speaker's sound was mirrored.
int reference_length(const FrameSchedule& schedule, const ScheduleOptions& options) {
  const int produced = std::min(schedule.clips.back().end, frame_limit(options));
  const auto mirrored = [&](std::size_t speaker) {
    const int end = schedule.clips.back().end;
    const int count = schedule.audio_frames[speaker];
    return end >= count ? end - count + kRowsBeyondEnd : 0;
  };
  if (mirrored(0) > 0) return std::max(0, produced - mirrored(0));
  for (std::size_t i = 1; i < schedule.audio_frames.size(); ++i) {
    if (mirrored(i) > 0) return 0;
  }
  return produced;
}

/// Takes the frames beyond the video's length from the last clips.
void cut_to_length(FrameSchedule& schedule) {
  int left = schedule.frames_kept;
  for (ClipSpan& clip : schedule.clips) {
    clip.new_frames = std::min(clip.new_frames, left);
    left -= clip.new_frames;
  }
}

}  // namespace

int latent_frames(int frames) { return (frames - 1) / kTemporalStride + 1; }

bool is_valid_frame_num(int frames) { return frames >= 1 && (frames - 1) % kTemporalStride == 0; }

std::string nearest_frame_nums(int frames) {
  if (frames < 1) return "the nearest is 1";
  const int below = frame_num_below(frames);
  return fmt::format("the nearest are {} and {}", below, below + kTemporalStride);
}

int snap_frame_num(int frames) {
  if (frames < kShortestPreset || frames > kLongestPreset) {
    throw input_error("frame_num: the presets take {} to {} frames, got {}", kShortestPreset,
                      kLongestPreset, frames);
  }
  const int below = frame_num_below(frames);
  return frames - below <= kTemporalStride / 2 ? below : below + kTemporalStride;
}

std::vector<int> window_rows(const FrameSchedule& schedule, const ClipSpan& clip,
                             std::size_t speaker) {
  const std::vector<int>& rows = schedule.rows.at(speaker);
  const int available =
      clip.last ? static_cast<int>(rows.size()) : schedule.audio_frames.at(speaker);
  std::vector<int> window;
  window.reserve(static_cast<std::size_t>(clip.end - clip.start) * (2 * kWindowReach + 1));
  for (int frame = clip.start; frame < clip.end; ++frame) {
    for (int offset = -kWindowReach; offset <= kWindowReach; ++offset) {
      window.push_back(rows[std::clamp(frame + offset, 0, available - 1)]);
    }
  }
  return window;
}

FrameSchedule plan_clips(const std::vector<int>& audio_frames, const ScheduleOptions& options) {
  check_schedulable(audio_frames, options);
  const int sound = sound_length(audio_frames, options);
  const int frames = std::min(sound, frame_limit(options));
  FrameSchedule schedule;
  schedule.audio_frames = audio_frames;
  schedule.clips = cover(frames, options);
  for (const int count : audio_frames) {
    schedule.rows.push_back(mirrored_rows(count, schedule.clips.back().end));
  }
  const bool by_reference = options.reference && schedule.clips.size() > 1;
  schedule.frames_kept = by_reference ? reference_length(schedule, options) : frames;
  cut_to_length(schedule);
  if (sound < options.frame_num) {
    log::info("the sound ({} frames) is shorter than one clip ({}): the video ends with it", sound,
              options.frame_num);
  }
  return schedule;
}

}  // namespace multitalk
