#include "sampling/teacache.h"

#include <utility>

#include "base/error.h"

namespace multitalk {

namespace {

constexpr int kReferenceForwards = 3;

// mean |now - before| / mean |before|
double relative_change(const at::Tensor& now, const at::Tensor& before) {
  return ((now - before).abs().mean() / before.abs().mean()).item<double>();
}

}  // namespace

TeaCache::TeaCache(const TeaCacheOptions& options) : options_(options) {
  if (!(options.threshold >= 0)) {
    throw input_error("teacache_thresh is {}, expected a number of at least 0", options.threshold);
  }
  MULTITALK_CHECK(options.steps >= 1 && options.forwards_per_step >= 1,
                  "TeaCache for {} steps of {} forwards", options.steps, options.forwards_per_step);
  slots_.resize(options.reference_counting ? kReferenceForwards
                                           : static_cast<size_t>(options.forwards_per_step));
}

at::Tensor TeaCache::operator()(const at::Tensor& tokens, const at::Tensor& signal,
                                const std::function<at::Tensor(const at::Tensor&)>& run_blocks) {
  const int slot_count = static_cast<int>(slots_.size());
  Slot& slot = slots_[static_cast<size_t>(call_ % slot_count)];
  const bool compute = must_compute(slot, signal);
  if (compute) slot.accumulated = 0;
  slot.signal = signal;
  decisions_.push_back({compute, slot.accumulated});
  call_ = (call_ + 1) % (options_.steps * slot_count);

  if (!compute) return tokens + slot.residual;
  slot.residual.reset();  // makes room before the blocks run
  at::Tensor out = run_blocks(tokens);
  slot.residual = out - tokens;
  return out;
}

bool TeaCache::must_compute(Slot& slot, const at::Tensor& signal) const {
  const int slot_count = static_cast<int>(slots_.size());
  if (call_ < options_.warmup_steps * slot_count || !slot.residual.defined() ||
      call_ >= (options_.steps - options_.final_steps) * slot_count) {
    return true;
  }
  slot.accumulated += rescale(relative_change(signal, slot.signal));
  return !(slot.accumulated < options_.threshold);  // a NaN computes
}

double TeaCache::rescale(double change) const {
  double value = 0;
  for (const double coefficient : options_.coefficients) value = value * change + coefficient;
  return value;
}

std::vector<TeaCache::Decision> TeaCache::take_decisions() { return std::exchange(decisions_, {}); }

}  // namespace multitalk
