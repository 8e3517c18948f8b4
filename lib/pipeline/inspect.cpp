#include "pipeline/inspect.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <numeric>
#include <set>
#include <utility>

#include "base/byte_progress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "checkpoint/open_weights.h"
#include "checkpoint/safetensors_dtype.h"
#include "pipeline/checkpoint_manifest.h"
#include "pipeline/model_set.h"

namespace multitalk {

namespace {

namespace fs = std::filesystem;

constexpr const char* kIndexEnding = ".safetensors.index.json";

bool any_contains(const std::vector<std::string>& names, const std::string& part) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return name.find(part) != std::string::npos; });
}

/// Tells by the names of tensors that only one kind has.
std::string kind_of(const TensorSource& source) {
  const std::vector<std::string> names = source.names();
  if (any_contains(names, ".weight._data")) return "quantised weights (optimum-quanto)";
  for (const char* mark : {".lora_down.", ".lora_up.", ".lora_A.", ".lora_B."}) {
    if (any_contains(names, mark)) return "LoRA";
  }
  if (!names.empty() && std::all_of(names.begin(), names.end(), [](const std::string& name) {
        return name.ends_with(".diff") || name.ends_with(".diff_b");
      })) {
    return "LoRA";
  }
  if (any_contains(names, "feature_extractor.conv_layers.0.")) return "wav2vec2";
  if (source.contains("visual.patch_embedding.weight")) return "image encoder";
  if (source.contains("encoder.conv1.weight")) return "VAE";
  if (source.contains("token_embedding.weight")) return "text encoder";
  const bool audio =
      any_contains(names, "audio_proj.") || any_contains(names, ".audio_cross_attn.");
  const bool base = any_contains(names, ".self_attn.");
  if (base) return audio ? "transformer with audio weights" : "transformer";
  return audio ? "audio weights" : "unknown";
}

std::string format_of(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name.ends_with(kIndexEnding)) return "sharded safetensors";
  return name.ends_with(".safetensors") ? "safetensors" : "torch pickle";
}

/// Opens the file or index and lists what is in it.
InspectedPart read_part(const fs::path& file, const fs::path& folder) {
  InspectedPart part;
  part.format = format_of(file);
  const std::unique_ptr<TensorSource> source = open_weights(file);
  part.kind = kind_of(*source);
  std::set<std::string> files;
  for (const std::string& name : source->names()) {
    const TensorInfo info = source->info(name);
    const std::string dtype(safetensors_dtype_name(info.dtype));
    const fs::path origin = source->origin(name);
    files.insert(origin.string());
    part.elements[dtype] += c10::multiply_integers(info.shape);
    part.tensors.push_back({name, dtype, info.shape, origin.lexically_relative(folder).string()});
  }
  if (files.empty()) files.insert(file.string());
  for (const fs::path origin : files) {
    part.files.push_back(
        {origin.lexically_relative(folder).string(), fs::file_size(origin), std::nullopt});
  }
  return part;
}

/// The same for a file in a folder, where what cannot be read is part of the answer.
InspectedPart try_part(const fs::path& file, const fs::path& folder) {
  try {
    return read_part(file, folder);
  } catch (const Error& error) {
    InspectedPart part;
    part.kind = "unreadable";
    part.format = format_of(file);
    part.files = {{file.lexically_relative(folder).string(), fs::file_size(file), std::nullopt}};
    part.problem = error.what();
    return part;
  }
}

bool is_weights(const fs::path& file) {
  const std::string name = file.filename().string();
  constexpr std::array<const char*, 5> kEndings = {kIndexEnding, ".safetensors", ".pth", ".pt",
                                                   ".bin"};
  return !name.starts_with(".") &&
         std::any_of(kEndings.begin(), kEndings.end(),
                     [&](const char* ending) { return name.ends_with(ending); });
}

/// The files of a folder and of the folders in it that hold weights; indices first.
std::vector<fs::path> find_weight_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (auto entry = fs::recursive_directory_iterator(
           folder, fs::directory_options::follow_directory_symlink);
       entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry.depth() >= 1) entry.disable_recursion_pending();
    if (entry->is_regular_file() && is_weights(entry->path())) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  std::stable_partition(files.begin(), files.end(), [](const fs::path& file) {
    return file.filename().string().ends_with(kIndexEnding);
  });
  return files;
}

/// What an index names is not listed again on its own.
std::vector<InspectedPart> read_folder(const fs::path& folder) {
  std::vector<InspectedPart> parts;
  std::set<std::string> seen;
  for (const fs::path& file : find_weight_files(folder)) {
    if (seen.contains(file.lexically_relative(folder).string())) continue;
    parts.push_back(try_part(file, folder));
    for (const InspectedFile& inspected : parts.back().files) seen.insert(inspected.name);
  }
  return parts;
}

bool has_kind(const Inspection& inspection, const std::string& kind) {
  return std::any_of(inspection.parts.begin(), inspection.parts.end(),
                     [&](const InspectedPart& part) { return part.kind == kind; });
}

Requirement require(const std::string& role, const std::function<void()>& find) {
  try {
    find();
    return {role, ""};
  } catch (const Error& error) {
    return {role, error.what()};
  }
}

