#include "pipeline/plan.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <random>

#include "base/device.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "media/image_writer.h"
#include "pipeline/job_settings.h"
#include "pipeline/provenance.h"
#include "pipeline/speaker_masks.h"
#include "sampling/flow_schedule.h"

namespace multitalk {

namespace {

constexpr int kVaeStride = 8;

/// Output names are checked first: nothing is worse than a refused name after an hour of work.
void check_output(const std::filesystem::path& file, bool overwrite, const std::string& flag) {
  namespace fs = std::filesystem;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) {
    throw input_error("{} {}: the folder {} does not exist", flag, file.string(), folder.string())
        .with_hint("mkdir -p " + folder.string());
  }
  if (fs::is_directory(file)) {
    throw input_error("{} {}: is a folder, expected the name of a file", flag, file.string());
  }
  if (fs::exists(file) && !overwrite) {
    throw input_error("{} {}: the file exists already", flag, file.string())
        .with_hint("choose another name, or add --overwrite to replace it");
  }
  const PendingFile probe(file);  // throws where the folder cannot be written
}

void check_sidecar(const Job& job) {
  const std::filesystem::path sidecar = sidecar_of(job.output);
  std::error_code ec;
  if (job.input_json && std::filesystem::equivalent(sidecar, *job.input_json, ec)) {
    throw input_error("--output {}: the settings beside it would replace the input {}",
                      job.output.string(), job.input_json->string())
        .with_hint("choose another name, or add --no_sidecar");
  }
  check_output(sidecar, job.overwrite, "sidecar (--no_sidecar leaves it out)");
}

void check_outputs(const Job& job) {
  check_output(job.output, job.overwrite, "--output");
  if (job.sidecar) check_sidecar(job);
  if (job.save_latents) check_output(*job.save_latents, job.overwrite, "--save_latents");
}

Image read_picture(const Job& job) {
  return read_image(job.image,
                    job.compat == Compat::kReference ? ImageOptions::reference() : ImageOptions{});
}

ScheduleOptions schedule_options(const Job& job, const VoiceTracks& speech) {
  ScheduleOptions options;
  options.sound_frames = speech.whole_frames();
  options.frame_num = job.frame_num;
  options.motion_frame = job.motion_frame;
  options.streaming = job.mode == Mode::kStreaming;
  options.reference = job.compat == Compat::kReference;
  options.max_frames = job.max_frames.value_or(0);
  return options;
}

int64_t draw_seed() {
  std::random_device device;
  return std::uniform_int_distribution<int64_t>(0, 99999999)(device);
}

at::ScalarType resolve_dtype(const Job& job, at::Device device) {
  if (job.dtype == "fp32") return at::kFloat;
  if (job.dtype == "bf16") return at::kBFloat16;
  MULTITALK_CHECK(job.dtype.empty(), "unknown dtype {}", job.dtype);
  return device.is_cuda() ? at::kBFloat16 : at::kFloat;
}

}  // namespace

Plan make_plan(const Job& job) {
  validate_job(job);
  check_outputs(job);
  const SizeClass size = resolve_size(job.task, job.size);

  Plan plan;
  plan.picture = read_picture(job);
  validate_boxes(job, plan.picture.height, plan.picture.width);
  plan.bucket = nearest_bucket(size, plan.picture.height, plan.picture.width);
  plan.fit =
      fit_cover(plan.picture.height, plan.picture.width, plan.bucket.height, plan.bucket.width);
  plan.boxes = effective_boxes(job.speakers, plan.picture.height, plan.picture.width);
  plan.speaker_masks = speaker_masks(job.speakers, plan.picture.height, plan.picture.width,
                                     plan.bucket.height, plan.bucket.width);
  require_visible(job.speakers, plan.speaker_masks);
  plan.latent_frames = latent_frames(job.frame_num);
  plan.latent_height = plan.bucket.height / kVaeStride;
  plan.latent_width = plan.bucket.width / kVaeStride;
  plan.shift = job.sampling.shift.value_or(size.sample_shift);
  plan.timesteps = flow_timesteps(job.sampling.steps, plan.shift);
  plan.teacache_coefficients = size.teacache_coefficients;
  plan.seed = job.sampling.seed >= 0 ? job.sampling.seed : draw_seed();

  plan.speech = prepare_speech(job);
  plan.schedule = plan_clips(plan.speech.frames(), schedule_options(job, plan.speech));
  plan.device = resolve_device(job.device);
  plan.dtype = resolve_dtype(job, plan.device);
  return plan;
}

