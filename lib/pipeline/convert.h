// A checkpoint in any accepted form to one compact folder in the dtype that renders compute in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/lora.h"

namespace multitalk {

struct ConvertRequest {
  std::filesystem::path checkpoint_dir;
  std::optional<std::filesystem::path> multitalk_checkpoint;
  std::optional<std::filesystem::path> wav2vec_dir;
  std::vector<LoraFile> loras;  ///< merged into the transformer, as a render would
  std::filesystem::path output_dir;
  std::string dtype = "bf16";  ///< of transformer and text encoder: bf16, fp32, or fp8 (see docs)
  std::uint64_t max_shard_bytes = 5'000'000'000;
};

struct ConvertResult {
  std::uint64_t bytes = 0;  ///< of all files
  std::size_t written = 0;  ///< files written by this call
  std::size_t kept = 0;     ///< files that were there and whole
};

/// Names that --help lists.
const std::vector<std::string>& convert_dtypes();

/// Writes request.output_dir; docs/checkpoints.md lists its files. Tensors are streamed: beside the
/// pages of the mapped sources less than 2 GiB is needed. Every file is read back and its SHA-256
/// compared. Called again after an interruption, it keeps the files that are whole.
/// Throws input errors for the folder (not empty and not of this conversion), weights errors for
/// the sources, and a resource error where the disk has no room or the file read back differs.
ConvertResult convert(const ConvertRequest& request);

/// Throws a resource error that says what is needed and what is free, where the disk lacks room.
void require_disk_space(std::uint64_t needed_bytes, std::uint64_t free_bytes,
                        const std::filesystem::path& folder);

}  // namespace multitalk
