// TeaCache (https://arxiv.org/abs/2411.19108): where the timestep's embedding has changed little
// since the blocks last ran, their last residual is added instead of running them.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <functional>
#include <vector>

namespace multitalk {

struct TeaCacheOptions {
  double threshold = 0.2;  ///< accumulated change from which the blocks run again
  int steps = 40;          ///< sampling steps of a clip
  int forwards_per_step = 3;
  std::array<double, 5> coefficients{};  ///< of the rescaling polynomial, highest power first
  int warmup_steps = 5;                  ///< steps that always run at the start of a clip
  int final_steps = 0;                   ///< steps that always run at its end

  /// Count as the official code does: by three forwards a step even where there are two, so that
  /// the forwards share slots and a clip need not start at a count of 0.
  bool reference_counting = false;
};

/// Decides and keeps the residuals, apart for each forward of a step (a slot). Calls are told apart
/// by their order: every step of every clip must make its forwards in the same order. Holds one
/// tensor of the tokens' size a slot.
class TeaCache {
 public:
  /// Throws an input error unless threshold >= 0.
  explicit TeaCache(const TeaCacheOptions& options);
  TeaCache(const TeaCache&) = delete;
  TeaCache& operator=(const TeaCache&) = delete;

  /// One forward: the tokens after the blocks, run or not. `signal` is what is compared from call
  /// to call: the projected embedding of the timestep, e0. Reads one number back from the device
  /// unless the call must run anyway. Wrap in std::ref where a std::function is wanted.
  at::Tensor operator()(const at::Tensor& tokens, const at::Tensor& signal,
                        const std::function<at::Tensor(const at::Tensor&)>& run_blocks);

  /// One call, for traces.
  struct Decision {
    bool computed = true;    ///< the blocks ran
    double accumulated = 0;  ///< the slot's accumulated change after the call
  };

  /// The calls since the last take, in order.
  std::vector<Decision> take_decisions();

 private:
  struct Slot {
    at::Tensor signal;
    at::Tensor residual;
    double accumulated = 0;
  };

  bool must_compute(Slot& slot, const at::Tensor& signal) const;
  double rescale(double change) const;

  TeaCacheOptions options_;
  std::vector<Slot> slots_;
  int call_ = 0;  // in the clip
  std::vector<Decision> decisions_;
};

}  // namespace multitalk
