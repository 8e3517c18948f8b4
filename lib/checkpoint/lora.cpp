#include "checkpoint/lora.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "checkpoint/open_weights.h"

namespace multitalk {

namespace {

enum class Part { kDown, kUp, kAlpha, kDiff, kDiffBias, kDiffModulation };

struct Suffix {
  std::string_view text;
  Part part;
  bool in_reference;  // whether the official code knows it
};

constexpr std::array<Suffix, 10> kSuffixes = {{
    {".lora_down.weight", Part::kDown, true},
    {".lora_up.weight", Part::kUp, true},
    {".lora_A.weight", Part::kDown, false},
    {".lora_B.weight", Part::kUp, false},
    {".lora_A.default.weight", Part::kDown, false},
    {".lora_B.default.weight", Part::kUp, false},
    {".alpha", Part::kAlpha, false},
    {".diff", Part::kDiff, true},
    {".diff_b", Part::kDiffBias, true},
    {".diff_m", Part::kDiffModulation, false},
}};

constexpr std::string_view kReferencePrefix = "diffusion_model.";
constexpr std::string_view kPeftPrefix = "base_model.model.";
constexpr std::string_view kKohyaPrefix = "lora_unet_";

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kBias = ".bias";
constexpr std::string_view kModulation = ".modulation";

std::string with_underscores(std::string module) {
  std::replace(module.begin(), module.end(), '.', '_');
  return module;
}

/// The modules of a model by their names in LoRA files, with and without dots.
class ModuleNames {
 public:
  explicit ModuleNames(const std::vector<Parameter>& parameters) {
    for (const Parameter& parameter : parameters) {
      const std::string& name = parameter.name;
      for (const std::string_view kind : {kWeight, kBias, kModulation}) {
        if (!name.ends_with(kind)) continue;
        const std::string module = name.substr(0, name.size() - kind.size());
        dotted_[module] = module;
        kohya_[with_underscores(module)] = module;
      }
    }
  }

  /// The module's own name; nothing where the model has no such module.
  std::optional<std::string> find(std::string_view name, LoraRules rules) const {
    const bool reference = rules == LoraRules::kReference;
    if (name.starts_with(kReferencePrefix)) {
      return find(dotted_, name.substr(kReferencePrefix.size()));
    }
    if (reference) return std::nullopt;
    if (name.starts_with(kKohyaPrefix)) return find(kohya_, name.substr(kKohyaPrefix.size()));
    if (name.starts_with(kPeftPrefix)) return find(dotted_, name.substr(kPeftPrefix.size()));
    return find(dotted_, name);
  }

 private:
  using Names = std::map<std::string, std::string, std::less<>>;

  static std::optional<std::string> find(const Names& names, std::string_view name) {
    const auto found = names.find(name);
    if (found == names.end()) return std::nullopt;
    return found->second;
  }

  Names dotted_;
  Names kohya_;
};

const Suffix* suffix_of(std::string_view key, LoraRules rules) {
  for (const Suffix& suffix : kSuffixes) {
    if (!key.ends_with(suffix.text)) continue;
    return rules == LoraRules::kAll || suffix.in_reference ? &suffix : nullptr;
  }
  return nullptr;
}

std::string describe_shape(const TensorSource& source, const std::string& key) {
  return fmt::format("{} {}", key, format_shape(source.info(key).shape));
}

}  // namespace

/// The keys of one module, "" where absent.
struct Lora::Module {
  std::string& of(Part part) { return keys[static_cast<std::size_t>(part)]; }
  const std::string& of(Part part) const { return keys[static_cast<std::size_t>(part)]; }