namespace {

std::string describe_box(const Box& box) {
  return fmt::format("rows {:g} to {:g}, columns {:g} to {:g}", box.row_min, box.row_max,
                     box.column_min, box.column_max);
}

std::string audio_name(const Speaker& speaker) {
  return speaker.audio ? speaker.audio->string() : "(silent)";
}

/// Frames of a clip beyond the end of the sound, which are rendered and cut off again.
int padding_of(const ClipSpan& clip) {
  return clip.end - clip.start - clip.motion_frames - clip.new_frames;
}

}  // namespace

std::string describe_plan(const Job& job, const Plan& plan) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    text += fmt::format("{:<12} {}\n", name, value);
  };
  line("picture", fmt::format("{}, {} x {} (height x width)", job.image.string(),
                              plan.picture.height, plan.picture.width));
  line("video", fmt::format("{}, {} x {}, {} frames, {:.2f} s", job.output.string(),
                            plan.bucket.height, plan.bucket.width, plan.schedule.frames_kept,
                            plan.schedule.frames_kept / static_cast<double>(kFramesPerSecond)));
  for (std::size_t i = 0; i < job.speakers.size(); ++i) {
    const std::string where = i < plan.boxes.size() ? ", " + describe_box(plan.boxes[i]) : "";
    line(job.speakers[i].name.c_str(), audio_name(job.speakers[i]) + where);
  }
  line("latent", fmt::format("16 x {} x {} x {}, {} tokens", plan.latent_frames, plan.latent_height,
                             plan.latent_width, plan.tokens()));
  for (std::size_t i = 0; i < plan.schedule.clips.size(); ++i) {
    const ClipSpan& clip = plan.schedule.clips[i];
    line(i == 0 ? "clips" : "",
         fmt::format("{}: audio frames {} to {}, {} carried over, {} new, {} cut off", i + 1,
                     clip.start, clip.end, clip.motion_frames, clip.new_frames, padding_of(clip)));
  }
  line("sampling", fmt::format("{} steps, shift {:g}, text {:g}, audio {:g}, seed {}",
                               job.sampling.steps, plan.shift, job.sampling.text_guide_scale,
                               job.sampling.audio_guide_scale, plan.seed));
  if (!job.adaptation.quant.empty()) line("quantised", job.adaptation.quant);
  for (const LoraFile& lora : job.adaptation.loras) {
    line("LoRA", fmt::format("{}, scale {:g}", lora.path.string(), lora.scale));
  }
  line("device", fmt::format("{}, {}", plan.device.str(), dtype_name(plan.dtype)));
  if (plan.memory) {
    for (const MemoryStage& stage : plan.memory->stages) {
      line(&stage == &plan.memory->stages.front() ? "memory" : "",
           fmt::format("{}: {} weights, {} activations", stage.name,
                       format_bytes(stage.weight_bytes), format_bytes(stage.activation_bytes)));
    }
    line("", "peak: about " + format_bytes(plan.memory->peak_bytes()));
  } else {
    line("memory", "not known: no --ckpt_dir, and the task has no model_sizes");
  }
  return text;
}

