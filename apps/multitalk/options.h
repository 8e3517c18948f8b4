// The command line of `multitalk generate`: one table of flags, filled into a Job.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "pipeline/generate.h"
#include "pipeline/job.h"
#include "pipeline/json_fields.h"

namespace multitalk {

/// What the user typed, before it means anything.
struct GenerateOptions {
  // The reference's flags, by their names there.
  std::string task = "multitalk-14B";
  std::string size;
  int frame_num = 81;
  std::string ckpt_dir;
  std::string quant_dir;
  std::string wav2vec_dir;
  std::vector<std::string> lora_dir;
  std::vector<double> lora_scale = {LoraFile{}.scale};
  std::string offload_model;
  int ulysses_size = 1;
  int ring_size = 1;
  bool t5_fsdp = false;
  bool t5_cpu = false;
  bool dit_fsdp = false;
  std::string save_file;
  std::string audio_save_dir;
  int64_t base_seed = 42;
  std::string input_json;
  int motion_frame = 25;
  std::string mode = "clip";
  int sample_steps = 40;
  std::optional<double> sample_shift;
  double sample_text_guide_scale = 5.0;
  double sample_audio_guide_scale = 4.0;
  std::optional<int64_t> num_persistent_param_in_dit;
  std::string audio_mode = "localfile";
  bool use_teacache = false;
  double teacache_thresh = 0.2;
  bool use_apg = false;
  double apg_momentum = -0.75;
  double apg_norm_threshold = 55;
  double color_correction_strength = 1.0;
  std::string quant;

  // Ours.
  std::string image;
  std::vector<std::string> audio;
  std::string audio_type = "para";
  std::vector<std::string> box;
  std::string prompt;
  std::optional<std::string> negative_prompt;
  std::string output;
  bool overwrite = false;
  std::string multitalk_ckpt;
  std::string device = "auto";
  std::string dtype;
  std::string noise_device = "same";
  std::optional<int> max_frames;
  std::string preset;
  bool turbo = false;
  bool quality = false;
  std::string compat = "none";
  std::string audio_rate = "source";
  int crf = 18;
  bool no_sidecar = false;
  bool no_weight_hashes = false;
  std::string from;
  std::string save_latents;
  bool dry_run = false;
  bool json = false;
  std::string boxes_png;
};

/// Adds every flag of `generate` to `app`.
void add_generate_options(CLI::App& app, GenerateOptions& options);

/// The job that the options describe. Reads the input JSON and the task file; throws an input error
/// for flags that contradict each other or are not in this version yet.
Job make_job(const CLI::App& app, const GenerateOptions& options);

/// The flags that were given, by name: {"frame_num": "9", "audio": ["a.wav", "None"]}.
Json given_settings(const CLI::App& app);

/// What a record keeps of the given flags: those that have to do with the frames. Folders become
/// absolute paths.
Json recorded_settings(const Json& given);

/// The flags of a run that repeats a recorded one: those given now, and the recorded ones that they
/// leave untouched (--size brings its own --sample_shift, --input_json its own inputs, a preset its
/// own set).
Json repeated_settings(const Json& recorded, const Json& given);

/// "--sample-steps=4" as "--sample_steps=4": dashes and underscores mean the same in a flag's name.
std::vector<std::string> normalize_flags(int argc, char** argv);

}  // namespace multitalk
