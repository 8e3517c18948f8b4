#include "pipeline/job.h"

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "pipeline/frame_schedule.h"

namespace multitalk {

namespace {

constexpr std::size_t kReferenceSpeakers = 2;

/// Throws unless `value` is finite and within [least, most].
void require_range(std::string_view name, double value, double least, double most) {
  if (std::isfinite(value) && value >= least && value <= most) return;
  if (std::isinf(most)) throw input_error("{}: {} is below {}, the least", name, value, least);
  throw input_error("{}: expected {} to {}, got {}", name, least, most, value);
}

void require_above(std::string_view name, double value, double bound) {
  if (std::isfinite(value) && value > bound) return;
  throw input_error("{}: must be above {}, got {}", name, bound, value);
}

void require_finite(std::string_view name, double value) {
  if (!std::isfinite(value)) throw input_error("{}: expected a number, got {}", name, value);
}

void validate_frames(const Job& job) {
  if (!is_valid_frame_num(job.frame_num)) {
    throw input_error("frame_num: {} is not 4n+1; {}", job.frame_num,
                      nearest_frame_nums(job.frame_num));
  }
  if (job.max_frames && *job.max_frames < 1) {
    throw input_error("max_frames: expected at least 1, got {}", *job.max_frames);
  }
  if (job.mode != Mode::kStreaming) return;
  if (job.motion_frame < 1 || job.motion_frame >= job.frame_num) {
    throw input_error("motion_frame: expected 1 to {} (below frame_num, {}) in streaming, got {}",
                      job.frame_num - 1, job.frame_num, job.motion_frame);
  }
}

void validate_sampling(const SamplingOptions& sampling) {
  constexpr double kInfinity = INFINITY;
  if (sampling.steps < 1) {
    throw input_error("sample_steps: expected at least 1, got {}", sampling.steps);
  }
  if (sampling.shift) require_above("sample_shift", *sampling.shift, 0);
  require_finite("sample_text_guide_scale", sampling.text_guide_scale);
  require_finite("sample_audio_guide_scale", sampling.audio_guide_scale);
  require_finite("apg_momentum", sampling.apg_momentum);
  require_finite("apg_norm_threshold", sampling.apg_norm_threshold);
  require_range("teacache_thresh", sampling.teacache_thresh, 0, kInfinity);
}

void validate_speakers(const Job& job) {
  const std::vector<Speaker>& speakers = job.speakers;
  if (speakers.empty()) throw input_error("cond_audio names no person");
  if (job.compat == Compat::kReference && speakers.size() > kReferenceSpeakers) {
    throw input_error("cond_audio names {} persons; the reference knows at most {}",
                      speakers.size(), kReferenceSpeakers);
  }
  std::size_t voices = 0;
  std::size_t boxes = 0;
  for (const Speaker& speaker : speakers) {
    voices += speaker.audio ? 1 : 0;
    boxes += speaker.box ? 1 : 0;
  }
  if (voices == 0) {
    throw input_error("cond_audio: every person is None: nobody speaks")
        .with_hint("give at least one person a sound file");
  }
  if (boxes != 0 && boxes != speakers.size()) {
    throw input_error("bbox has {} boxes for {} persons: give one for each, or none", boxes,
                      speakers.size());
  }
}

void validate_dtype(const std::string& dtype) {
  if (dtype.empty() || dtype == "fp32" || dtype == "bf16") return;
  throw input_error("dtype: unknown type \"{}\", expected fp32 or bf16", dtype);
}

std::string describe(const Box& box) {
  return fmt::format("rows {} to {}, columns {} to {}", box.row_min, box.row_max, box.column_min,
                     box.column_max);
}

bool is_empty(const Box& box) {
  return std::trunc(box.row_min) >= std::trunc(box.row_max) ||
         std::trunc(box.column_min) >= std::trunc(box.column_max);
}

bool fits(const Box& box, int height, int width) {
  return box.row_min >= 0 && box.column_min >= 0 && std::trunc(box.row_max) <= height &&
         std::trunc(box.column_max) <= width && !is_empty(box);
}

/// The box with rows and columns exchanged: what [x0, y0, x1, y1] looks like.
Box transposed(const Box& box) {
  return {box.column_min, box.row_min, box.column_max, box.row_max};
}

void validate_box(const Speaker& speaker, int height, int width) {
  const Box& box = *speaker.box;
  if (fits(box, height, width)) return;
  const std::string what =
      is_empty(box)
          ? std::string("is empty")
          : fmt::format("lies outside the picture of {} rows and {} columns", height, width);
  const char* hint = fits(transposed(box), height, width)
                         ? "a box is [row_min, column_min, row_max, column_max]; for [x0, y0, x1, "
                           "y1] add \"bbox_format\": \"xyxy\""
                         : "a box is [row_min, column_min, row_max, column_max] in pixels of the "
                           "source picture, the ends excluded";
  throw input_error("bbox: the box of {} ({}) {}", speaker.name, describe(box), what)
      .with_hint(hint);
}

bool same(const Box& a, const Box& b) {
  return a.row_min == b.row_min && a.row_max == b.row_max && a.column_min == b.column_min &&
         a.column_max == b.column_max;
}

}  // namespace

void validate_job(const Job& job) {
  if (job.image.empty()) throw input_error("cond_image is missing: which picture shall speak?");
  validate_speakers(job);
  validate_frames(job);
  validate_sampling(job.sampling);
  require_range("color_correction_strength", job.color_correction_strength, 0, 1);
  validate_dtype(job.dtype);
  validate_adaptation(job.adaptation);
  resolve_size(job.task, job.size);
}

void validate_boxes(const Job& job, int image_height, int image_width) {
  if (job.compat == Compat::kReference) return;
  for (const Speaker& speaker : job.speakers) {
    if (speaker.box) validate_box(speaker, image_height, image_width);
  }
  for (std::size_t i = 0; i < job.speakers.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Speaker& a = job.speakers[j];
      const Speaker& b = job.speakers[i];
      if (!a.box || !b.box || !same(*a.box, *b.box)) continue;
      throw input_error("bbox: {} and {} have the same box ({})", a.name, b.name, describe(*a.box))
          .with_hint("each voice moves the face in its own speaker's box");
    }
  }
}

}  // namespace multitalk
