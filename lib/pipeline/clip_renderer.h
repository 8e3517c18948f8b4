// One clip after another: each from noise, its audio windows and the frames it starts from.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "pipeline/job.h"
#include "pipeline/latent_trace.h"
#include "pipeline/model_set.h"
#include "pipeline/plan.h"
#include "sampling/guidance.h"
#include "sampling/sampler.h"
#include "sampling/teacache.h"

namespace multitalk {

/// What all clips share.
struct RenderInputs {
  std::vector<at::Tensor> audio_embeddings;  ///< one [rows, layers, channels] a speaker
  at::Tensor context;                        ///< [words, text_dim] of the prompt
  at::Tensor negative_context;               ///< undefined where no forward needs it
  at::Tensor picture;                        ///< [3, 1, H, W] in [-1, 1]
};

/// Seconds spent, by stage.
using StageTimes = std::map<std::string, double>;

class ClipRenderer {
 public:
  /// Keeps references to all of them.
  ClipRenderer(const Job& job, const Plan& plan, ModelSet& models, const RenderInputs& inputs,
               LatentTrace& trace, Progress& progress, StageTimes& times);

  /// Renders the next clip: frames [3, frame_num, H, W] in [-1, 1] on the CPU, colour-corrected.
  /// The clips of a video must be asked for in order, for each starts from the last one's end.
  at::Tensor next();

 private:
  struct Condition {
    at::Tensor clip_features;  // [1, 257, width]
    at::Tensor y;              // [1, 20, T, h, w]
    std::optional<at::Tensor> motion_latents;
  };

  Condition encode_condition(const ClipSpan& clip);
  std::map<Branch, DitContext> prepare_branches(const ClipSpan& clip, const Condition& condition);
  at::Tensor sample(const Condition& condition, const std::map<Branch, DitContext>& contexts);
  SamplerCallbacks callbacks();
  void trace_condition(const Condition& condition);

  const Job& job_;
  const Plan& plan_;
  ModelSet& models_;
  const RenderInputs& inputs_;
  LatentTrace& trace_;
  Progress& progress_;
  StageTimes& times_;
  GuidanceOptions guidance_;
  NoiseSource noise_;
  std::unique_ptr<TeaCache> teacache_;
  at::Tensor given_frames_;  // [3, n, H, W]: the picture, then the end of the clip before
  int clip_ = 0;
};

/// The guidance that the job asks for.
GuidanceOptions guidance_options(const Job& job);

}  // namespace multitalk