  std::array<std::string, 6> keys;
};

Lora::Lora(const LoraFile& file, const std::vector<Parameter>& parameters, LoraRules rules)
    : file_(file), source_(open_weights(file.path)) {
  std::map<std::string, const Parameter*> by_name;
  for (const Parameter& parameter : parameters) by_name[parameter.name] = &parameter;
  const auto find = [&](const std::string& module, std::string_view kind) {
    const auto found = by_name.find(module + std::string(kind));
    return found == by_name.end() ? nullptr : found->second;
  };

  std::vector<std::string> unused;
  for (const auto& [name, module] : group_keys(parameters, rules, unused)) {
    add_low_rank(module, find(name, kWeight), unused);
    add_difference(module.of(Part::kDiff), find(name, kWeight), unused);
    add_difference(module.of(Part::kDiffBias), find(name, kBias), unused);
    add_difference(module.of(Part::kDiffModulation), find(name, kModulation), unused);
  }
  const std::string path = file.path.string();
  if (changes_.empty() && rules == LoraRules::kAll) {
    throw weights_error("{}: nothing in this LoRA fits the model{}", path,
                        format_list("left out", unused))
        .with_hint(
            "is it a LoRA for this model, and for this size? Names such as "
            "diffusion_model.blocks.0.self_attn.q.lora_down.weight are known");
  }
  if (!unused.empty()) {
    log::warning("{}: not all of the LoRA is applied{}", path, format_list("left out", unused));
  }
}

std::map<std::string, Lora::Module> Lora::group_keys(const std::vector<Parameter>& parameters,
                                                     LoraRules rules,
                                                     std::vector<std::string>& unused) const {
  const ModuleNames names(parameters);
  std::map<std::string, Module> modules;
  for (const std::string& key : source_->names()) {
    const Suffix* suffix = suffix_of(key, rules);
    std::optional<std::string> module;
    if (suffix != nullptr) {
      module = names.find(std::string_view(key).substr(0, key.size() - suffix->text.size()), rules);
    }
    if (!module || !modules[*module].of(suffix->part).empty()) {
      unused.push_back(describe_shape(*source_, key));
    } else {
      modules[*module].of(suffix->part) = key;
    }
  }
  return modules;
}

void Lora::add_low_rank(const Module& module, const Parameter* weight,
                        std::vector<std::string>& unused) {
  const std::string& down = module.of(Part::kDown);
  const std::string& up = module.of(Part::kUp);
  const std::string& alpha_key = module.of(Part::kAlpha);
  if (down.empty() || up.empty() || weight == nullptr) {
    for (const std::string& key : {down, up, alpha_key}) {
      if (!key.empty()) unused.push_back(describe_shape(*source_, key));
    }
    return;
  }
  const std::vector<int64_t> down_shape = source_->info(down).shape;
  const std::vector<int64_t> up_shape = source_->info(up).shape;
  const int64_t out = weight->shape.front();
  const int64_t in = c10::multiply_integers(weight->shape) / out;
  const int64_t rank = down_shape.empty() ? 0 : down_shape.front();
  const bool fits = rank >= 1 && down_shape.size() >= 2 && up_shape.size() >= 2 &&
                    up_shape.front() == out && c10::multiply_integers(up_shape) == out * rank &&
                    c10::multiply_integers(down_shape) == rank * in;
  if (!fits) {
    unused.push_back(fmt::format("{} and {}, for a weight {}", describe_shape(*source_, down),
                                 describe_shape(*source_, up), format_shape(weight->shape)));
    return;
  }
  Change& change = changes_[weight->name];
  change.down = down;
  change.up = up;
  change.factor = file_.scale;
  if (!alpha_key.empty()) change.factor *= alpha(alpha_key) / static_cast<double>(rank);
}

void Lora::add_difference(const std::string& key, const Parameter* parameter,
                          std::vector<std::string>& unused) {
  if (key.empty()) return;
  if (parameter == nullptr) {
    unused.push_back(describe_shape(*source_, key));
  } else if (source_->info(key).shape != parameter->shape) {
    unused.push_back(fmt::format("{}, expected {}", describe_shape(*source_, key),
                                 format_shape(parameter->shape)));
  } else {
    changes_[parameter->name].diff = key;
  }
}

double Lora::alpha(const std::string& key) const {
  const at::Tensor value = source_->tensor(key);
  if (value.numel() != 1) {
    throw weights_error("{}: {}, expected one number", file_.path.string(),
                        describe_shape(*source_, key));
  }
  return value.to(at::kDouble).item<double>();
}

at::Tensor Lora::apply(const std::string& name, const at::Tensor& parameter) const {
  const auto found = changes_.find(name);
  if (found == changes_.end()) return parameter;
  const Change& change = found->second;
  const auto load = [&](const std::string& key) {
    return source_->tensor(key).to(parameter.scalar_type()).to(parameter.device());
  };
  at::Tensor result = parameter;
  if (!change.diff.empty()) result = result + load(change.diff) * file_.scale;
  if (!change.up.empty()) {
    const at::Tensor product = at::matmul(load(change.up).flatten(1), load(change.down).flatten(1));
    result = result + product.mul(change.factor).view(parameter.sizes());
  }
  return result;
}

std::function<at::Tensor(const std::string&, at::Tensor)> lora_adjustment(
    const std::vector<LoraFile>& files, const std::vector<Parameter>& parameters, LoraRules rules) {
  if (files.empty()) return {};
  const auto loras = std::make_shared<std::vector<Lora>>();
  for (const LoraFile& file : files) {
    const Lora& lora = loras->emplace_back(file, parameters, rules);
    log::info("LoRA {}: {} parameters at scale {:g}", file.path.string(), lora.size(), file.scale);
  }
  return [loras](const std::string& name, at::Tensor parameter) {
    for (const Lora& lora : *loras) parameter = lora.apply(name, parameter);
    return parameter;
  };
}

}  // namespace multitalk
