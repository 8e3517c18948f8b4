// Which files a conversion writes, before any is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "pipeline/convert.h"

namespace multitalk {

struct OutputFile {
  std::string name;  ///< path from the output folder, with slashes
  std::uint64_t bytes = 0;
  /// Writes the whole file; what it reads stays open as long as this lives.
  std::function<FileDigest(const std::filesystem::path& file, const BytesDone& done)> write;
};

struct ConvertPlan {
  std::vector<OutputFile> files;  ///< in the order of writing
  std::string recipe;             ///< see CheckpointManifest
};

/// Opens the sources and accounts for every tensor; reads no data. Throws weights errors for the
/// sources and an input error for a dtype that is not known.
ConvertPlan plan_conversion(const ConvertRequest& request);

}  // namespace multitalk
