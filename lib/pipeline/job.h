// A job: everything that one render needs, as the user said it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/adaptation.h"
#include "pipeline/task.h"

namespace multitalk {

/// A speaker's place in the source picture, in its pixels: rows first, ends exclusive. (The
/// reference calls these x_min, y_min, x_max, y_max and indexes [row, column] with them.)
struct Box {
  double row_min = 0;
  double column_min = 0;
  double row_max = 0;
  double column_max = 0;
};

struct Speaker {
  std::string name;                            ///< "person1", ...
  std::optional<std::filesystem::path> audio;  ///< nothing: silent ('None' in the JSON)
  std::optional<Box> box;
};

enum class AudioType {
  kParallel,   ///< "para": all speak from the start
  kSequential  ///< "add": each starts when the one before has ended
};

enum class Mode { kClip, kStreaming };

/// Whose behaviour to follow where the reference has a defect.
enum class Compat {
  kNone,      ///< what a user expects
  kReference  ///< the reference's quirks, exactly
};

/// Guidance and schedule; the defaults are generate_multitalk.py's.
struct SamplingOptions {
  int steps = 40;
  std::optional<double> shift;  ///< the size's own where unset
  double text_guide_scale = 5.0;
  double audio_guide_scale = 4.0;
  bool use_apg = false;
  double apg_momentum = -0.75;
  double apg_norm_threshold = 55;
  bool use_teacache = false;
  double teacache_thresh = 0.2;
  int64_t seed = 42;
};

struct Job {
  // What to show.
  std::string prompt;
  std::optional<std::string> negative_prompt;  ///< the task's where unset
  std::filesystem::path image;
  std::vector<Speaker> speakers;
  AudioType audio_type = AudioType::kParallel;

  // Where things are.
  std::optional<std::filesystem::path> input_json;  ///< what the fields above were read from
  std::optional<std::filesystem::path> task_file;   ///< where the task is none of the built-in ones
  std::filesystem::path checkpoint_dir;
  std::filesystem::path wav2vec_dir;
  std::optional<std::filesystem::path> multitalk_checkpoint;  ///< where not in checkpoint_dir
  AdaptationOptions adaptation;
  std::filesystem::path output;  ///< the mp4
  bool overwrite = false;        ///< existing files may be replaced
  bool sidecar = true;           ///< write VIDEO.mp4.json beside it
  bool weight_hashes = true;     ///< the record of the run holds the weights' hashes
  std::optional<std::filesystem::path> save_latents;
  std::optional<std::filesystem::path> audio_save_dir;

  // How to render it.
  Task task;
  std::string size;
  int frame_num = 81;
  int motion_frame = 25;
  Mode mode = Mode::kClip;
  std::optional<int> max_frames;
  SamplingOptions sampling;
  double color_correction_strength = 1.0;
  Compat compat = Compat::kNone;
  std::string device = "auto";
  std::string dtype;  ///< "fp32", "bf16", or "" for the device's usual one
  bool t5_on_cpu = false;
  std::optional<int64_t> persistent_parameters;  ///< of the transformer on the GPU; all where unset
  bool noise_on_cpu = false;                     ///< a seed gives the same noise on every device
  bool offload_models = true;                    ///< free each model as soon as its part is done
  int crf = 18;                                  ///< H.264 quality
  bool mix_at_16k = false;  ///< the video's sound at 16 kHz mono, as in the reference
};

/// Reads the reference's input JSON into the job's prompt, image, speakers, boxes and audio_type.
/// Paths stay as written (relative to the working directory). Accepts a byte order mark, any number
/// of persons ("person1", "person2", ...), and "bbox_format": "xyxy" for [x0, y0, x1, y1]. Unknown
/// keys are warned of with a suggestion. Throws an input error that names the file and the field.
void read_input_json(const std::filesystem::path& file, Job& job);

/// Checks every field that can be checked without opening a file: ranges, 4n+1 (with the nearest
/// right numbers), motion_frame < frame_num in streaming, speakers and boxes that fit each other.
/// Throws an input error that names the field by its flag or JSON key.
void validate_job(const Job& job);

/// Checks the boxes against the source picture: inside it, not empty, no two the same. With
/// Compat::kReference, only what the reference would fail on.
void validate_boxes(const Job& job, int image_height, int image_width);

}  // namespace multitalk
