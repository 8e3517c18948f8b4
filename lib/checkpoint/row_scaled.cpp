#include "checkpoint/row_scaled.h"

#include <limits>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace multitalk {
namespace {

constexpr double kLargestE4m3 = 448;
constexpr std::string_view kScaleSuffix = "_scale";

class DequantizedSource : public TensorSource {
 public:
  explicit DequantizedSource(std::unique_ptr<TensorSource> source) : source_(std::move(source)) {}

  std::vector<std::string> names() const override {
    std::vector<std::string> names = source_->names();
    std::erase_if(names, [this](const std::string& name) { return is_scale(name); });
    return names;
  }

  bool contains(const std::string& name) const override {
    return source_->contains(name) && !is_scale(name);
  }

  TensorInfo info(const std::string& name) const override {
    TensorInfo info = source_->info(name);
    if (is_scaled(name)) info.dtype = at::kFloat;
    return info;
  }

  at::Tensor tensor(const std::string& name) const override {
    if (!is_scaled(name)) return source_->tensor(name);
    check_scales(name);
    return source_->tensor(name).to(at::kFloat).mul_(source_->tensor(scale_name(name)));
  }

  std::string origin(const std::string& name) const override { return source_->origin(name); }

 private:
  bool is_scaled(const std::string& name) const {
    return source_->contains(scale_name(name)) && source_->info(name).dtype == at::kFloat8_e4m3fn;
  }

  bool is_scale(const std::string& name) const {
    if (!name.ends_with(kScaleSuffix)) return false;
    const std::string weight = name.substr(0, name.size() - kScaleSuffix.size());
    return source_->contains(weight) && is_scaled(weight);
  }

  void check_scales(const std::string& name) const {
    const std::vector<int64_t> weight = source_->info(name).shape;
    const TensorInfo scales = source_->info(scale_name(name));
    const bool fits = weight.size() == 2 && scales.shape == std::vector<int64_t>{weight[0], 1};
    if (fits && scales.dtype == at::kFloat) return;
    throw weights_error("{}: {} is {} {}, expected float32 with one scale a row of {} {}",
                        source_->origin(name), scale_name(name), c10::toString(scales.dtype),
                        format_shape(scales.shape), name, format_shape(weight));
  }

  std::unique_ptr<TensorSource> source_;
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

std::unique_ptr<TensorSource> dequantized(std::unique_ptr<TensorSource> source) {
  return std::make_unique<DequantizedSource>(std::move(source));
}

}  // namespace multitalk
