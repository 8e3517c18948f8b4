// The safetensors format: 8 bytes of header length, a JSON header, raw row-major data.
// https://huggingface.co/docs/safetensors
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace multitalk {

/// Maps one file. Throws a weights error where it is missing, truncated or malformed; checks that
/// every tensor's bytes lie inside the file and fit its shape.
std::unique_ptr<TensorSource> open_safetensors(const std::filesystem::path& file);

/// Opens every shard that an index file ("weight_map") names, relative to the index's folder. A
/// shard that is missing is named in the error.
std::unique_ptr<TensorSource> open_safetensors_index(const std::filesystem::path& index);

/// Several sources as one. A name in two of them comes from the later one.
std::unique_ptr<TensorSource> merge_sources(std::vector<std::unique_ptr<TensorSource>> sources);

/// Writes tensors (any device, made contiguous) to a new file, atomically. The metadata goes into
/// "__metadata__". SafetensorsWriter writes what does not fit into memory.
void write_safetensors(const std::filesystem::path& file,
                       const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

/// All tensors of one file, copied into memory.
std::map<std::string, at::Tensor> read_safetensors(const std::filesystem::path& file);

}  // namespace multitalk