/// What generate would take from the folder, as --ckpt_dir, as --wav2vec_dir, or as both.
std::vector<Requirement> find_requirements(const InspectRequest& request,
                                           const Inspection& inspection) {
  ModelPlacement placement;
  placement.checkpoint_dir = request.path;
  placement.multitalk_checkpoint = request.multitalk_checkpoint;
  std::vector<Requirement> requirements;
  const std::vector<std::string> kinds = {"transformer", "transformer with audio weights",
                                          "text encoder", "image encoder", "VAE"};
  const bool checkpoint = fs::exists(request.path / kManifestName) ||
                          std::any_of(kinds.begin(), kinds.end(), [&](const std::string& kind) {
                            return has_kind(inspection, kind);
                          });
  if (checkpoint) {
    requirements = {require("transformer", [&] { find_wan_dit(placement); }),
                    require("text encoder", [&] { find_umt5(placement); }),
                    require("tokenizer", [&] { find_tokenizer(placement); }),
                    require("image encoder", [&] { find_clip_vision(placement); }),
                    require("VAE", [&] { find_wan_vae(placement); })};
  }
  if (has_kind(inspection, "wav2vec2")) {
    const bool below = fs::is_directory(request.path / "wav2vec2");
    placement.wav2vec_dir = below ? request.path / "wav2vec2" : request.path;
    requirements.push_back(require("wav2vec2", [&] { find_wav2vec2(placement); }));
  }
  return requirements;
}

void add_hashes(Inspection& inspection, const fs::path& folder) {
  std::uint64_t total = 0;
  for (const InspectedPart& part : inspection.parts) total += part.bytes();
  ByteProgress progress(total);
  for (InspectedPart& part : inspection.parts) {
    for (InspectedFile& file : part.files) {
      progress.begin("reading " + file.name);
      const auto done = [&](std::uint64_t bytes) { progress.add(bytes); };
      file.sha256 = digest_of(folder / file.name, done).sha256;
    }
  }
}

/// Hashes of the weights are known by now; the manifest's other files are small.
std::optional<InspectedManifest> compare_manifest(const InspectRequest& request,
                                                  const Inspection& inspection) {
  const std::optional<CheckpointManifest> manifest = read_manifest(request.path);
  if (!manifest) return std::nullopt;
  InspectedManifest compared{manifest->complete, manifest->dtype, {}};
  std::map<std::string, std::string> hashes;
  for (const InspectedPart& part : inspection.parts) {
    for (const InspectedFile& file : part.files) hashes[file.name] = file.sha256.value_or("");
  }
  for (const auto& [name, recorded] : manifest->files) {
    const fs::path file = request.path / name;
    std::error_code ec;
    bool same = fs::file_size(file, ec) == recorded.bytes && !ec;
    if (same && request.hash) {
      const auto known = hashes.find(name);
      same = recorded.sha256 == (known != hashes.end() ? known->second : digest_of(file).sha256);
    }
    if (!same) compared.damaged.push_back(name);
  }
  return compared;
}

}  // namespace

int64_t InspectedPart::parameters() const {
  return std::accumulate(elements.begin(), elements.end(), int64_t{0},
                         [](int64_t sum, const auto& entry) { return sum + entry.second; });
}

std::uint64_t InspectedPart::bytes() const {
  return std::accumulate(
      files.begin(), files.end(), std::uint64_t{0},
      [](std::uint64_t sum, const InspectedFile& file) { return sum + file.bytes; });
}

std::vector<std::string> Inspection::problems() const {
  std::vector<std::string> lines;
  if (parts.empty()) lines.emplace_back("no weights are there");
  for (const InspectedPart& part : parts) {
    if (!part.problem.empty()) lines.push_back(part.problem);
  }
  for (const auto& [role, problem] : requirements) {
    // A file that cannot be read may have been told of above.
    const bool known = std::find(lines.begin(), lines.end(), problem) != lines.end();
    if (!problem.empty() && !known) lines.push_back(problem);
  }
  if (manifest) {
    if (!manifest->complete) lines.emplace_back("the conversion into this folder is not finished");
    for (const std::string& name : manifest->damaged) {
      lines.push_back(name + ": not as multitalk convert has written it");
    }
  }
  return lines;
}

Inspection inspect(const InspectRequest& request) {
  if (!fs::exists(request.path)) {
    throw input_error("{}: no such file or folder", request.path.string());
  }
  Inspection inspection;
  inspection.path = request.path.string();
  if (!fs::is_directory(request.path)) {
    const fs::path folder = request.path.parent_path();
    inspection.parts.push_back(read_part(request.path, folder));
    if (request.hash) add_hashes(inspection, folder);
    return inspection;
  }
  inspection.parts = read_folder(request.path);
  if (has_kind(inspection, "transformer with audio weights")) {
    inspection.layout = "linked";
  } else if (has_kind(inspection, "audio weights")) {
    inspection.layout = "unlinked";
  }
  inspection.requirements = find_requirements(request, inspection);
  if (request.hash) add_hashes(inspection, request.path);
  inspection.manifest = compare_manifest(request, inspection);
  return inspection;
}

}  // namespace multitalk
