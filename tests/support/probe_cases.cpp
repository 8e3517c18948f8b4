#include "support/probe_cases.h"

#include <algorithm>
#include <iterator>
#include <regex>

#include "checkpoint/safetensors.h"
#include "support/catch.h"
#include "support/golden.h"
#include "support/process.h"

namespace multitalk::test {

namespace {

namespace fs = std::filesystem;

ProbeCase make_case(const std::string& module, const fs::path& expected) {
  ProbeCase result;
  result.request.module = module;
  result.request.inputs = {expected};
  result.request.checkpoint_dir = golden_dir() / "models" / "checkpoint";
  result.request.wav2vec_dir = golden_dir() / "models" / "chinese-wav2vec2-base";
  result.expected = expected;
  result.file = (expected.parent_path().filename() / expected.filename()).string();
  return result;
}

/// A whole case has its inputs in itself; the others vary one of these, or need other weights.
bool is_whole(const fs::path& file, const std::string& input) {
  return read_safetensors(file).contains(input);
}

/// "480_t0.2.safetensors": size multitalk-480, threshold 0.2; three calls a step.
ProbeCase make_teacache_case(const fs::path& expected) {
  ProbeCase result = make_case("teacache", expected);
  const fs::path models = golden_dir() / "models";
  result.request.inputs = {models / "teacache" / "inputs.safetensors",
                           models / "dit" / "clip_fea.safetensors"};
  const std::string name = expected.stem().string();
  const std::size_t separator = name.find("_t");
  REQUIRE(separator != std::string::npos);
  result.request.task = load_task("multitalk-14B");
  result.request.size = "multitalk-" + name.substr(0, separator);
  result.request.teacache_thresh = std::stod(name.substr(separator + 2));
  result.request.steps = static_cast<int>(read_safetensors(expected).at("timesteps").size(0) / 3);
  return result;
}

/// All that the manifest says of a case's tensors, in one text.
std::string description(const nlohmann::json& entry) {
  std::string text;
  const nlohmann::json& tensors = entry["tensors"];
  for (const auto& [name, tensor] : tensors.items()) {
    text += tensor[2].get<std::string>() + "\n";
  }
  return text;
}

/// "inputs of dit/CASE.safetensors with lora/FILE.safetensors at scale 0.8, ..." or "..., weights
/// of quant/quant_models/dit_model_int8.safetensors ...".
ProbeCase make_adapted_dit_case(const nlohmann::json& entry) {
  const fs::path models = golden_dir() / "models";
  const std::string text = description(entry);
  ProbeCase result = make_case("dit", models / entry["file"].get<std::string>());
  AdaptationOptions& adaptation = result.request.adaptation;
  adaptation.lora_rules = LoraRules::kReference;

  std::smatch match;
  REQUIRE(std::regex_search(text, match, std::regex("inputs of (\\S+\\.safetensors)")));
  result.request.inputs = {models / match.str(1), models / "dit" / "clip_fea.safetensors"};
  const std::regex lora("(lora/\\S+\\.safetensors) at scale ([0-9.]+[0-9])");
  for (auto it = std::sregex_iterator(text.begin(), text.end(), lora); it != std::sregex_iterator();
       ++it) {
    adaptation.loras.push_back({models / it->str(1), std::stod(it->str(2))});
  }
  if (std::regex_search(text, match, std::regex("(\\S+)/quant_models/dit_model_(\\w+)\\."))) {
    adaptation.quant_dir = models / match.str(1);
    adaptation.quant = match.str(2);
  }
  INFO(text);
  REQUIRE((!adaptation.loras.empty() || !adaptation.quant.empty()));
  return result;
}

/// Tensors context_int8, context_fp8: the first prompt with quantised weights.
std::vector<ProbeCase> make_quantized_umt5_cases(const fs::path& expected) {
  constexpr std::string_view kContext = "context_";
  std::vector<ProbeCase> cases;
  const auto tensors = read_safetensors(expected);
  for (const auto& [name, tensor] : tensors) {
    REQUIRE(name.starts_with(kContext));
    ProbeCase result = make_case("umt5", expected);
    result.request.inputs = {expected.parent_path() / "prompts.json"};
    result.request.adaptation.quant = name.substr(kContext.size());
    result.request.adaptation.quant_dir = golden_dir() / "models" / "quant";
    cases.push_back(std::move(result));
  }
  return cases;
}

}  // namespace

std::vector<ProbeCase> adapted_probe_cases() {
  std::vector<ProbeCase> cases;
  int loras = 0;
  int quantized = 0;
  const nlohmann::json manifest = golden_json("models/manifest.json");
  for (const nlohmann::json& entry : manifest) {
    const auto file = entry["file"].get<std::string>();
    if (!file.starts_with("dit/lora_") && !file.starts_with("dit/quant_")) continue;
    ++(file.starts_with("dit/lora_") ? loras : quantized);
    cases.push_back(make_adapted_dit_case(entry));
  }
  REQUIRE(loras > 0);
  REQUIRE(quantized > 0);
  for (const fs::path& file : golden_files("models/t5", "", "_quant.safetensors")) {
    std::vector<ProbeCase> more = make_quantized_umt5_cases(file);
    std::move(more.begin(), more.end(), std::back_inserter(cases));
  }
  return cases;
}

std::vector<ProbeCase> probe_cases() {
  std::vector<ProbeCase> cases;
  const auto add = [&](const std::string& module, const std::string& folder,
                       const std::string& prefix, const std::string& input) {
    const std::size_t before = cases.size();
    for (const fs::path& file : golden_files("models/" + folder, prefix, ".safetensors")) {
      if (is_whole(file, input)) cases.push_back(make_case(module, file));
    }
    INFO("models/" << folder << ": cases with " << input);
    REQUIRE(cases.size() > before);
  };
  add("wav2vec2", "wav2vec2", "", "speech");
  add("umt5", "t5", "", "ids");
  add("clip", "clip", "", "image");
  add("vae-encode", "vae", "encode_", "video");
  add("vae-decode", "vae", "decode_", "latent");
  add("dit", "dit", "", "in_x");
  for (ProbeCase& probe_case : cases) {
    if (probe_case.request.module != "dit") continue;
    probe_case.request.inputs.push_back(golden_dir() / "models" / "dit" / "clip_fea.safetensors");
  }
  for (const fs::path& file : golden_files("models/teacache", "", ".safetensors")) {
    if (file.stem() != "inputs") cases.push_back(make_teacache_case(file));
  }
  return cases;
}

void run_probe_case(ProbeCase probe_case, const std::string& device, const std::string& dtype,
                    const std::function<void(const std::string& name, const at::Tensor& ours,
                                             const at::Tensor& theirs)>& compare) {
  const TemporaryFolder folder;
  ProbeRequest& request = probe_case.request;
  request.device = device;
  request.dtype = dtype;
  request.output = folder / "out.safetensors";
  probe(request);
  const auto ours = read_safetensors(request.output);
  int compared = 0;
  for (const auto& [name, theirs] : read_safetensors(probe_case.expected)) {
    const auto it = ours.find(name);
    if (it == ours.end()) continue;
    compare(name, it->second, theirs);
    ++compared;
  }
  INFO(probe_case.file);
  REQUIRE(compared > 0);
}

}  // namespace multitalk::test
