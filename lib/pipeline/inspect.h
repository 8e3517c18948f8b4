// What a checkpoint is: which models its files hold, in which form, and what a render would miss.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace multitalk {

struct InspectRequest {
  std::filesystem::path path;                                 ///< a folder, or one file of weights
  std::optional<std::filesystem::path> multitalk_checkpoint;  ///< see generate
  bool hash = false;                                          ///< compute the files' SHA-256
};

struct InspectedFile {
  std::string name;  ///< path from the folder that is inspected
  std::uint64_t bytes = 0;
  std::optional<std::string> sha256;
};

struct InspectedTensor {
  std::string name;
  std::string dtype;  ///< as safetensors calls it, "BF16"
  std::vector<int64_t> shape;
  std::string file;
};

/// Weights that belong together: one file, or all shards of an index.
struct InspectedPart {
  std::string kind;    ///< one of the names in docs/user-guide.md, "transformer"
  std::string format;  ///< "safetensors", "sharded safetensors" or "torch pickle"
  std::vector<InspectedFile> files;
  std::vector<InspectedTensor> tensors;     ///< sorted by name
  std::map<std::string, int64_t> elements;  ///< by dtype
  std::string problem;                      ///< why it cannot be read; "" where it can

  int64_t parameters() const;
  std::uint64_t bytes() const;
};

/// Something that `multitalk generate` takes from the folder.
struct Requirement {
  std::string role;     ///< "transformer"
  std::string problem;  ///< what is missing, unexpected or of another shape; "" where nothing is
};

struct InspectedManifest {
  bool complete = false;
  std::string dtype;
  std::vector<std::string> damaged;  ///< files of another size or, with `hash`, another SHA-256
};

struct Inspection {
  std::string path;
  std::string layout;  ///< of MultiTalk's audio weights: "linked", "unlinked", or "" without any
  std::vector<InspectedPart> parts;
  std::vector<Requirement> requirements;      ///< none where the path is no folder of a checkpoint
  std::optional<InspectedManifest> manifest;  ///< of a folder that `multitalk convert` wrote

  /// All that is wrong, a line each; empty where a render could use it.
  std::vector<std::string> problems() const;
};

/// Reads headers only, unless hashes are asked for. Throws an input error where the path does not
/// exist, and a weights error where a single file cannot be read; what is wrong in a folder is in
/// the result.
Inspection inspect(const InspectRequest& request);

/// For people; `tensors` lists them all.
std::string describe_inspection(const Inspection& inspection, bool tensors);

/// For programs; docs/user-guide.md has the fields.
nlohmann::ordered_json inspection_to_json(const Inspection& inspection, bool tensors);

}  // namespace multitalk
