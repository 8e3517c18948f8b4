#include "checkpoint/state_dict.h"

#include <set>

#include "base/error.h"
#include "base/text.h"

namespace multitalk {
namespace {

constexpr std::size_t kMaxListed = 20;

std::string key_of(const Parameter& parameter, const LoadOptions& options) {
  return options.key_of ? options.key_of(parameter.name) : parameter.name;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return format_shape({shape.begin(), shape.end()});
}

/// All that does not fit, by kind; every entry is one line of the message.
struct Mismatches {
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  std::vector<std::string> not_floating;
  std::vector<std::string> unexpected;

  bool empty() const {
    return missing.empty() && misshapen.empty() && not_floating.empty() && unexpected.empty();
  }
};

void append_list(std::string& text, const std::string& kind, const std::vector<std::string>& rows) {
  if (rows.empty()) return;
  text += fmt::format("\n  {} {}:", rows.size(), kind);
  for (std::size_t i = 0; i < rows.size() && i < kMaxListed; ++i) text += "\n    " + rows[i];
  if (rows.size() > kMaxListed) text += fmt::format("\n    and {} more", rows.size() - kMaxListed);
}

std::string describe(const Mismatches& mismatches) {
  std::string text;
  append_list(text, "missing", mismatches.missing);
  append_list(text, "of another shape", mismatches.misshapen);
  append_list(text, "not of floating-point numbers", mismatches.not_floating);
  append_list(text, "unexpected", mismatches.unexpected);
  return text;
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

void load_state_dict(const std::string& model, const std::vector<Parameter>& parameters,
                     const TensorSource& source, const LoadOptions& options) {
  check_state_dict(model, parameters, source, options);
  for (const Parameter& parameter : parameters) {
    *parameter.slot =
        converted(source.tensor(key_of(parameter, options)), options.device, options.dtype);
  }
}

}  // namespace multitalk
