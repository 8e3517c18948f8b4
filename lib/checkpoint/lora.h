// Low-rank adaptations (LoRA, Hu et al. 2021, https://arxiv.org/abs/2106.09685): small files that
// change some parameters of a model. They are added while the model is loaded.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/parameter.h"
#include "checkpoint/tensor_source.h"

namespace multitalk {

struct LoraFile {
  std::filesystem::path path;
  double scale = 1.2;  ///< how strongly it is applied
};

/// Which keys of a LoRA file count.
enum class LoraRules {
  /// All styles: modules named as in the model, behind "diffusion_model." or "base_model.model." or
  /// nothing, or in kohya's way ("lora_unet_blocks_0_ffn_0"); lora_down and lora_up, lora_A and
  /// lora_B, alpha, diff, diff_b, diff_m.
  kAll,
  /// As the official code: names behind "diffusion_model.", lora_down and lora_up, diff, diff_b.
  kReference
};

/// One LoRA file, matched with a model. For a module with a weight W [out, in...], a bias b and a
/// modulation m:
///   W += scale * (alpha / rank) * up down,  with down [rank, in...] and up [out, rank]
///   W += scale * diff,  b += scale * diff_b,  m += scale * diff_m
/// alpha / rank is 1 where the file has no alpha.
class Lora {
 public:
  /// Reads names and shapes. Keys that are not applied are listed in one warning. Throws a weights
  /// error where the file cannot be read, a tensor's shape does not fit its parameter, or, except
  /// by the reference's rules, nothing in the file belongs to the model.
  Lora(const LoraFile& file, const std::vector<Parameter>& parameters, LoraRules rules);

  /// The parameter with the LoRA added, or itself where the LoRA leaves it as it is. As in the
  /// official code, the LoRA's tensors are first converted to the parameter's dtype, and all is
  /// computed in it, on the parameter's device. Does not write to `parameter`.
  at::Tensor apply(const std::string& name, const at::Tensor& parameter) const;

  /// How many parameters it changes.
  std::size_t size() const { return changes_.size(); }

 private:
  /// What is added to one parameter: keys of the file, "" where absent.
  struct Change {
    std::string down;
    std::string up;
    double factor = 1;  ///< of up times down
    std::string diff;
  };

  struct Module;
  std::map<std::string, Module> group_keys(const std::vector<Parameter>& parameters,
                                           LoraRules rules, std::vector<std::string>& unused) const;
  void add_low_rank(const Module& module, const Parameter* weight,
                    std::vector<std::string>& unused);
  void add_difference(const std::string& key, const Parameter* parameter,
                      std::vector<std::string>& unused);
  double alpha(const std::string& key) const;

  LoraFile file_;
  std::unique_ptr<TensorSource> source_;
  std::map<std::string, Change> changes_;  // by the parameter's name
};

/// LoadOptions::adjust for several LoRAs, which are added in their order. Unset where there is
/// none. Throws as Lora does.
std::function<at::Tensor(const std::string&, at::Tensor)> lora_adjustment(
    const std::vector<LoraFile>& files, const std::vector<Parameter>& parameters, LoraRules rules);

}  // namespace multitalk
