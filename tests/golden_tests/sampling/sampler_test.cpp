#include "sampling/sampler.h"

#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

using Golden = std::map<std::string, at::Tensor>;

std::vector<float> to_vector(const at::Tensor& values) {
  const at::Tensor flat = values.contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

std::optional<at::Tensor> motion_latents(const Golden& golden, const std::string& tag,
                                         const std::string& pipeline_dtype) {
  const at::Tensor encoded = golden.at(tag + ".encoded2");
  const at::Tensor motion = encoded.narrow(1, 0, golden.at(tag + ".motion_noise").size(2));
  return pipeline_dtype == "torch.bfloat16" ? motion.to(at::kBFloat16) : motion;
}

TEST_CASE("sample_clip follows the official loop over two clips") {
  const Golden golden = test::golden_tensors("functions/sampler/loop.safetensors");
  const auto loops = test::golden_json("functions/sampler/sampler.json").at("loops");
  REQUIRE_FALSE(loops.empty());
  for (const auto& loop : loops) {
    const std::string tag = loop.at("tag");
    for (int clip = 0; clip < 2; ++clip) {
      INFO(tag << ", clip " << clip);
      const at::Tensor predictions = golden.at(tag + ".preds")[clip];
      const at::Tensor latents_in = golden.at(tag + ".latents_in")[clip];
      const at::Tensor noise = golden.at(tag + (clip == 0 ? ".noise1" : ".noise2"));
      const at::Tensor motion_noise = golden.at(tag + ".motion_noise");

      SamplerOptions options;
      options.timesteps = to_vector(golden.at(tag + ".timesteps"));
      options.guidance.text_scale = loop.at("text_guide");
      options.guidance.audio_scale = loop.at("audio_guide");
      int calls = 0;
      double worst_input = 0;
      const Denoiser denoiser = [&](const at::Tensor& latent, float, Branch) {
        const int step = calls / static_cast<int>(predictions.size(1));
        const int forward = calls++ % static_cast<int>(predictions.size(1));
        worst_input = std::max(worst_input, test::max_abs_difference(latent, latents_in[step]));
        return predictions[step][forward];
      };
      int draws = 0;
      const NoiseSource draw = [&](at::IntArrayRef) {
        const int index = draws++;
        return index == 0 ? noise : motion_noise[index - 1];
      };
      std::optional<at::Tensor> motion;
      if (clip > 0) motion = motion_latents(golden, tag, loop.at("pipeline_dtype"));
      const at::Tensor latent = sample_clip(denoiser, noise.sizes(), motion, options, draw);

      CHECK(calls == predictions.size(0) * predictions.size(1));
      CHECK(draws == (clip == 0 ? 1 : 1 + motion_noise.size(0)));
      CHECK(worst_input <= 2e-5);
      CHECK(test::max_abs_difference(latent, golden.at(tag + ".final")[clip]) <= 2e-5);
    }
  }
}

}  // namespace
}  // namespace multitalk
