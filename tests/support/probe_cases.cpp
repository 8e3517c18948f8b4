#include "support/probe_cases.h"

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

}  // namespace

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