namespace {

nlohmann::json speakers_to_json(const Job& job, const Plan& plan) {
  nlohmann::json speakers = nlohmann::json::array();
  const std::vector<int> frames = plan.speech.frames();
  for (std::size_t i = 0; i < job.speakers.size(); ++i) {
    nlohmann::json speaker = {{"name", job.speakers[i].name},
                              {"audio", nullptr},
                              {"audio_frames", frames[i]},
                              {"box", nullptr}};
    if (job.speakers[i].audio) speaker["audio"] = job.speakers[i].audio->string();
    if (i < plan.boxes.size()) {
      const Box& box = plan.boxes[i];
      speaker["box"] = {box.row_min, box.column_min, box.row_max, box.column_max};
    }
    speakers.push_back(std::move(speaker));
  }
  return speakers;
}

nlohmann::json clips_to_json(const FrameSchedule& schedule) {
  nlohmann::json clips = nlohmann::json::array();
  for (const ClipSpan& clip : schedule.clips) {
    clips.push_back({{"start", clip.start},
                     {"end", clip.end},
                     {"motion_frames", clip.motion_frames},
                     {"new_frames", clip.new_frames},
                     {"padding", padding_of(clip)},
                     {"last", clip.last}});
  }
  return clips;
}

nlohmann::json memory_to_json(const Plan& plan) {
  if (!plan.memory) return nullptr;
  nlohmann::json stages = nlohmann::json::array();
  for (const MemoryStage& stage : plan.memory->stages) {
    stages.push_back({{"name", stage.name},
                      {"weight_bytes", stage.weight_bytes},
                      {"activation_bytes", stage.activation_bytes}});
  }
  return {{"peak_bytes", plan.memory->peak_bytes()}, {"stages", std::move(stages)}};
}

nlohmann::json sampling_to_json(const Job& job, const Plan& plan) {
  const SamplingOptions& s = job.sampling;
  nlohmann::json sampling = {{"steps", s.steps},
                             {"shift", plan.shift},
                             {"text_guide_scale", s.text_guide_scale},
                             {"audio_guide_scale", s.audio_guide_scale},
                             {"seed", plan.seed},
                             {"teacache", nullptr},
                             {"apg", nullptr}};
  if (s.use_teacache) {
    sampling["teacache"] = {{"threshold", s.teacache_thresh},
                            {"coefficients", plan.teacache_coefficients}};
  }
  if (s.use_apg) {
    sampling["apg"] = {{"momentum", s.apg_momentum}, {"norm_threshold", s.apg_norm_threshold}};
  }
  return sampling;
}

nlohmann::json loras_to_json(const Job& job) {
  nlohmann::json loras = nlohmann::json::array();
  for (const LoraFile& lora : job.adaptation.loras) {
    loras.push_back({{"path", lora.path.string()}, {"scale", lora.scale}});
  }
  return loras;
}

nlohmann::json quant_to_json(const Job& job) {
  if (job.adaptation.quant.empty()) return nullptr;
  return job.adaptation.quant;
}

}  // namespace

nlohmann::json plan_to_json(const Job& job, const Plan& plan) {
  return {{"version", std::string(version())},
          {"task", job.task.name},
          {"size", job.size},
          {"prompt", job.prompt},
          {"image",
           {{"path", job.image.string()},
            {"height", plan.picture.height},
            {"width", plan.picture.width}}},
          {"bucket",
           {{"ratio", plan.bucket.ratio},
            {"height", plan.bucket.height},
            {"width", plan.bucket.width},
            {"resized_height", plan.fit.resized_height},
            {"resized_width", plan.fit.resized_width},
            {"crop_top", plan.fit.top},
            {"crop_left", plan.fit.left}}},
          {"latent_shape", {16, plan.latent_frames, plan.latent_height, plan.latent_width}},
          {"tokens", plan.tokens()},
          {"audio_type", job.audio_type == AudioType::kParallel ? "para" : "add"},
          {"audio_samples", plan.speech.samples()},
          {"speakers", speakers_to_json(job, plan)},
          {"mode", job.mode == Mode::kClip ? "clip" : "streaming"},
          {"frame_num", job.frame_num},
          {"motion_frame", job.motion_frame},
          {"clips", clips_to_json(plan.schedule)},
          {"frames", plan.schedule.frames_kept},
          {"fps", kFramesPerSecond},
          {"timesteps", plan.timesteps},
          {"sampling", sampling_to_json(job, plan)},
          {"color_correction_strength", job.color_correction_strength},
          {"quant", quant_to_json(job)},
          {"loras", loras_to_json(job)},
          {"device", plan.device.str()},
          {"dtype", dtype_name(plan.dtype)},
          {"memory", memory_to_json(plan)},
          {"output", job.output.string()}};
}

void write_boxes_png(const std::filesystem::path& file, const Plan& plan) {
  constexpr std::array<std::array<std::uint8_t, 3>, 4> kColors = {
      {{230, 60, 60}, {60, 120, 230}, {60, 180, 90}, {230, 170, 40}}};
  Image picture = plan.picture;
  for (std::size_t i = 0; i < plan.boxes.size(); ++i) {
    const Box& box = plan.boxes[i];
    draw_rectangle(picture,
                   {static_cast<int>(box.column_min), static_cast<int>(box.row_min),
                    static_cast<int>(box.column_max), static_cast<int>(box.row_max)},
                   kColors[i % kColors.size()]);
  }
  write_png(file, picture);
}

}  // namespace multitalk
