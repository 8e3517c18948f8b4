#include "checkpoint/state_dict.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace multitalk {
namespace {

std::string key_of(const Parameter& parameter, const LoadOptions& options) {
  return options.key_of ? options.key_of(parameter.name) : parameter.name;
}

bool is_quantized(const std::string& key, const TensorSource& source) {
  return source.contains(scale_key(key));
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return format_shape({shape.begin(), shape.end()});
}

/// All that does not fit, by kind; every entry is one line of the message.
struct Mismatches {
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  std::vector<std::string> not_floating;
  std::vector<std::string> quantized;
  std::vector<std::string> unexpected;

  bool empty() const {
    return missing.empty() && misshapen.empty() && not_floating.empty() && quantized.empty() &&
           unexpected.empty();
  }
};

std::string describe(const Mismatches& mismatches) {
  return format_list("missing", mismatches.missing) +
         format_list("of another shape", mismatches.misshapen) +
         format_list("not of floating-point numbers", mismatches.not_floating) +
         format_list("quantised in a way that the model does not take", mismatches.quantized) +
         format_list("unexpected", mismatches.unexpected);
}

/// Quantised: int8 or float8, with a scale for every row.
void compare_quantized(const Parameter& parameter, const std::string& key,
                       const TensorSource& source, Mismatches& found) {
  const TensorInfo info = source.info(key);
  const TensorInfo scale = source.info(scale_key(key));
  const bool known = info.dtype == at::kChar || c10::isFloat8Type(info.dtype);
  if (parameter.scale == nullptr || !known) {
    found.quantized.push_back(fmt::format("{} is {}", key, c10::toString(info.dtype)));
  }
  const std::vector<int64_t> expected = {parameter.shape[0], 1};
  if (scale.shape != expected) {
    found.misshapen.push_back(fmt::format("{} is {}, expected {}", scale_key(key),
                                          shape_text(scale.shape), shape_text(expected)));
  }
}

Mismatches compare(const std::vector<Parameter>& parameters, const TensorSource& source,
                   const LoadOptions& options) {
  Mismatches found;
  std::set<std::string> wanted;
  for (const Parameter& parameter : parameters) {
    const std::string key = key_of(parameter, options);
    wanted.insert(key);
    if (!source.contains(key)) {
      found.missing.push_back(fmt::format("{} {}", key, shape_text(parameter.shape)));
      continue;
    }
    const TensorInfo info = source.info(key);
    if (info.shape != parameter.shape) {
      found.misshapen.push_back(fmt::format("{} is {}, expected {}", key, shape_text(info.shape),
                                            shape_text(parameter.shape)));
    }
    if (is_quantized(key, source)) {
      wanted.insert(scale_key(key));
      compare_quantized(parameter, key, source, found);
    } else if (!at::isFloatingType(info.dtype)) {
      found.not_floating.push_back(fmt::format("{} is {}", key, c10::toString(info.dtype)));
    }
  }
  for (const std::string& name : source.names()) {
    if (wanted.contains(name) || (options.may_ignore && options.may_ignore(name))) continue;
    found.unexpected.push_back(fmt::format("{} {}", name, shape_text(source.info(name).shape)));
  }
  return found;
}

/// Where the tensors come from: the file, or the first of several.
std::string origin_of(const TensorSource& source) {
  const std::set<std::string> files = files_of(source);
  if (files.empty()) return "an empty checkpoint";
  if (files.size() == 1) return *files.begin();
  return fmt::format("{} and {} more files", *files.begin(), files.size() - 1);
}

bool stays_on_cpu(const Parameter& parameter, const LoadOptions& options) {
  return options.stays_on_cpu && options.stays_on_cpu(parameter.name);
}

/// Converts on the side that makes the copy between devices the smaller one.
at::Tensor converted(const at::Tensor& tensor, at::Device device, at::ScalarType dtype) {
  const bool narrows = c10::elementSize(dtype) < c10::elementSize(tensor.scalar_type());
  return narrows ? tensor.to(dtype).to(device) : tensor.to(device).to(dtype);
}

}  // namespace

void check_state_dict(const std::string& model, const std::vector<Parameter>& parameters,
                      const TensorSource& source, const LoadOptions& options) {
  const Mismatches mismatches = compare(parameters, source, options);
  if (mismatches.empty()) return;
  throw weights_error("{}: the tensors of {} do not fit the model{}", model, origin_of(source),
                      describe(mismatches))
      .with_hint("is it the checkpoint of this model, and of this size?");
}

std::string scale_key(const std::string& key) { return key + "._scale"; }

void load_state_dict(const std::string& model, const std::vector<Parameter>& parameters,
                     const TensorSource& source, const LoadOptions& options) {
  check_state_dict(model, parameters, source, options);
  for (const Parameter& parameter : parameters) {
    const std::string key = key_of(parameter, options);
    const at::Tensor stored = source.tensor(key);
    const at::Device device = stays_on_cpu(parameter, options) ? at::kCPU : options.device;
    if (is_quantized(key, source)) {
      *parameter.slot = stored.to(device);
      *parameter.scale = source.tensor(scale_key(key)).to(device, at::kFloat);
      continue;
    }
    if (parameter.scale != nullptr) *parameter.scale = at::Tensor();
    at::Tensor tensor = converted(stored, device, options.dtype);
    *parameter.slot =
        options.adjust ? options.adjust(parameter.name, std::move(tensor)) : std::move(tensor);
  }
}

std::uint64_t state_dict_bytes(const std::vector<Parameter>& parameters, const TensorSource& source,
                               const LoadOptions& options) {
  std::uint64_t bytes = 0;
  std::uint64_t largest_passing = 0;  // of those that are widened or moved at use
  for (const Parameter& parameter : parameters) {
    const auto elements = static_cast<std::uint64_t>(c10::multiply_integers(parameter.shape));
    if (stays_on_cpu(parameter, options)) {
      largest_passing = std::max(largest_passing, elements);
    } else if (is_quantized(key_of(parameter, options), source)) {
      bytes += elements + sizeof(float) * static_cast<std::uint64_t>(parameter.shape[0]);
      largest_passing = std::max(largest_passing, elements);
    } else {
      bytes += elements * c10::elementSize(options.dtype);
    }
  }
  return bytes + largest_passing * c10::elementSize(options.dtype);
}

}  // namespace multitalk
