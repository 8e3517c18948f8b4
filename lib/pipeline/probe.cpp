#include "pipeline/probe.h"

#include <ATen/core/grad_mode.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/device.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "checkpoint/safetensors.h"
#include "models/text_cleaning.h"
#include "pipeline/model_set.h"
#include "sampling/flow_schedule.h"
#include "sampling/teacache.h"

namespace multitalk {

namespace {

using Tensors = std::map<std::string, at::Tensor>;

/// What a module sees: the inputs by name, where to run, and where its outputs go.
struct Probe {
  const ProbeRequest& request;
  ModelPlacement placement;
  Tensors inputs;
  std::vector<std::string> prompts;
  Tensors outputs;

  at::Tensor input(const std::string& name) const {
    for (const std::string& key : {"in_" + name, name}) {
      const auto it = inputs.find(key);
      if (it != inputs.end()) return it->second.to(placement.device);
    }
    throw input_error("probe {}: no --input holds a tensor named {} or in_{}", request.module, name,
                      name);
  }

  void output(const std::string& name, const at::Tensor& value) {
    const bool wide = !at::isFloatingType(value.scalar_type());
    outputs[name] = wide ? value.cpu() : value.to(at::kCPU, at::kFloat).contiguous();
  }

  /// Captures under their own names, for encoders.
  nn::Capture capture() {
    return [this](const std::string& name, const at::Tensor& value) { output(name, value); };
  }
};

void probe_wav2vec2(Probe& p) {
  auto model = find_wav2vec2(p.placement);
  p.output("embedding", model.get().embed(p.input("speech"), p.capture()));
}

/// Token ids, from prompts or as given: one row a prompt, padded with 0, and the mask of real ones.
std::pair<at::Tensor, at::Tensor> token_rows(Probe& p) {
  constexpr int64_t kTextLength = 512;
  if (p.prompts.empty()) return {p.input("ids"), p.input("mask")};
  const Tokenizer tokenizer = find_tokenizer(p.placement);
  const auto rows = static_cast<int64_t>(p.prompts.size());
  const at::Tensor ids = at::zeros({rows, kTextLength}, at::kLong);
  const at::Tensor mask = at::zeros_like(ids);
  for (int64_t i = 0; i < rows; ++i) {
    const at::Tensor row =
        at::tensor(tokenizer.encode(clean_prompt(p.prompts[i]), kTextLength), at::kLong);
    ids[i].slice(0, 0, row.size(0)).copy_(row);
    mask[i].slice(0, 0, row.size(0)).fill_(1);
  }
  return {ids, mask};
}

void probe_umt5(Probe& p) {
  const auto [ids, mask] = token_rows(p);
  auto model = find_umt5(p.placement);
  for (int64_t i = 0; i < ids.size(0); ++i) {
    const at::Tensor real = ids[i].slice(0, 0, mask[i].sum().item<int64_t>());
    p.output("context_" + std::to_string(i),
             model.get().encode(real, i == 0 ? p.capture() : nn::Capture()));
  }
  if (!p.request.adaptation.quant.empty()) {  // its name in the golden cases of quantised weights
    p.output("context_" + p.request.adaptation.quant, p.outputs.at("context_0"));
  }
  p.output("ids", ids);
  p.output("mask", mask);
}

void probe_clip(Probe& p) {
  auto model = find_clip_vision(p.placement);
  p.output("features", model.get().features(p.input("image"), p.capture()));
}

void probe_vae_encode(Probe& p) {
  auto model = find_wan_vae(p.placement);
  p.output("latent", model.get().encode(p.input("video"), p.capture()));
}

void probe_vae_decode(Probe& p) {
  auto model = find_wan_vae(p.placement);
  const at::Tensor latent = p.input("latent");
  p.output("video", model.get().decode(latent, p.capture()));
  p.output("video_no_tables", model.get().decode_mu(latent));
}

DitCondition dit_condition(const Probe& p, const std::string& context) {
  DitCondition condition;
  condition.context = p.input(context);
  condition.clip_features = p.input("clip_fea");
  condition.y = p.input("y");
  condition.audio = p.input("audio");
  condition.speaker_masks = p.input("ref_target_masks");
  return condition;
}

/// The golden cases keep the ends of the long contexts, and of the blocks the first and the last.
void capture_dit(Probe& p, const std::string& name, const at::Tensor& value) {
  if (name == "text_context") {
    p.output("cap_text_context_first8", value.slice(1, 0, 8));
    p.output("cap_text_context_last2", value.slice(1, -2));
  } else if (name == "clip_context") {
    p.output("cap_clip_context_first16", value.slice(1, 0, 16));
  } else if (!name.starts_with("block") || name.starts_with("block0_")) {
    p.output("cap_" + name, value);
  }
}

/// The first row of every parameter as it is after a LoRA or of quantised weights.
void output_first_rows(Probe& p, const std::vector<Parameter>& parameters) {
  const AdaptationOptions& adaptation = p.request.adaptation;
  for (const Parameter& parameter : parameters) {
    const at::Tensor row = parameter.slot->select(0, 0);
    if (parameter.scale != nullptr && parameter.scale->defined()) {
      p.output("dequantized_" + parameter.name + "_row0",
               row.to(at::kFloat) * parameter.scale->select(0, 0));
    } else if (adaptation.quant.empty() && !adaptation.loras.empty()) {
      p.output("merged_" + parameter.name + "_row0", row);
    }
  }
}

void probe_dit(Probe& p) {
  auto model = find_wan_dit(p.placement);
  const nn::Capture capture = [&p](const std::string& name, const at::Tensor& value) {
    capture_dit(p, name, value);
  };
  const at::Tensor velocity =
      model.get().forward(p.input("x"), p.input("t"), dit_condition(p, "context"), {}, capture);
  p.output("output", velocity);
  output_first_rows(p, model.parameters());
  if (p.placement.dtype != at::kBFloat16) return;
  p.output("output_bf16", velocity);  // its name in the golden cases of this dtype
  if (p.outputs.contains("cap_block0_class")) {
    p.outputs["block0_class_bf16"] = p.outputs.at("cap_block0_class");
  }
}

TeaCacheOptions teacache_options(const ProbeRequest& request) {
  const SizeClass size = resolve_size(request.task, request.size);
  TeaCacheOptions options;
  options.threshold = request.teacache_thresh;
  options.steps = request.steps;
  std::copy_n(size.teacache_coefficients.begin(), options.coefficients.size(),
              options.coefficients.begin());
  return options;
}

/// A short run with three forwards a step, x moved by the first one's velocity.
void probe_teacache(Probe& p) {
  const int steps = p.request.steps;
  const double shift = p.request.shift > 0
                           ? p.request.shift
                           : resolve_size(p.request.task, p.request.size).sample_shift;
  const std::vector<float> timesteps = flow_timesteps(steps, shift);
  auto model = find_wan_dit(p.placement);
  const DitCondition conditional = dit_condition(p, "context");
  const DitCondition drop_text = dit_condition(p, "context_null");
  DitCondition unconditional = drop_text;
  unconditional.audio = at::zeros_like(drop_text.audio.slice(0, -1));

  TeaCache teacache(teacache_options(p.request));
  at::Tensor x = p.input("x").clone();
  std::vector<at::Tensor> outputs;
  std::vector<float> times;
  for (int step = 0; step < steps; ++step) {
    const at::Tensor t = at::full({1}, timesteps[step], x.options());
    const std::size_t first = outputs.size();
    for (const DitCondition& condition : {conditional, drop_text, unconditional}) {
      outputs.push_back(model.get().forward(x, t, condition, std::ref(teacache)));
      times.push_back(timesteps[step]);
    }
    x = x - 0.5 / steps * outputs[first];
  }
  std::vector<int64_t> computed;
  std::vector<float> accumulated;
  for (const TeaCache::Decision& decision : teacache.take_decisions()) {
    computed.push_back(decision.computed ? 1 : 0);
    accumulated.push_back(static_cast<float>(decision.accumulated));
  }
  p.output("timesteps", at::tensor(times));
  p.output("computed", at::tensor(computed, at::kLong));
  p.output("accumulated", at::tensor(accumulated));
  p.output("outputs", at::stack(outputs));
  p.output("final_x", x);
}

using ProbeFunction = void (*)(Probe&);

const std::vector<std::pair<std::string, ProbeFunction>>& probes() {
  static const std::vector<std::pair<std::string, ProbeFunction>> table = {
      {"wav2vec2", probe_wav2vec2},
      {"umt5", probe_umt5},
      {"clip", probe_clip},
      {"vae-encode", probe_vae_encode},
      {"vae-decode", probe_vae_decode},
      {"dit", probe_dit},
      {"teacache", probe_teacache}};
  return table;
}

ProbeFunction find_probe(const std::string& module) {
  for (const auto& [name, function] : probes()) {
    if (name == module) return function;
  }
  const std::string near = closest_match(module, probe_modules());
  throw input_error("probe {}: no such module; there are {}", module, join_and(probe_modules()))
      .with_hint(near.empty() ? "" : "did you mean " + near + "?");
}

void read_prompts(const std::filesystem::path& file, std::vector<std::string>& prompts) {
  try {
    prompts = nlohmann::json::parse(read_file(file)).get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception& error) {
    throw input_error("{}: expected a JSON list of prompts: {}", file.string(), error.what());
  }
}

void require_dir(const Probe& p) {
  const bool speech = p.request.module == "wav2vec2";
  const auto& dir = speech ? p.request.wav2vec_dir : p.request.checkpoint_dir;
  if (dir.empty()) {
    throw input_error("probe {}: {} is missing", p.request.module,
                      speech ? "--wav2vec_dir" : "--ckpt_dir");
  }
}

}  // namespace

const std::vector<std::string>& probe_modules() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& entry : probes()) list.push_back(entry.first);
    return list;
  }();
  return names;
}

void probe(const ProbeRequest& request) {
  const at::NoGradGuard no_grad;
  const ProbeFunction function = find_probe(request.module);
  validate_adaptation(request.adaptation);
  Probe p{request, {}, {}, {}, {}};
  require_dir(p);
  for (const std::filesystem::path& file : request.inputs) {
    require_file(file, "--input");
    if (file.extension() == ".json") {
      read_prompts(file, p.prompts);
    } else {
      p.inputs.merge(read_safetensors(file));
    }
  }
  p.placement.checkpoint_dir = request.checkpoint_dir;
  p.placement.wav2vec_dir = request.wav2vec_dir;
  p.placement.device = resolve_device(request.device);
  p.placement.dtype = request.dtype == "bf16" ? at::kBFloat16 : at::kFloat;
  p.placement.adaptation = request.adaptation;
  allow_tf32(p.placement.dtype != at::kFloat);
  function(p);
  write_safetensors(request.output, p.outputs, {{"format", "pt"}});
}

}  // namespace multitalk
