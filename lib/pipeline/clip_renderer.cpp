#include "pipeline/clip_renderer.h"

#include <algorithm>

#include "base/device.h"
#include "base/error.h"
#include "base/stopwatch.h"
#include "pipeline/color_correction.h"
#include "pipeline/conditioning.h"
#include "pipeline/frame_mask.h"

namespace multitalk {

GuidanceOptions guidance_options(const Job& job) {
  GuidanceOptions options;
  options.text_scale = job.sampling.text_guide_scale;
  options.audio_scale = job.sampling.audio_guide_scale;
  if (job.sampling.use_apg) {
    options.apg = ApgOptions{job.sampling.apg_momentum, job.sampling.apg_norm_threshold};
  }
  return options;
}

namespace {

std::unique_ptr<TeaCache> make_teacache(const Job& job, const Plan& plan,
                                        const GuidanceOptions& guidance) {
  if (!job.sampling.use_teacache) return nullptr;
  TeaCacheOptions options;
  options.threshold = job.sampling.teacache_thresh;
  options.steps = job.sampling.steps;
  options.forwards_per_step = static_cast<int>(Guidance(guidance).branches().size());
  MULTITALK_CHECK(plan.teacache_coefficients.size() == options.coefficients.size(),
                  "{} TeaCache coefficients", plan.teacache_coefficients.size());
  std::copy(plan.teacache_coefficients.begin(), plan.teacache_coefficients.end(),
            options.coefficients.begin());
  options.reference_counting = job.compat == Compat::kReference;
  return std::make_unique<TeaCache>(options);
}

bool is_silent(Branch branch) {
  return branch == Branch::kDropAudio || branch == Branch::kUnconditional;
}

bool is_textless(Branch branch) {
  return branch == Branch::kDropText || branch == Branch::kUnconditional;
}

}  // namespace

ClipRenderer::ClipRenderer(const Job& job, const Plan& plan, ModelSet& models,
                           const RenderInputs& inputs, LatentTrace& trace, Progress& progress,
                           StageTimes& times)
    : job_(job),
      plan_(plan),
      models_(models),
      inputs_(inputs),
      trace_(trace),
      progress_(progress),
      times_(times),
      guidance_(guidance_options(job)),
      noise_(gaussian_noise(make_generator(job.noise_on_cpu ? at::kCPU : plan.device,
                                           static_cast<std::uint64_t>(plan.seed)),
                            plan.device)),
      teacache_(make_teacache(job, plan, guidance_)),
      given_frames_(inputs.picture.to(plan.device)) {}

at::Tensor ClipRenderer::next() {
  const ClipSpan& clip = plan_.schedule.clips[clip_];
  const Condition condition = encode_condition(clip);
  const at::Tensor latent = sample(condition, prepare_branches(clip, condition));

  progress_.stage("decoding");
  at::Tensor frames;
  {
    const Stopwatch watch(times_["decode"]);
    frames = models_.wan_vae.get().decode(latent).cpu();
  }
  const int64_t shown = std::max<int64_t>(0, job_.frame_num - 2);  // one that the tests look at
  trace_.add(clip_, "decoded_frames", frames.slice(1, shown, shown + 1));
  trace_.add(clip_, "decoded_frames_index", at::tensor({shown}, at::kLong));
  {
    const Stopwatch watch(times_["colour"]);
    frames = match_colors(frames, inputs_.picture, job_.color_correction_strength);
  }
  if (!clip.last) {
    given_frames_ = frames.slice(1, frames.size(1) - job_.motion_frame).to(plan_.device);
  }
  ++clip_;
  return frames;
}

ClipRenderer::Condition ClipRenderer::encode_condition(const ClipSpan& clip) {
  progress_.stage("encoding the picture");
  const Stopwatch watch(times_["encode"]);
  Condition condition;
  condition.clip_features =
      models_.clip_vision.get().features(given_frames_.slice(1, -1).unsqueeze(0));
  const at::Tensor latent =
      models_.wan_vae.get().encode(condition_video(given_frames_, job_.frame_num)).to(plan_.dtype);
  const at::Tensor mask = given_frame_mask(job_.frame_num, static_cast<int>(given_frames_.size(1)))
                              .to(latent.options())
                              .reshape({4, -1, 1, 1})
                              .expand({4, latent.size(1), latent.size(2), latent.size(3)});
  condition.y = at::cat({mask, latent}).unsqueeze(0);
  if (clip.motion_frames > 0) {
    const int64_t latents = 1 + (clip.motion_frames - 1) / 4;
    condition.motion_latents = latent.slice(1, 0, latents).to(at::kFloat);
  }
  trace_condition(condition);
  return condition;
}

void ClipRenderer::trace_condition(const Condition& condition) {
  if (clip_ == 0) {
    trace_.add(clip_, "cond_image", inputs_.picture.squeeze(1).unsqueeze(0));
    trace_.add(clip_, "clip_features_first16", condition.clip_features.slice(1, 0, 16));
  }
  trace_.add(clip_, "y_mask", condition.y.squeeze(0).slice(0, 0, 4));
  trace_.add(clip_, "y_latent", condition.y.squeeze(0).slice(0, 4));
}

std::map<Branch, DitContext> ClipRenderer::prepare_branches(const ClipSpan& clip,
                                                            const Condition& condition) {
  const at::Tensor audio =
      audio_windows(inputs_.audio_embeddings, plan_.schedule, clip).to(plan_.device);
  // Silence is one speaker's, however many there are (reference: zeros_like(audio)[-1:]).
  const at::Tensor silence = at::zeros_like(audio.slice(0, -1));
  std::map<Branch, DitContext> contexts;
  const Guidance guidance(guidance_);
  for (const Branch branch : guidance.branches()) {
    DitCondition input;
    input.context = is_textless(branch) ? inputs_.negative_context : inputs_.context;
    input.clip_features = condition.clip_features;
    input.y = condition.y;
    input.audio = is_silent(branch) ? silence : audio;
    input.speaker_masks = plan_.speaker_masks;
    contexts.emplace(branch, models_.wan_dit.get().prepare(input));
  }
  return contexts;
}

at::Tensor ClipRenderer::sample(const Condition& condition,
                                const std::map<Branch, DitContext>& contexts) {
  progress_.stage("sampling");
  const Stopwatch watch(times_["denoise"]);
  const WanDit& dit = models_.wan_dit.get();
  const BlockRunner runner = teacache_ ? BlockRunner(std::ref(*teacache_)) : BlockRunner();
  const Denoiser denoiser = [&](const at::Tensor& latent, float timestep, Branch branch) {
    return dit.forward(latent, at::full({1}, timestep, latent.options()), contexts.at(branch),
                       runner);
  };
  SamplerOptions options;
  options.timesteps = plan_.timesteps;
  options.guidance = guidance_;
  at::Tensor latent =
      sample_clip(denoiser, {16, plan_.latent_frames, plan_.latent_height, plan_.latent_width},
                  condition.motion_latents, options, noise_, callbacks());
  if (teacache_ != nullptr) {
    std::vector<int64_t> computed;
    for (const TeaCache::Decision& decision : teacache_->take_decisions()) {
      computed.push_back(decision.computed ? 1 : 0);
    }
    trace_.add(clip_, "computed", at::tensor(computed, at::kLong));
  }
  return latent;
}

SamplerCallbacks ClipRenderer::callbacks() {
  SamplerCallbacks callbacks;
  callbacks.step_done = [this](int step) { progress_.step_done(clip_, step); };
  if (trace_.active()) {
    callbacks.trace = [this](const std::string& name, const at::Tensor& value) {
      if (name.starts_with("latent_") && name != "latent_start" && name != "latent_final") {
        trace_.add_step_latent(clip_, value);
      } else {
        trace_.add(clip_, name, value);
      }
    };
  }
  return callbacks;
}

}  // namespace multitalk
