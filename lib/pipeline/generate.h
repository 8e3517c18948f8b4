// From a plan to the finished video.
#pragma once

#include <map>
#include <string>

#include "pipeline/job.h"
#include "pipeline/plan.h"

namespace multitalk {

struct RenderResult {
  int frames = 0;
  std::map<std::string, double> stage_s;  ///< seconds by stage
};

/// Accounts for every tensor of the job's checkpoint and fills plan.memory, reading headers only.
/// Throws weights errors (exit code 3).
void check_weights(const Job& job, Plan& plan);

/// Renders the job: speech and prompt to embeddings, then clip by clip noise to latent to frames,
/// which go to the encoder as they are made. The video appears at job.output when it is whole.
/// Throws weights errors, resource errors, and Error(kInterrupted) after a signal.
RenderResult generate(const Job& job, const Plan& plan);

}  // namespace multitalk
