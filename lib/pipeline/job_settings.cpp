#include "pipeline/job_settings.h"

#include "base/error.h"

namespace multitalk {

namespace {

void add_inputs(const Job& job, Json& settings) {
  settings["prompt"] = job.prompt;
  if (job.negative_prompt) settings["negative_prompt"] = *job.negative_prompt;
  settings["image"] = absolute_path(job.image);
  settings["audio"] = Json::array();
  for (const Speaker& speaker : job.speakers) {
    settings["audio"].push_back(speaker.audio ? absolute_path(*speaker.audio) : "None");
    if (!speaker.box) continue;
    const Box& box = *speaker.box;
    settings["box"].push_back(
        fmt::format("{},{},{},{}", box.row_min, box.column_min, box.row_max, box.column_max));
  }
  settings["audio_type"] = job.audio_type == AudioType::kSequential ? "add" : "para";
}

void add_weights(const Job& job, Json& settings) {
  settings["task"] = job.task_file ? absolute_path(*job.task_file) : job.task.name;
  if (!job.checkpoint_dir.empty()) settings["ckpt_dir"] = absolute_path(job.checkpoint_dir);
  if (!job.wav2vec_dir.empty()) settings["wav2vec_dir"] = absolute_path(job.wav2vec_dir);
  if (job.multitalk_checkpoint) {
    settings["multitalk_ckpt"] = absolute_path(*job.multitalk_checkpoint);
  }
}

void add_video(const Job& job, Json& settings) {
  settings["size"] = job.size;
  settings["frame_num"] = job.frame_num;
  settings["mode"] = job.mode == Mode::kStreaming ? "streaming" : "clip";
  settings["motion_frame"] = job.motion_frame;
  if (job.max_frames) settings["max_frames"] = *job.max_frames;
  settings["color_correction_strength"] = job.color_correction_strength;
  settings["crf"] = job.crf;
  settings["audio_rate"] = job.mix_at_16k ? "16000" : "source";
}

void add_sampling(const Job& job, const Plan& plan, Json& settings) {
  const SamplingOptions& sampling = job.sampling;
  settings["sample_steps"] = sampling.steps;
  settings["sample_shift"] = plan.shift;
  settings["sample_text_guide_scale"] = sampling.text_guide_scale;
  settings["sample_audio_guide_scale"] = sampling.audio_guide_scale;
  settings["base_seed"] = plan.seed;
  settings["use_teacache"] = sampling.use_teacache;
  settings["teacache_thresh"] = sampling.teacache_thresh;
  settings["use_apg"] = sampling.use_apg;
  settings["apg_momentum"] = sampling.apg_momentum;
  settings["apg_norm_threshold"] = sampling.apg_norm_threshold;
}

void add_machine(const Job& job, const Plan& plan, Json& settings) {
  settings["device"] = plan.device.str();
  settings["dtype"] = dtype_name(plan.dtype);
  settings["offload_model"] = job.offload_models;
  settings["t5_cpu"] = job.t5_on_cpu;
  settings["compat"] = job.compat == Compat::kReference ? "reference" : "none";
}

void add_words(const std::string& flag, const Json& value, std::vector<std::string>& words) {
  if (value.is_structured() || value.is_null()) wrong_type(flag, "a word or a number", value);
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (text.empty()) {  // "--flag=" would take the next word
    words.insert(words.end(), {"--" + flag, ""});
  } else {
    words.push_back("--" + flag + "=" + text);
  }
}

}  // namespace

Json settings_of(const Job& job, const Plan& plan) {
  Json settings = Json::object();
  add_inputs(job, settings);
  add_weights(job, settings);
  add_video(job, settings);
  add_sampling(job, plan, settings);
  add_machine(job, plan, settings);
  return settings;
}

std::vector<std::string> words_of(const Json& settings) {
  std::vector<std::string> words;
  for (const auto& [flag, value] : settings.items()) {
    if (!value.is_array()) {
      add_words(flag, value, words);
      continue;
    }
    for (const Json& element : value) add_words(flag, element, words);
  }
  return words;
}

std::string absolute_path(const std::filesystem::path& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

std::string dtype_name(at::ScalarType dtype) { return dtype == at::kFloat ? "fp32" : "bf16"; }

}  // namespace multitalk
