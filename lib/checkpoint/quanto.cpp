#include "checkpoint/quanto.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "checkpoint/open_weights.h"
#include "checkpoint/state_dict.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kData = ".weight._data";

/// quanto's names of what weights are stored in.
constexpr std::array<std::pair<std::string_view, at::ScalarType>, 4> kDtypes = {{
    {"qint8", at::kChar},
    {"qfloat8", at::kFloat8_e4m3fn},
    {"qfloat8_e4m3fn", at::kFloat8_e4m3fn},
    {"qfloat8_e5m2", at::kFloat8_e5m2},
}};

/// The modules of the map, with the dtype of each one's weight.
using Modules = std::map<std::string, at::ScalarType>;

at::ScalarType weight_dtype(const fs::path& map, const std::string& module,
                            const nlohmann::json& entry) {
  const auto text = [&](const char* key) {
    return entry.is_object() && entry.contains(key) && entry[key].is_string()
               ? entry[key].get<std::string>()
               : std::string("missing");
  };
  if (text("activations") != "none") {
    throw weights_error("{}: {}: the activations are {}, expected none: only weights are quantised",
                        map.string(), module, text("activations"));
  }
  const std::string name = text("weights");
  std::vector<std::string> known;
  for (const auto& [type, dtype] : kDtypes) {
    if (type == name) return dtype;
    known.emplace_back(type);
  }
  throw weights_error("{}: {}: the weights are {}, expected one of {}", map.string(), module, name,
                      join_and(known));
}

Modules read_map(const fs::path& map) {
  std::error_code ec;
  if (!fs::is_regular_file(map, ec)) {
    throw weights_error("{}: no such file", map.string())
        .with_hint("a quantised model comes with a JSON map that names its quantised modules");
  }
  const auto json = nlohmann::json::parse(read_file(map), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw weights_error("{}: not a JSON object", map.string());
  Modules modules;
  for (const auto& [module, entry] : json.items()) {
    modules.emplace(module, weight_dtype(map, module, entry));
  }
  return modules;
}

class QuantoSource : public TensorSource {
 public:
  QuantoSource(std::unique_ptr<TensorSource> file, const Modules& modules)
      : file_(std::move(file)) {
    for (const std::string& name : file_->names()) names_[name] = name;
    for (const auto& [module, dtype] : modules) {
      for (const char* activation : {".input_scale", ".output_scale"}) {
        names_.erase(module + activation);
      }
      const auto data = names_.extract(module + std::string(kData));
      if (data) names_[module + ".weight"] = data.mapped();
    }
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, stored] : names_) names.push_back(name);
    return names;
  }
  bool contains(const std::string& name) const override { return names_.contains(name); }
  TensorInfo info(const std::string& name) const override { return file_->info(stored(name)); }
  at::Tensor tensor(const std::string& name) const override { return file_->tensor(stored(name)); }
  std::string origin(const std::string& name) const override { return file_->origin(stored(name)); }

 private:
  /// A name that is not there is for the file to complain about.
  const std::string& stored(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? name : found->second;
  }

  std::unique_ptr<TensorSource> file_;
  std::map<std::string, std::string> names_;  // presented -> stored
};

/// Throws one error that lists all modules in which the file and its map disagree.
void check_map(const fs::path& file, const fs::path& map, const TensorSource& source,
               const Modules& modules) {
  std::vector<std::string> missing;
  std::vector<std::string> other_dtype;
  std::vector<std::string> unlisted;
  for (const auto& [module, dtype] : modules) {
    const std::string weight = module + ".weight";
    const std::string data = module + std::string(kData);
    if (!source.contains(data)) {
      missing.push_back(data);
    } else if (source.info(data).dtype != dtype) {
      other_dtype.push_back(fmt::format("{} is {}, the map says {}", data,
                                        c10::toString(source.info(data).dtype),
                                        c10::toString(dtype)));
    }
    if (!source.contains(scale_key(weight))) missing.push_back(scale_key(weight));
  }
  for (const std::string& name : source.names()) {
    if (!name.ends_with(kData)) continue;
    if (!modules.contains(name.substr(0, name.size() - kData.size()))) unlisted.push_back(name);
  }
  if (missing.empty() && other_dtype.empty() && unlisted.empty()) return;
  throw weights_error("{} does not fit its map {}{}{}{}", file.string(), map.string(),
                      format_list("missing", missing), format_list("of another type", other_dtype),
                      format_list("not in the map", unlisted))
      .with_hint("are both files of the same quantised model?");
}

}  // namespace

std::unique_ptr<TensorSource> open_quanto(const fs::path& file, const fs::path& map) {
  auto source = open_weights(file);
  const Modules modules = read_map(map);
  check_map(file, map, *source, modules);
  return std::make_unique<QuantoSource>(std::move(source), modules);
}

}  // namespace multitalk
