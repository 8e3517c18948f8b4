// From a plan to the finished video.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "pipeline/job.h"
#include "pipeline/plan.h"
#include "pipeline/provenance.h"

namespace multitalk {

struct RenderResult {
  int frames = 0;
  std::map<std::string, double> stage_s;  ///< seconds by stage
  std::uint64_t peak_host_bytes = 0;
  std::optional<std::uint64_t> peak_device_bytes;  ///< where the device is not the host
};

/// Fills plan.memory from the task's model sizes, where it has them: for a dry run without weights.
void expect_memory(const Job& job, Plan& plan);

/// Accounts for every tensor of the job's checkpoint and fills plan.memory, reading headers only.
/// Throws weights errors (exit code 3).
void check_weights(const Job& job, Plan& plan);

/// Renders the job: speech and prompt to embeddings, then clip by clip noise to latent to frames,
/// which go to the encoder as they are made. The video appears at job.output when it is whole, with
/// the record of the run in its metadata and, unless the job says otherwise, beside it.
/// Throws weights errors, resource errors, and Error(kInterrupted) after a signal.
RenderResult generate(const Job& job, const Plan& plan, const RunOrigin& origin);

}  // namespace multitalk
