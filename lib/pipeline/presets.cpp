#include "pipeline/presets.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace multitalk {

namespace {

/// An official LoRA: its file, and where it is published.
struct PresetLora {
  std::string_view file;
  std::string_view repository;
};

constexpr PresetLora kFusionX = {"Wan2.1_I2V_14B_FusionX_LoRA.safetensors",
                                 "vrgamedevgirl84/Wan14BT2VFusioniX"};
constexpr PresetLora kLightx2v = {"Wan21_T2V_14B_lightx2v_cfg_step_distill_lora_rank32.safetensors",
                                  "Kijai/WanVideo_comfy"};

std::filesystem::path find_file(const std::vector<std::filesystem::path>& places,
                                const std::string& hint) {
  std::vector<std::string> tried;
  for (const std::filesystem::path& place : places) {
    if (std::filesystem::exists(place)) return place;
    tried.push_back(place.string());
  }
  throw weights_error("the preset's LoRA is missing; looked for {}", join_and(tried))
      .with_hint(hint);
}

std::filesystem::path find_plain(const PresetLora& lora, const std::filesystem::path& dir) {
  const auto folder = std::filesystem::absolute(dir / "").parent_path();
  return find_file({folder / lora.file, folder.parent_path() / lora.file},
                   fmt::format("it is published in {} on Hugging Face; put it there, or name it "
                               "with --lora_dir",
                               lora.repository));
}

std::filesystem::path find_quantized(Preset preset, const AdaptationOptions& adaptation) {
  if (preset != Preset::kFusionX) {
    throw input_error("--quant {}: no quantised model of this preset is published",
                      adaptation.quant)
        .with_hint("use the unquantised weights, or name a quantised model with --lora_dir");
  }
  const std::string name = fmt::format("quant_model_{}_FusionX.safetensors", adaptation.quant);
  return find_file({adaptation.quant_dir / "quant_models" / name},
                   "name the quantised model with --lora_dir");
}

bool has_lora(Preset preset) { return preset == Preset::kFusionX || preset == Preset::kLightx2v; }

}  // namespace

SamplingOptions preset_sampling(Preset preset) {
  SamplingOptions sampling;
  if (has_lora(preset)) {
    sampling.steps = preset == Preset::kFusionX ? 8 : 4;
    sampling.text_guide_scale = 1.0;
    sampling.audio_guide_scale = 2.0;
    sampling.shift = 2.0;
    return sampling;
  }
  const bool turbo = preset == Preset::kTurbo;
  sampling.use_teacache = true;
  sampling.teacache_thresh = turbo ? 0.8 : 0.3;
  sampling.text_guide_scale = turbo ? 3.0 : 5.0;
  sampling.audio_guide_scale = turbo ? 3.0 : 4.0;
  sampling.shift = turbo ? 5.0 : 7.0;
  return sampling;
}

double preset_lora_scale(Preset preset) { return has_lora(preset) ? 1.0 : LoraFile{}.scale; }

std::vector<std::string> find_preset_lora(Preset preset,
                                          const std::filesystem::path& checkpoint_dir,
                                          const AdaptationOptions& adaptation) {
  if (!has_lora(preset)) return {};
  if (!adaptation.quant.empty()) return {find_quantized(preset, adaptation).string()};
  return {find_plain(preset == Preset::kFusionX ? kFusionX : kLightx2v, checkpoint_dir).string()};
}

}  // namespace multitalk
