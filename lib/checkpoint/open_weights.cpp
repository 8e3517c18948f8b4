#include "checkpoint/open_weights.h"

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_pickle.h"

namespace multitalk {

std::unique_ptr<TensorSource> open_weights(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  if (name.ends_with(".safetensors")) return open_safetensors(file);
  if (name.ends_with(".index.json") || name.ends_with(".index.json_old")) {
    return open_safetensors_index(file);
  }
  if (name.ends_with(".pth") || name.ends_with(".pt") || name.ends_with(".bin")) {
    return open_torch_pickle(file);
  }
  throw weights_error(
      "{}: unknown kind of weights; expected .safetensors, .safetensors.index.json, .pth, .pt or "
      ".bin",
      file.string());
}

std::filesystem::path find_weights(const std::filesystem::path& dir, const std::string& role,
                                   const std::vector<std::string>& names) {
  if (!std::filesystem::is_directory(dir)) {
    throw weights_error("{}: no such folder; expected {} there", dir.string(), role);
  }
  for (const std::string& name : names) {
    if (std::filesystem::exists(dir / name)) return dir / name;
  }
  throw weights_error("{}: {} is missing; expected one of: {}", dir.string(), role, join_and(names))
      .with_hint("docs/checkpoints.md tells which files belong there and where to get them");
}

}  // namespace multitalk
