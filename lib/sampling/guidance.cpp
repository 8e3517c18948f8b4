#include "sampling/guidance.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace multitalk {

bool is_unit_scale(double text_scale) {
  constexpr double kRelativeTolerance = 1e-9;
  return std::abs(text_scale - 1) <= kRelativeTolerance * std::max(std::abs(text_scale), 1.0);
}

const at::Tensor& MomentumBuffer::update(const at::Tensor& value) {
  average_ = average_.defined() ? value + average_ * momentum_ : value;
  return average_;
}

Projection project(const at::Tensor& v, const at::Tensor& direction) {
  constexpr double kLeastNorm = 1e-12;
  const at::Tensor wide = v.to(at::kDouble);
  const at::Tensor wide_direction = direction.to(at::kDouble);
  const at::Tensor unit = wide_direction / wide_direction.norm().clamp_min(kLeastNorm);
  const at::Tensor parallel = (wide * unit).sum() * unit;
  return {parallel.to(v.scalar_type()), (wide - parallel).to(v.scalar_type())};
}

at::Tensor adaptive_projected_guidance(const at::Tensor& diff, const at::Tensor& prediction,
                                       MomentumBuffer* momentum, double norm_threshold,
                                       double eta) {
  at::Tensor update = momentum != nullptr ? momentum->update(diff) : diff;
  if (norm_threshold > 0) update = update * (norm_threshold / update.norm()).clamp_max(1);
  const Projection parts = project(update, prediction);
  return eta == 0 ? parts.orthogonal : parts.orthogonal + eta * parts.parallel;
}

Guidance::Guidance(const GuidanceOptions& options) : options_(options) {
  branches_ = is_unit_scale(options.text_scale)
                  ? std::vector{Branch::kConditional, Branch::kDropAudio}
                  : std::vector{Branch::kConditional, Branch::kDropText, Branch::kUnconditional};
  if (options.apg) {
    const MomentumBuffer start(options.apg->momentum);
    momentum_ = Momentum{start, start};
  }
}

at::Tensor Guidance::combine(const std::vector<at::Tensor>& predictions) {
  MULTITALK_CHECK(predictions.size() == branches_.size(), "{} predictions for {} branches",
                  predictions.size(), branches_.size());
  return momentum_ ? combine_projected(predictions) : combine_plain(predictions);
}

at::Tensor Guidance::combine_plain(const std::vector<at::Tensor>& predictions) const {
  const at::Tensor& conditional = predictions[0];
  if (predictions.size() == 2) {
    const at::Tensor& drop_audio = predictions[1];
    return drop_audio + options_.audio_scale * (conditional - drop_audio);
  }
  const at::Tensor& drop_text = predictions[1];
  const at::Tensor& unconditional = predictions[2];
  return unconditional + options_.text_scale * (conditional - drop_text) +
         options_.audio_scale * (drop_text - unconditional);
}

at::Tensor Guidance::combine_projected(const std::vector<at::Tensor>& predictions) {
  const at::Tensor& conditional = predictions[0];
  const auto guide = [&](const at::Tensor& diff, MomentumBuffer& momentum, double scale) {
    return (scale - 1) *
           adaptive_projected_guidance(diff, conditional, &momentum, options_.apg->norm_threshold);
  };
  if (predictions.size() == 2) {
    return conditional +
           guide(conditional - predictions[1], momentum_->audio, options_.audio_scale);
  }
  const at::Tensor& drop_text = predictions[1];
  const at::Tensor& unconditional = predictions[2];
  return conditional + guide(conditional - drop_text, momentum_->text, options_.text_scale) +
         guide(drop_text - unconditional, momentum_->audio, options_.audio_scale);
}

}  // namespace multitalk
