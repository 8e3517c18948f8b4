// What is put over the weights of a checkpoint, or in their place: LoRAs and quantised weights.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/lora.h"

namespace multitalk {

/// What is put over the weights, or in their place.
struct AdaptationOptions {
  std::vector<LoraFile> loras;  ///< with `quant`, the first is a whole quantised transformer
  LoraRules lora_rules = LoraRules::kAll;
  std::string quant;  ///< "int8", "fp8", or "" for the plain weights
  std::filesystem::path quant_dir;
};

/// The files with their scales, one each. One scale counts for all files; by the reference's rules
/// it counts for the first, and files beyond the scales are left out with a warning. Throws an
/// input error where the numbers do not fit.
std::vector<LoraFile> pair_lora_scales(const std::vector<std::string>& files,
                                       const std::vector<double>& scales, LoraRules rules);

/// Checks that what is put over the weights goes together. Throws an input error.
void validate_adaptation(const AdaptationOptions& adaptation);

}  // namespace multitalk
