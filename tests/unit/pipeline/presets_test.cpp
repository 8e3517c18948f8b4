#include "pipeline/presets.h"

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/error_text.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;
using test::error_text;
using test::mentions;

const std::string kFusionXFile = "Wan2.1_I2V_14B_FusionX_LoRA.safetensors";

}  // namespace

TEST_CASE("presets: turbo is faster than quality") {
  CHECK(preset_sampling(Preset::kTurbo).teacache_thresh == 0.8);
  CHECK(preset_sampling(Preset::kTurbo).shift == 5.0);
  CHECK(preset_sampling(Preset::kQuality).teacache_thresh == 0.3);
  CHECK(preset_sampling(Preset::kQuality).steps == SamplingOptions{}.steps);
}

TEST_CASE("presets: those with a LoRA need few steps") {
  CHECK(preset_sampling(Preset::kFusionX).steps == 8);
  CHECK(preset_sampling(Preset::kLightx2v).steps == 4);
  for (const Preset preset : {Preset::kFusionX, Preset::kLightx2v}) {
    const SamplingOptions sampling = preset_sampling(preset);
    CHECK(sampling.shift == 2.0);
    CHECK(sampling.text_guide_scale == 1.0);
    CHECK(sampling.audio_guide_scale == 2.0);
    CHECK_FALSE(sampling.use_teacache);
    CHECK(preset_lora_scale(preset) == 1.0);
  }
  CHECK(preset_lora_scale(Preset::kTurbo) == LoraFile{}.scale);
}

TEST_CASE("presets: the LoRA lies in the checkpoint's folder or beside it") {
  const test::TemporaryFolder weights;
  const fs::path checkpoint = weights.path() / "Wan2.1";
  fs::create_directory(checkpoint);
  CHECK(find_preset_lora(Preset::kTurbo, checkpoint, {}).empty());

  const auto find = [&](const fs::path& folder) {
    return find_preset_lora(Preset::kFusionX, folder, {});
  };
  const std::string missing = error_text([&] { find(checkpoint); });
  CHECK(mentions(missing, (checkpoint / kFusionXFile).string()));
  CHECK(mentions(missing, (weights.path() / kFusionXFile).string()));

  std::ofstream(weights.path() / kFusionXFile) << "beside";
  CHECK(find(checkpoint).at(0) == (weights.path() / kFusionXFile).string());
  CHECK(find(checkpoint / "").at(0) == (weights.path() / kFusionXFile).string());
  std::ofstream(checkpoint / kFusionXFile) << "inside";
  CHECK(find(checkpoint).at(0) == (checkpoint / kFusionXFile).string());
}

TEST_CASE("presets: among quantised weights there is a model of FusionX only") {
  const test::TemporaryFolder folder;
  AdaptationOptions adaptation;
  adaptation.quant = "int8";
  adaptation.quant_dir = folder.path();
  const fs::path models = folder.path() / "quant_models";
  const std::string name = "quant_model_int8_FusionX.safetensors";
  CHECK(mentions(error_text([&] { find_preset_lora(Preset::kFusionX, "", adaptation); }), name));
  fs::create_directory(models);
  std::ofstream(models / name) << "model";
  CHECK(find_preset_lora(Preset::kFusionX, "", adaptation).at(0) == (models / name).string());
  CHECK(mentions(error_text([&] { find_preset_lora(Preset::kLightx2v, "", adaptation); }),
                 "no quantised model of this preset"));
}

}  // namespace multitalk
