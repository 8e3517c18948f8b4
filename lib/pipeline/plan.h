// A job made concrete, before any weight is read: sizes, boxes, clips, timesteps, memory.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "media/image_reader.h"
#include "pipeline/cover_fit.h"
#include "pipeline/frame_schedule.h"
#include "pipeline/job.h"
#include "pipeline/memory_plan.h"
#include "pipeline/speech.h"
#include "pipeline/task.h"

namespace multitalk {

struct Plan {
  Image picture;  ///< the source, as read
  Bucket bucket;  ///< the video's size
  CoverFit fit;   ///< how the picture is scaled and cropped to it
  std::vector<Box> boxes;
  at::Tensor speaker_masks;  ///< [classes, latent_height, latent_width]
  VoiceTracks speech;
  FrameSchedule schedule;
  double shift = 7;
  std::vector<float> timesteps;  ///< steps + 1, the last 0
  std::vector<double> teacache_coefficients;
  int64_t seed = 42;  ///< drawn here where the job's is negative
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  std::optional<MemoryPlan> memory;  ///< where the sizes of the models are known

  int latent_frames = 0;  ///< of a clip
  int latent_height = 0;
  int latent_width = 0;
  int64_t tokens() const { return int64_t{1} * latent_frames * latent_height * latent_width / 4; }
};

/// Validates everything that can be validated without weights and reads the inputs. Throws input
/// errors (exit code 2), and resource errors where the device is not there.
Plan make_plan(const Job& job);

/// The plan for a person, one fact a line.
std::string describe_plan(const Job& job, const Plan& plan);

/// The plan for a program; its fields are listed in the user guide.
nlohmann::json plan_to_json(const Job& job, const Plan& plan);

/// The picture with every speaker's box drawn, as PNG.
void write_boxes_png(const std::filesystem::path& file, const Plan& plan);

}  // namespace multitalk
