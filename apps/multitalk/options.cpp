#include "options.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "pipeline/frame_schedule.h"
#include "pipeline/job_settings.h"
#include "pipeline/presets.h"

namespace multitalk {

std::vector<std::string> normalize_flags(int argc, char** argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  for (std::string& arg : args) {
    if (arg.size() <= 2 || arg.compare(0, 2, "--") != 0) continue;
    const auto name_end = arg.begin() + static_cast<long>(std::min(arg.find('='), arg.size()));
    std::replace(arg.begin() + 2, name_end, '-', '_');
  }
  return args;
}

namespace {

void add_inputs(CLI::App& app, GenerateOptions& o) {
  const std::string group = "Input";
  app.add_option("--input_json", o.input_json, "The job as a JSON file (the reference's format)")
      ->group(group);
  app.add_option("--from", o.from,
                 "Repeat the run that made this video (or its .json); flags given here win")
      ->group(group);
  app.add_option("--image", o.image, "The picture (instead of --input_json)")->group(group);
  app.add_option("--audio", o.audio, "One recording a speaker, in order; None is a silent one")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->take_all()
      ->group(group);
  app.add_option("--audio_type", o.audio_type, "para: all speak at once; add: one after another")
      ->check(CLI::IsMember({"para", "add"}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--box", o.box,
                 "A speaker's place in the picture, one a speaker: ROW0,COL0,ROW1,COL1 in pixels")
      ->take_all()
      ->group(group);
  app.add_option("--prompt", o.prompt, "What the video shows")->group(group);
  app.add_option("--negative_prompt", o.negative_prompt,
                 "What it should not show [default: the task's]")
      ->group(group);
  app.add_option("--audio_mode", o.audio_mode, "localfile, or tts (not in this version yet)")
      ->check(CLI::IsMember({"localfile", "tts"}))
      ->capture_default_str()
      ->group(group);
}

void add_weights(CLI::App& app, GenerateOptions& o) {
  const std::string group = "Weights";
  app.add_option("--ckpt_dir", o.ckpt_dir, "The Wan2.1 / MultiTalk checkpoint folder")
      ->group(group);
  app.add_option("--wav2vec_dir", o.wav2vec_dir, "The wav2vec2 folder")->group(group);
  app.add_option("--multitalk_ckpt", o.multitalk_ckpt,
                 "multitalk.safetensors, where it does not lie in --ckpt_dir")
      ->group(group);
  app.add_option("--task", o.task, "The task: a built-in name or a .json file")
      ->capture_default_str()
      ->group(group);
  app.add_option("--quant", o.quant,
                 "Quantised weights of the text encoder and the transformer: int8 or fp8")
      ->check(CLI::IsMember({"int8", "fp8"}))
      ->group(group);
  app.add_option("--quant_dir", o.quant_dir, "With --quant: the folder that holds quant_models")
      ->group(group);
  app.add_option("--lora_dir", o.lora_dir, "LoRA files, merged into the transformer in this order")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->take_all()
      ->group(group);
  app.add_option("--lora_scale", o.lora_scale, "One scale for all LoRAs, or one for each")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->take_all()
      ->capture_default_str()
      ->group(group);
}

void add_video(CLI::App& app, GenerateOptions& o) {
  const std::string group = "Video";
  app.add_option("-o,--output", o.output, "The mp4 to write")->group(group);
  app.add_option("--save_file", o.save_file,
                 "The same without its ending; .mp4 is appended [default: made from the prompt]")
      ->group(group);
  app.add_flag("-y,--overwrite", o.overwrite, "Replace files that exist")->group(group);
  app.add_option("--size", o.size, "A size name of the task, or HEIGHTxWIDTH [default: the task's]")
      ->group(group);
  app.add_option("--frame_num", o.frame_num, "Frames a clip, 4n+1")
      ->capture_default_str()
      ->group(group);
  app.add_option("--mode", o.mode, "clip: one clip; streaming: as long as the sound")
      ->check(CLI::IsMember({"clip", "streaming"}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--motion_frame", o.motion_frame, "Frames carried from clip to clip in streaming")
      ->capture_default_str()
      ->group(group);
  app.add_option("--max_frames", o.max_frames, "Never more frames than this")->group(group);
  app.add_option("--color_correction_strength", o.color_correction_strength,
                 "Pulls every frame to the picture's colours, 0 to 1")
      ->capture_default_str()
      ->group(group);
  app.add_option("--crf", o.crf, "H.264 quality, 0 (lossless) to 51")
      ->check(CLI::Range(0, 51))
      ->capture_default_str()
      ->group(group);
  app.add_option("--audio_rate", o.audio_rate, "Sound in the video: source, or 16000 mono")
      ->check(CLI::IsMember({"source", "16000"}))
      ->capture_default_str()
      ->group(group);
  app.add_flag("--no_sidecar", o.no_sidecar, "No VIDEO.mp4.json with the settings beside the video")
      ->group(group);
  app.add_flag("--no_weight_hashes", o.no_weight_hashes,
               "Leave the hashes of the weights out of the settings")
      ->group(group);
  app.add_option("--audio_save_dir", o.audio_save_dir,
                 "Also keep the mixed sound and the audio embeddings in a folder of this one")
      ->group(group);
}

void add_sampling(CLI::App& app, GenerateOptions& o) {
  const std::string group = "Sampling";
  app.add_option("--sample_steps", o.sample_steps, "Steps a clip")
      ->capture_default_str()
      ->group(group);
  app.add_option("--sample_shift", o.sample_shift, "Schedule shift [default: the size's]")
      ->group(group);
  app.add_option("--sample_text_guide_scale", o.sample_text_guide_scale, "Text guidance")
      ->capture_default_str()
      ->group(group);
  app.add_option("--sample_audio_guide_scale", o.sample_audio_guide_scale, "Audio guidance")
      ->capture_default_str()
      ->group(group);
  app.add_option("--base_seed", o.base_seed, "Seed; negative: a random one")
      ->capture_default_str()
      ->group(group);
  app.add_flag("--use_teacache", o.use_teacache, "Skip forwards that change little (TeaCache)")
      ->group(group);
  app.add_option("--teacache_thresh", o.teacache_thresh, "Its threshold")
      ->capture_default_str()
      ->group(group);
  app.add_flag("--use_apg", o.use_apg, "Adaptive projected guidance")->group(group);
  app.add_option("--apg_momentum", o.apg_momentum, "Its momentum")
      ->capture_default_str()
      ->group(group);
  app.add_option("--apg_norm_threshold", o.apg_norm_threshold, "Its norm threshold; 0: none")
      ->capture_default_str()
      ->group(group);
  auto* preset = app.add_option("--preset", o.preset,
                                "fusionx or lightx2v: 8 or 4 steps with the LoRA of that name; "
                                "turbo, quality: as the flags")
                     ->check(CLI::IsMember({"fusionx", "lightx2v", "turbo", "quality"}))
                     ->group(group);
  auto* turbo =
      app.add_flag("--turbo", o.turbo,
                   "cog-MultiTalk's fast settings: TeaCache 0.8, text 3, audio 3, shift 5")
          ->excludes(preset)
          ->group(group);
  app.add_flag("--quality", o.quality, "Its careful ones: TeaCache 0.3, text 5, audio 4, shift 7")
      ->excludes(turbo)
      ->excludes(preset)
      ->group(group);
}

void add_machine(CLI::App& app, GenerateOptions& o) {
  const std::string group = "Machine";
  app.add_option("--device", o.device, "cpu, cuda, cuda:N or auto")
      ->capture_default_str()
      ->group(group);
  app.add_option("--dtype", o.dtype, "fp32 or bf16 [default: bf16 on a GPU, fp32 on the CPU]")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->group(group);
  app.add_option("--noise_device", o.noise_device,
                 "cpu: a seed gives the same noise with and without a GPU; same: as the reference")
      ->check(CLI::IsMember({"same", "cpu"}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--offload_model", o.offload_model,
                 "true: free each model as soon as its part is done [default: true]")
      ->group(group);
  app.add_option(
         "--num_persistent_param_in_dit", o.num_persistent_param_in_dit,
         "Block parameters of the transformer kept on the GPU; the others are moved at each use "
         "[default: all]")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  app.add_flag("--t5_cpu", o.t5_cpu, "Run the text encoder on the CPU")->group(group);
  app.add_option("--ulysses_size", o.ulysses_size, "Several GPUs (not in this version yet)")
      ->capture_default_str()
      ->group(group);
  app.add_option("--ring_size", o.ring_size, "Several GPUs (not in this version yet)")
      ->capture_default_str()
      ->group(group);
  app.add_flag("--t5_fsdp", o.t5_fsdp, "Several GPUs (not in this version yet)")->group(group);
  app.add_flag("--dit_fsdp", o.dit_fsdp, "Several GPUs (not in this version yet)")->group(group);
}

void add_checks(CLI::App& app, GenerateOptions& o) {
  const std::string group = "Checks";
  app.add_flag("--dry_run", o.dry_run, "Check everything, print the plan, render nothing")
      ->group(group);
  app.add_flag("--json", o.json, "Print the plan as JSON")->group(group);
  app.add_option("--boxes_png", o.boxes_png, "With --dry_run: the picture with the boxes drawn")
      ->group(group);
  app.add_option("--save_latents", o.save_latents,
                 "Write noise, latents and conditions to this .safetensors file")
      ->group(group);
  app.add_option("--compat", o.compat, "reference: keep the defects of generate_multitalk.py")
      ->check(CLI::IsMember({"none", "reference"}))
      ->capture_default_str()
      ->group(group);
}

[[noreturn]] void refuse(const std::string& flag, const std::string& instead) {
  throw input_error("{}: not in this version yet", flag).with_hint(instead);
}

void refuse_what_is_not_here_yet(const GenerateOptions& o) {
  const char* world_size = std::getenv("WORLD_SIZE");
  const std::string one_gpu = "this version computes on one device; leave the flag away";
  if (o.ulysses_size != 1) refuse("--ulysses_size", one_gpu);
  if (o.ring_size != 1) refuse("--ring_size", one_gpu);
  if (o.t5_fsdp) refuse("--t5_fsdp", one_gpu);
  if (o.dit_fsdp) refuse("--dit_fsdp", one_gpu);
  if (world_size != nullptr && std::atoi(world_size) > 1) {
    refuse(fmt::format("WORLD_SIZE={}", world_size), "start one process, without torchrun");
  }
  if (o.audio_mode == "tts") {
    refuse("--audio_mode tts", "synthesise the speech to WAV files and use cond_audio");
  }
}

bool parse_bool(const std::string& flag, std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* yes : {"yes", "true", "t", "y", "1"}) {
    if (word == yes) return true;
  }
  for (const char* no : {"no", "false", "f", "n", "0"}) {
    if (word == no) return false;
  }
  throw input_error("{} {}: expected true or false", flag, word);
}

Box parse_box(const std::string& text) {
  std::vector<double> numbers;
  const char* at = text.data();
  const char* end = at + text.size();
  while (true) {
    double value = 0;
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc{}) break;
    numbers.push_back(value);
    at = stop;
    if (at == end || *at != ',') break;
    ++at;
  }
  if (numbers.size() != 4 || at != end) {
    throw input_error("--box {}: expected four numbers, ROW0,COL0,ROW1,COL1", text);
  }
  return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

AudioType parse_audio_type(const std::string& word) {
  return word == "add" ? AudioType::kSequential : AudioType::kParallel;
}

/// --image, --audio, --box and --prompt as the JSON's fields.
void read_shorthand(const GenerateOptions& o, Job& job) {
  if (o.image.empty()) throw input_error("--image is missing: --audio needs a picture to speak");
  if (o.audio.empty()) throw input_error("--audio is missing: name one recording a speaker");
  if (!o.box.empty() && o.box.size() != o.audio.size()) {
    throw input_error("--box: {} given for {} --audio, expected one a speaker", o.box.size(),
                      o.audio.size());
  }
  job.image = o.image;
  job.prompt = o.prompt;
  job.audio_type = parse_audio_type(o.audio_type);
  for (std::size_t i = 0; i < o.audio.size(); ++i) {
    Speaker speaker;
    speaker.name = fmt::format("person{}", i + 1);
    if (o.audio[i] != "None") speaker.audio = o.audio[i];
    if (!o.box.empty()) speaker.box = parse_box(o.box[i]);
    job.speakers.push_back(std::move(speaker));
  }
}

void read_inputs(const CLI::App& app, const GenerateOptions& o, Job& job) {
  const bool shorthand = !o.image.empty() || !o.audio.empty();
  if (shorthand && !o.input_json.empty()) {
    throw input_error("--input_json and --image/--audio both given; use one of them");
  }
  if (shorthand) {
    read_shorthand(o, job);
    return;
  }
  if (o.input_json.empty()) {
    throw input_error("nothing to render: no --input_json, and no --image with --audio")
        .with_hint("multitalk --image face.png --audio voice.wav --prompt \"...\" -o out.mp4 ...");
  }
  read_input_json(o.input_json, job);
  if (app.count("--prompt") > 0) job.prompt = o.prompt;
}

/// The reference's name for a video that nobody named.
std::string default_output(const GenerateOptions& o, const Job& job) {
  std::string prompt = job.prompt;
  std::replace_if(
      prompt.begin(), prompt.end(), [](char c) { return c == ' ' || c == '/'; }, '_');
  std::size_t length = 0;
  for (int characters = 0; length < prompt.size() && characters < 50; ++characters) {
    do ++length;
    while (length < prompt.size() && (static_cast<unsigned char>(prompt[length]) & 0xC0) == 0x80);
  }
  const std::time_t now = std::time(nullptr);
  return fmt::format("{}_{}_{}_{}_{}_{:%Y%m%d_%H%M%S}.mp4", job.task.name, job.size, o.ulysses_size,
                     o.ring_size, prompt.substr(0, length), fmt::localtime(now));
}

std::optional<Preset> preset_of(const GenerateOptions& o) {
  if (o.turbo || o.preset == "turbo") return Preset::kTurbo;
  if (o.quality || o.preset == "quality") return Preset::kQuality;
  if (o.preset == "fusionx") return Preset::kFusionX;
  if (o.preset == "lightx2v") return Preset::kLightx2v;
  return std::nullopt;
}

/// A flag that was given wins over the preset.
void apply_preset(const CLI::App& app, const GenerateOptions& o, Preset preset, Job& job) {
  const SamplingOptions set = preset_sampling(preset);
  const auto not_given = [&app](const char* flag) { return app.count(flag) == 0; };
  SamplingOptions& sampling = job.sampling;
  if (not_given("--use_teacache")) sampling.use_teacache = set.use_teacache;
  if (not_given("--sample_steps")) sampling.steps = set.steps;
  if (not_given("--teacache_thresh")) sampling.teacache_thresh = set.teacache_thresh;
  if (not_given("--sample_text_guide_scale")) sampling.text_guide_scale = set.text_guide_scale;
  if (not_given("--sample_audio_guide_scale")) sampling.audio_guide_scale = set.audio_guide_scale;
  if (not_given("--sample_shift")) sampling.shift = set.shift;
  if (preset != Preset::kTurbo && preset != Preset::kQuality) return;
  if (not_given("--offload_model")) job.offload_models = false;
  if (!is_valid_frame_num(o.frame_num)) job.frame_num = snap_frame_num(o.frame_num);
}

AdaptationOptions adaptation_of(const CLI::App& app, const GenerateOptions& o, Compat compat) {
  AdaptationOptions adaptation;
  adaptation.quant = o.quant;
  adaptation.quant_dir = o.quant_dir;
  adaptation.lora_rules = compat == Compat::kReference ? LoraRules::kReference : LoraRules::kAll;
  std::vector<std::string> files = o.lora_dir;
  std::vector<double> scales = o.lora_scale;
  if (const std::optional<Preset> preset = preset_of(o)) {
    if (files.empty() && !o.ckpt_dir.empty()) {
      files = find_preset_lora(*preset, o.ckpt_dir, adaptation);
    }
    if (app.count("--lora_scale") == 0) scales = {preset_lora_scale(*preset)};
  }
  adaptation.loras = pair_lora_scales(files, scales, adaptation.lora_rules);
  return adaptation;
}

SamplingOptions sampling_of(const GenerateOptions& o) {
  SamplingOptions sampling;
  sampling.steps = o.sample_steps;
  sampling.shift = o.sample_shift;
  sampling.text_guide_scale = o.sample_text_guide_scale;
  sampling.audio_guide_scale = o.sample_audio_guide_scale;
  sampling.use_apg = o.use_apg;
  sampling.apg_momentum = o.apg_momentum;
  sampling.apg_norm_threshold = o.apg_norm_threshold;
  sampling.use_teacache = o.use_teacache;
  sampling.teacache_thresh = o.teacache_thresh;
  sampling.seed = o.base_seed;
  return sampling;
}

std::filesystem::path output_of(const GenerateOptions& o, const Job& job) {
  if (!o.output.empty() && !o.save_file.empty()) {
    throw input_error("--output and --save_file both given; use one of them");
  }
  if (!o.output.empty()) {
    if (!o.output.ends_with(".mp4")) {
      throw input_error("--output {}: expected a name that ends with .mp4", o.output);
    }
    return o.output;
  }
  return o.save_file.empty() ? default_output(o, job) : o.save_file + ".mp4";
}

}  // namespace

void add_generate_options(CLI::App& app, GenerateOptions& options) {
  // As in argparse: of a flag that is given twice the last one counts.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_inputs(app, options);
  add_weights(app, options);
  add_video(app, options);
  add_sampling(app, options);
  add_machine(app, options);
  add_checks(app, options);
}

Job make_job(const CLI::App& app, const GenerateOptions& o) {
  refuse_what_is_not_here_yet(o);
  Job job;
  job.task = load_task(o.task);
  if (o.task.ends_with(".json")) job.task_file = o.task;
  job.size = o.size.empty() ? job.task.default_size : o.size;
  job.compat = o.compat == "reference" ? Compat::kReference : Compat::kNone;
  read_inputs(app, o, job);
  job.negative_prompt = o.negative_prompt;
  job.checkpoint_dir = o.ckpt_dir;
  job.wav2vec_dir = o.wav2vec_dir;
  job.adaptation = adaptation_of(app, o, job.compat);
  if (!o.multitalk_ckpt.empty()) job.multitalk_checkpoint = o.multitalk_ckpt;
  if (!o.save_latents.empty()) job.save_latents = o.save_latents;
  if (!o.audio_save_dir.empty()) job.audio_save_dir = o.audio_save_dir;
  job.frame_num = o.frame_num;
  job.motion_frame = o.motion_frame;
  job.mode = o.mode == "streaming" ? Mode::kStreaming : Mode::kClip;
  job.max_frames = o.max_frames;
  job.sampling = sampling_of(o);
  job.color_correction_strength = o.color_correction_strength;
  job.device = o.device;
  job.dtype = o.dtype;
  job.t5_on_cpu = o.t5_cpu;
  job.persistent_parameters = o.num_persistent_param_in_dit;
  job.noise_on_cpu = o.noise_device == "cpu";
  job.sidecar = !o.no_sidecar;
  job.weight_hashes = !o.no_weight_hashes;
  job.overwrite = o.overwrite || job.compat == Compat::kReference;
  job.crf = o.crf;
  job.mix_at_16k = o.audio_rate == "16000" || job.compat == Compat::kReference;
  if (!o.offload_model.empty()) {
    job.offload_models = parse_bool("--offload_model", o.offload_model);
  }
  if (const std::optional<Preset> preset = preset_of(o)) apply_preset(app, o, *preset, job);
  job.output = output_of(o, job);
  return job;
}

Json given_settings(const CLI::App& app) {
  Json given = Json::object();
  const std::vector<const CLI::Option*> options = app.get_options();
  for (const CLI::Option* option : options) {
    if (option->count() == 0 || option->get_lnames().empty()) continue;
    const std::vector<std::string> values = option->reduced_results();
    Json& setting = given[option->get_lnames().front()];
    if (values.size() == 1) {
      setting = values.front();
    } else {
      setting = values;
    }
  }
  return given;
}

namespace {

/// Flags that say where a run's files go or what is checked, and --input_json, whose content is
/// recorded instead.
const std::set<std::string> kNotRecorded = {
    "from",      "input_json", "output",     "save_file", "save_latents",     "audio_save_dir",
    "overwrite", "dry_run",    "no_sidecar", "boxes_png", "no_weight_hashes", "json",
    "help"};

const std::set<std::string> kPresets = {"turbo", "quality", "preset"};

/// Recorded flags that make room where another one is given; the presets of step-distilled models
/// bring their own LoRA and number of steps.
const std::set<std::string>& replaced_by(const std::string& flag, const Json& value) {
  static const std::set<std::string> kInputs = {"image", "audio", "audio_type", "box", "prompt"};
  static const std::set<std::string> kPresetFlags = {
      "turbo",           "quality",       "preset",
      "use_teacache",    "sample_shift",  "sample_text_guide_scale",
      "teacache_thresh", "offload_model", "sample_audio_guide_scale"};
  static const std::set<std::string> kDistilledFlags = [] {
    std::set<std::string> flags = kPresetFlags;
    flags.insert({"sample_steps", "lora_dir", "lora_scale"});
    return flags;
  }();
  static const std::set<std::string> kShift = {"sample_shift"};
  static const std::set<std::string> kNone;
  if (flag == "preset" && (value == "fusionx" || value == "lightx2v")) return kDistilledFlags;
  if (flag == "input_json") return kInputs;
  if (flag == "size") return kShift;
  return kPresets.contains(flag) ? kPresetFlags : kNone;
}

/// The value as it is, or from the root where the flag takes a folder.
Json absolute_if_folder(const std::string& flag, const Json& value) {
  if (!flag.ends_with("_dir") || !value.is_string()) return value;
  return absolute_path(value.get<std::string>());
}

}  // namespace

Json recorded_settings(const Json& given) {
  Json recorded = Json::object();
  for (const auto& [flag, value] : given.items()) {
    if (kNotRecorded.contains(flag)) continue;
    recorded[flag] = absolute_if_folder(flag, value);
    if (!value.is_array()) continue;
    for (Json& word : recorded[flag]) word = absolute_if_folder(flag, word);
  }
  return recorded;
}

Json repeated_settings(const Json& recorded, const Json& given) {
  Json settings = recorded_settings(recorded);
  for (const auto& item : given.items()) {
    for (const std::string& replaced : replaced_by(item.key(), item.value()))
      settings.erase(replaced);
  }
  settings.update(given);
  settings.erase("from");
  return settings;
}

}  // namespace multitalk
