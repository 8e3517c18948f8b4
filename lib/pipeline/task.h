// A task: what the checkpoint cannot tell. Built in: multitalk-14B; others come as JSON files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace multitalk {

/// One output size of a bucket table. `ratio` is the table's key, a rounded height / width.
struct Bucket {
  double ratio = 1;
  int height = 0;
  int width = 0;
};

/// What goes with a size name such as "multitalk-480".
struct SizeClass {
  std::vector<Bucket> buckets;                ///< in table order: ties go to the first
  double sample_shift = 7;                    ///< the default of --sample_shift
  std::vector<double> teacache_coefficients;  ///< highest power first, as numpy.poly1d takes them
};

/// How large the models are, for the memory plan of a dry run without a checkpoint: parameters that
/// are used, and the widths that activations depend on.
struct ModelSizes {
  int64_t wav2vec2 = 0;
  int64_t text_encoder = 0;
  int64_t image_encoder = 0;
  int64_t vae = 0;
  int64_t transformer = 0;
  int64_t dim = 0;      ///< of the transformer
  int64_t ffn_dim = 0;  ///< of its feed-forward layers
  int64_t vae_dim = 0;  ///< channels of the VAE at full resolution
};

struct Task {
  std::string name;
  std::string negative_prompt;
  std::map<std::string, SizeClass> sizes;
  std::string default_size;
  std::optional<ModelSizes> model_sizes;  ///< where the task file has them
};

/// `name_or_file` is a built-in task's name or a path that ends with ".json". Throws an input error
/// that names the file, the field, and the known names with a suggestion.
Task load_task(const std::string& name_or_file);

/// A task from the text of a task file; `origin` names it in errors. Buckets are
/// "ratio": [height, width], or [[height, width], 1] as in the reference's tables.
Task parse_task(std::string_view text, const std::string& origin);

/// The bucket whose ratio is nearest to image_height / image_width (reference: the sorted keys of
/// ASPECT_RATIO_627 and ASPECT_RATIO_960).
Bucket nearest_bucket(const SizeClass& size, int image_height, int image_width);

/// Resolves --size: a name of the task, or HEIGHTxWIDTH (both multiples of 16), which becomes a
/// class of that one bucket with the shift and coefficients of the task's class nearest in area.
SizeClass resolve_size(const Task& task, const std::string& size);

}  // namespace multitalk
