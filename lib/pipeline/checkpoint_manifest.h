// multitalk-manifest.json: what `multitalk convert` has written into a folder, with sizes and
// hashes. docs/checkpoints.md describes the file.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/digest.h"

namespace multitalk {

inline constexpr const char* kManifestName = "multitalk-manifest.json";

struct CheckpointManifest {
  bool complete = false;  ///< false while the conversion is under way
  std::string dtype;      ///< "bf16", "fp32" or "fp8"
  std::string recipe;     ///< a hash of the sources and settings: equal ones give equal files
  std::map<std::string, FileDigest> files;  ///< by path from the folder, with slashes
};

/// The manifest in `folder`; nothing where there is none. Throws a weights error where it is
/// damaged.
std::optional<CheckpointManifest> read_manifest(const std::filesystem::path& folder);

/// Writes it, atomically.
void write_manifest(const std::filesystem::path& folder, const CheckpointManifest& manifest);

}  // namespace multitalk
