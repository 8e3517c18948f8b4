// Sets of parameters that belong together.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/job.h"

namespace multitalk {

/// cog-MultiTalk's, fast or careful, and those that the official README recommends with the LoRAs
/// that need few steps.
enum class Preset { kTurbo, kQuality, kFusionX, kLightx2v };

/// The defaults with what the preset sets: steps, TeaCache and its threshold, both guidance scales,
/// shift.
SamplingOptions preset_sampling(Preset preset);

/// The scale that is recommended with it.
double preset_lora_scale(Preset preset);

/// The file of the LoRA that the preset is made for, under its official name: in `checkpoint_dir`
/// or in the folder that this lies in; with adaptation.quant, the quantised model among
/// quant_dir's. Empty where the preset needs none. Throws an input error where no such quantised
/// model exists, and a weights error that says where it was looked for.
std::vector<std::string> find_preset_lora(Preset preset,
                                          const std::filesystem::path& checkpoint_dir,
                                          const AdaptationOptions& adaptation);

}  // namespace multitalk
