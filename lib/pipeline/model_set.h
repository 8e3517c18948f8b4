// The models of a render: found, checked, and loaded when they are first needed.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "checkpoint/state_dict.h"
#include "models/clip_vision.h"
#include "models/tokenizer.h"
#include "models/umt5.h"
#include "models/wan_dit.h"
#include "models/wan_vae.h"
#include "models/wav2vec2.h"
#include "pipeline/adaptation.h"

namespace multitalk {

/// A model whose tensors are accounted for when it is made and read when it is first used.
template <typename Module>
class LazyModel {
 public:
  /// Throws a weights error that lists all that is missing, unexpected or of another shape.
  LazyModel(std::string name, Module module, std::unique_ptr<TensorSource> source,
            LoadOptions options, std::function<void(Module&)> after_load = {})
      : name_(std::move(name)),
        module_(std::move(module)),
        source_(std::move(source)),
        options_(std::move(options)),
        after_load_(std::move(after_load)) {
    check_state_dict(name_, parameters(), *source_, options_);
  }

  const Module& get() {
    if (!loaded_) load();
    return module_;
  }

  /// The model without its weights being read: its configuration.
  const Module& module() const { return module_; }

  /// The files that the tensors come from.
  std::set<std::string> files() const { return files_of(*source_); }

  /// What load() reads, and how: for those who read the weights themselves.
  const TensorSource& source() const { return *source_; }
  const LoadOptions& options() const { return options_; }

  /// Frees the tensors; the next get() reads them again.
  void release() {
    for (Parameter& parameter : parameters()) {
      *parameter.slot = at::Tensor();
      if (parameter.scale != nullptr) *parameter.scale = at::Tensor();
    }
    loaded_ = false;
  }

  /// Names, shapes and, where the model is loaded, tensors.
  std::vector<Parameter> parameters() { return parameters_of(module_); }

  /// Of all weights as they are loaded (state_dict_bytes).
  std::uint64_t bytes() { return state_dict_bytes(parameters(), *source_, options_); }

 private:
  void load() {
    log::debug("loading {} onto {}", name_, options_.device.str());
    load_state_dict(name_, parameters(), *source_, options_);
    if (after_load_) after_load_(module_);
    loaded_ = true;
  }

  std::string name_;
  Module module_;
  std::unique_ptr<TensorSource> source_;
  LoadOptions options_;
  std::function<void(Module&)> after_load_;
  bool loaded_ = false;
};

/// Where the models come from and what they run on. Dtypes follow the reference: the compute dtype
/// for the transformer and the text encoder, float32 for VAE and wav2vec2, and for CLIP half
/// precision on a GPU that computes in bf16.
struct ModelPlacement {
  std::filesystem::path checkpoint_dir;
  std::filesystem::path wav2vec_dir;
  std::optional<std::filesystem::path> multitalk_checkpoint;
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  bool t5_on_cpu = false;
  /// At most so many of the transformer's block parameters lie on the device, from the first block
  /// on; the others are moved there at each use. All of them where unset.
  std::optional<int64_t> persistent_parameters;
  bool widen = false;  ///< 8-bit rows of a converted folder are widened when they are read
  AdaptationOptions adaptation;
};

/// One function a model: each finds its files and accounts for every tensor without reading data.
LazyModel<Wav2Vec2> find_wav2vec2(const ModelPlacement& placement);
LazyModel<Umt5> find_umt5(const ModelPlacement& placement);
LazyModel<ClipVision> find_clip_vision(const ModelPlacement& placement);
LazyModel<WanVae> find_wan_vae(const ModelPlacement& placement);
LazyModel<WanDit> find_wan_dit(const ModelPlacement& placement);
Tokenizer find_tokenizer(const ModelPlacement& placement);

/// All of them.
struct ModelSet {
  explicit ModelSet(const ModelPlacement& placement);

  /// The files of all their weights.
  std::vector<std::string> files() const;

  LazyModel<Wav2Vec2> wav2vec2;
  LazyModel<Umt5> umt5;
  LazyModel<ClipVision> clip_vision;
  LazyModel<WanVae> wan_vae;
  LazyModel<WanDit> wan_dit;
  Tokenizer tokenizer;
};

}  // namespace multitalk
