#include "pipeline/model_set.h"

#include <set>

#include "base/error.h"
#include "checkpoint/open_weights.h"
#include "checkpoint/quanto.h"
#include "checkpoint/row_scaled.h"
#include "checkpoint/safetensors.h"

namespace multitalk {

namespace {

namespace fs = std::filesystem;

LoadOptions load_options(at::Device device, at::ScalarType dtype) {
  LoadOptions options;
  options.device = device;
  options.dtype = dtype;
  return options;
}

/// A model of the quantised folder.
std::unique_ptr<TensorSource> open_quantized(const AdaptationOptions& adaptation,
                                             const std::string& model) {
  const fs::path folder = adaptation.quant_dir / "quant_models";
  const std::string& quant = adaptation.quant;
  return open_quanto(folder / fmt::format("{}_{}.safetensors", model, quant),
                     folder / fmt::format("{}_map_{}.json", model, quant));
}

/// The whole quantised transformer that stands in the place of a LoRA: its map has a fixed name, as
/// in the official code.
std::unique_ptr<TensorSource> open_quantized_lora(const LoraFile& lora, const std::string& quant) {
  return open_quanto(
      lora.path, lora.path.parent_path() / fmt::format("quantization_map_{}_FusionX.json", quant));
}

/// Rows of 8 bits stay so in memory, unless they are to be changed or read by others.
std::unique_ptr<TensorSource> row_scaled(std::unique_ptr<TensorSource> source, bool widen) {
  return widen ? dequantized(std::move(source)) : kept_scaled(std::move(source));
}

/// The base model and the audio weights as one source: in the linked layout the index names
/// multitalk.safetensors itself, in the unlinked one the file lies beside it or is named.
std::unique_ptr<TensorSource> open_dit(const ModelPlacement& placement) {
  const AdaptationOptions& adaptation = placement.adaptation;
  if (!adaptation.quant.empty()) {
    return adaptation.loras.empty()
               ? open_quantized(adaptation, "dit_model")
               : open_quantized_lora(adaptation.loras.front(), adaptation.quant);
  }
  const fs::path base = find_weights(
      placement.checkpoint_dir, "the diffusion transformer",
      {"diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model.safetensors"});
  auto source = open_weights(base);
  const fs::path audio =
      placement.multitalk_checkpoint.value_or(placement.checkpoint_dir / "multitalk.safetensors");
  if (source->contains("audio_proj.proj1.weight") && !placement.multitalk_checkpoint) {
    return source;
  }
  if (!fs::exists(audio)) {
    throw weights_error("{}: MultiTalk's audio weights are missing", audio.string())
        .with_hint("put multitalk.safetensors into --ckpt_dir, or name it with --multitalk_ckpt");
  }
  std::vector<std::unique_ptr<TensorSource>> sources;
  sources.push_back(std::move(source));
  sources.push_back(open_weights(audio));
  return merge_sources(std::move(sources));
}

std::unique_ptr<TensorSource> open_umt5(const ModelPlacement& placement) {
  if (!placement.adaptation.quant.empty()) return open_quantized(placement.adaptation, "t5");
  return row_scaled(open_weights(find_weights(placement.checkpoint_dir, "the text encoder",
                                              {"models_t5_umt5-xxl-enc-bf16.safetensors",
                                               "models_t5_umt5-xxl-enc-bf16.pth"})),
                    placement.widen);
}

/// The block parameters that find no place among the persistent ones.
std::set<std::string> streamed_parameters(const std::vector<Parameter>& parameters,
                                          int64_t persistent) {
  std::set<std::string> streamed;
  int64_t kept = 0;
  for (const Parameter& parameter : parameters) {
    if (!parameter.name.starts_with("blocks.")) continue;
    kept += c10::multiply_integers(parameter.shape);
    if (kept > persistent) streamed.insert(parameter.name);
  }
  return streamed;
}

}  // namespace

LazyModel<Wav2Vec2> find_wav2vec2(const ModelPlacement& placement) {
  Wav2Vec2 module(read_wav2vec2_config(placement.wav2vec_dir));
  auto source = open_weights(find_weights(placement.wav2vec_dir, "the wav2vec2 model",
                                          {"model.safetensors", "pytorch_model.bin"}));
  LoadOptions options = wav2vec2_load_options(*source, placement.device, at::kFloat);
  return LazyModel<Wav2Vec2>("wav2vec2", std::move(module), std::move(source), std::move(options),
                             [](Wav2Vec2& model) { model.fuse(); });
}

LazyModel<Umt5> find_umt5(const ModelPlacement& placement) {
  auto source = open_umt5(placement);
  Umt5 module(infer_umt5_config(*source));
  return LazyModel<Umt5>(
      "umT5", std::move(module), std::move(source),
      load_options(placement.t5_on_cpu ? at::kCPU : placement.device, placement.dtype));
}

LazyModel<ClipVision> find_clip_vision(const ModelPlacement& placement) {
  const std::string stem = "models_clip_open-clip-xlm-roberta-large-vit-huge-14";
  auto source = open_weights(find_weights(placement.checkpoint_dir, "the image encoder",
                                          {stem + ".safetensors", stem + ".pth"}));
  const ClipVisionConfig config = infer_clip_vision_config(*source);
  const bool half = placement.device.is_cuda() && placement.dtype != at::kFloat;
  LoadOptions options =
      clip_vision_load_options(config, placement.device, half ? at::kHalf : at::kFloat);
  return LazyModel<ClipVision>("CLIP vision", ClipVision(config), std::move(source),
                               std::move(options));
}

LazyModel<WanVae> find_wan_vae(const ModelPlacement& placement) {
  auto source = open_weights(find_weights(placement.checkpoint_dir, "the VAE",
                                          {"Wan2.1_VAE.safetensors", "Wan2.1_VAE.pth"}));
  WanVae module(infer_vae_config(*source));
  return LazyModel<WanVae>("Wan VAE", std::move(module), std::move(source),
                           load_options(placement.device, at::kFloat));
}

LazyModel<WanDit> find_wan_dit(const ModelPlacement& placement) {
  const bool merges = placement.adaptation.quant.empty() && !placement.adaptation.loras.empty();
  auto source = row_scaled(open_dit(placement), placement.widen || merges);
  DitConfig config = read_dit_config(placement.checkpoint_dir / "config.json");
  infer_sizes(config, *source);
  WanDit module(config);
  LoadOptions options = load_options(placement.device, placement.dtype);
  if (placement.persistent_parameters && !placement.device.is_cpu()) {
    options.stays_on_cpu =
        [streamed = streamed_parameters(parameters_of(module), *placement.persistent_parameters)](
            const std::string& name) { return streamed.contains(name); };
  }
  if (merges) {
    options.adjust = lora_adjustment(placement.adaptation.loras, parameters_of(module),
                                     placement.adaptation.lora_rules);
  }
  return LazyModel<WanDit>("the diffusion transformer", std::move(module), std::move(source),
                           std::move(options));
}

Tokenizer find_tokenizer(const ModelPlacement& placement) {
  return Tokenizer(placement.checkpoint_dir / "google" / "umt5-xxl");
}

ModelSet::ModelSet(const ModelPlacement& placement)
    : wav2vec2(find_wav2vec2(placement)),
      umt5(find_umt5(placement)),
      clip_vision(find_clip_vision(placement)),
      wan_vae(find_wan_vae(placement)),
      wan_dit(find_wan_dit(placement)),
      tokenizer(find_tokenizer(placement)) {}

std::vector<std::string> ModelSet::files() const {
  std::set<std::string> all = wav2vec2.files();
  all.merge(umt5.files());
  all.merge(clip_vision.files());
  all.merge(wan_vae.files());
  all.merge(wan_dit.files());
  return {all.begin(), all.end()};
}

}  // namespace multitalk
