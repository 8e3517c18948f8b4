#include "checkpoint/row_scaled.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/state_dict.h"

namespace multitalk {
namespace {

constexpr double kLargestE4m3 = 448;
constexpr std::string_view kScaleSuffix = "_scale";

/// A file of 8-bit rows, with what tells weights from scales.
class RowScaledSource : public TensorSource {
 public:
  explicit RowScaledSource(std::unique_ptr<TensorSource> file) : file_(std::move(file)) {}

 protected:
  const TensorSource& file() const { return *file_; }

  bool is_scaled(const std::string& name) const {
    return file_->contains(scale_name(name)) && file_->info(name).dtype == at::kFloat8_e4m3fn;
  }

  /// The weight whose scales these are, or "".
  std::string weight_of(const std::string& name) const {
    if (!name.ends_with(kScaleSuffix)) return "";
    std::string weight = name.substr(0, name.size() - kScaleSuffix.size());
    return file_->contains(weight) && is_scaled(weight) ? weight : "";
  }

  at::Tensor scales_of(const std::string& weight) const {
    const std::vector<int64_t> shape = file_->info(weight).shape;
    const TensorInfo scales = file_->info(scale_name(weight));
    const bool fits = shape.size() == 2 && scales.shape == std::vector<int64_t>{shape[0], 1};
    if (fits && scales.dtype == at::kFloat) return file_->tensor(scale_name(weight));
    throw weights_error("{}: {} is {} {}, expected float32 with one scale a row of {} {}",
                        file_->origin(weight), scale_name(weight), c10::toString(scales.dtype),
                        format_shape(scales.shape), weight, format_shape(shape));
  }

 private:
  std::unique_ptr<TensorSource> file_;
};

class DequantizedSource : public RowScaledSource {
 public:
  using RowScaledSource::RowScaledSource;

  std::vector<std::string> names() const override {
    std::vector<std::string> names = file().names();
    std::erase_if(names, [this](const std::string& name) { return !weight_of(name).empty(); });
    return names;
  }
  bool contains(const std::string& name) const override {
    return file().contains(name) && weight_of(name).empty();
  }
  TensorInfo info(const std::string& name) const override {
    TensorInfo info = file().info(name);
    if (is_scaled(name)) info.dtype = at::kFloat;
    return info;
  }
  at::Tensor tensor(const std::string& name) const override {
    if (!is_scaled(name)) return file().tensor(name);
    return file().tensor(name).to(at::kFloat).mul_(scales_of(name));
  }
  std::string origin(const std::string& name) const override { return file().origin(name); }
};

class KeptScaledSource : public RowScaledSource {
 public:
  using RowScaledSource::RowScaledSource;

  std::vector<std::string> names() const override {
    std::vector<std::string> names = file().names();
    for (std::string& name : names) {
      const std::string weight = weight_of(name);
      if (!weight.empty()) name = scale_key(weight);
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  bool contains(const std::string& name) const override { return file().contains(stored(name)); }
  TensorInfo info(const std::string& name) const override { return file().info(stored(name)); }
  at::Tensor tensor(const std::string& name) const override {
    const std::string weight = scaled_weight(name);
    return weight.empty() ? file().tensor(name) : scales_of(weight);
  }
  std::string origin(const std::string& name) const override { return file().origin(stored(name)); }

 private:
  /// The weight that `name` is the scale_key of, or "".
  std::string scaled_weight(const std::string& name) const {
    const std::string suffix = scale_key("");
    if (!name.ends_with(suffix)) return "";
    std::string weight = name.substr(0, name.size() - suffix.size());
    return is_scaled(weight) ? weight : "";
  }

  std::string stored(const std::string& name) const {
    const std::string weight = scaled_weight(name);
    return weight.empty() ? name : scale_name(weight);
  }
};

}  // namespace

std::string scale_name(const std::string& weight) { return weight + std::string(kScaleSuffix); }

at::Tensor row_scales(const at::Tensor& weight) {
  const at::Tensor largest = weight.abs().amax(/*dim=*/1, /*keepdim=*/true);
  if (!at::isfinite(largest).all().item<bool>()) {
    throw weights_error("a value is not finite, so its row cannot be scaled");
  }
  // The least scale keeps the quotient finite in rows of zeros.
  return (largest / kLargestE4m3).clamp_min(std::numeric_limits<float>::min());
}

at::Tensor quantize_rows(const at::Tensor& weight, const at::Tensor& scales) {
  return (weight / scales).to(at::kFloat8_e4m3fn);
}

std::unique_ptr<TensorSource> kept_scaled(std::unique_ptr<TensorSource> source) {
  return std::make_unique<KeptScaledSource>(std::move(source));
}

std::unique_ptr<TensorSource> dequantized(std::unique_ptr<TensorSource> source) {
  return std::make_unique<DequantizedSource>(std::move(source));
}

}  // namespace multitalk
