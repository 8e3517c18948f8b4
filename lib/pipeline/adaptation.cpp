#include "pipeline/adaptation.h"

#include <cmath>

#include "base/error.h"
#include "base/log.h"

namespace multitalk {

std::vector<LoraFile> pair_lora_scales(const std::vector<std::string>& files,
                                       const std::vector<double>& scales, LoraRules rules) {
  const bool reference = rules == LoraRules::kReference;
  const bool one_for_all = !reference && scales.size() == 1;
  if (!reference && !one_for_all && !files.empty() && files.size() != scales.size()) {
    throw input_error("--lora_scale: {} scales for {} LoRAs (--lora_dir)", scales.size(),
                      files.size())
        .with_hint("give one scale for all, or one for each");
  }
  std::vector<LoraFile> loras;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!one_for_all && i >= scales.size()) {
      log::warning("--lora_dir {}: left out, as there is no --lora_scale for it", files[i]);
      continue;
    }
    loras.push_back({files[i], one_for_all ? scales.front() : scales[i]});
  }
  return loras;
}

void validate_adaptation(const AdaptationOptions& adaptation) {
  for (const LoraFile& lora : adaptation.loras) {
    if (std::isfinite(lora.scale)) continue;
    throw input_error("lora_scale: expected a number, got {}", lora.scale);
  }
  if (adaptation.quant.empty()) {
    if (!adaptation.quant_dir.empty()) log::warning("--quant_dir has no effect without --quant");
    return;
  }
  if (adaptation.quant_dir.empty()) {
    throw input_error("--quant {}: --quant_dir is missing", adaptation.quant)
        .with_hint("name the folder that holds quant_models");
  }
  if (adaptation.loras.size() <= 1) return;
  if (adaptation.lora_rules == LoraRules::kReference) {
    log::warning("--quant: only the first --lora_dir counts, as the whole quantised transformer");
    return;
  }
  throw input_error("--quant {}: {} files in --lora_dir, expected one", adaptation.quant,
                    adaptation.loras.size())
      .with_hint(
          "with --quant it is a whole quantised transformer; LoRAs cannot be merged into it");
}

}  // namespace multitalk
