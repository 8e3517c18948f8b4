// Classifier-free guidance over text and audio, plain or with adaptive projection (APG).
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <vector>

namespace multitalk {

/// What one forward of the model is given.
enum class Branch {
  kConditional,   ///< the prompt and the voices
  kDropText,      ///< the negative prompt and the voices
  kDropAudio,     ///< the prompt and silence
  kUnconditional  ///< the negative prompt and silence
};

/// Adaptive projected guidance, https://arxiv.org/abs/2410.02416.
struct ApgOptions {
  double momentum = -0.75;
  double norm_threshold = 55;  ///< updates longer than this are scaled down to it; 0: no limit
};

struct GuidanceOptions {
  double text_scale = 5;
  double audio_scale = 4;
  std::optional<ApgOptions> apg;
};

/// Whether this text scale leaves text guidance out (within a relative 1e-9 of 1), so that a step
/// needs two forwards instead of three.
bool is_unit_scale(double text_scale);

/// The running sum of updates, average = update + momentum * average; starts at 0.
class MomentumBuffer {
 public:
  explicit MomentumBuffer(double momentum) : momentum_(momentum) {}

  /// Adds one update and returns the average after it.
  const at::Tensor& update(const at::Tensor& value);

 private:
  double momentum_;
  at::Tensor average_;
};

/// A vector taken apart along another one; the two add up to it.
struct Projection {
  at::Tensor parallel;
  at::Tensor orthogonal;
};

/// `v` along and across `direction`, as vectors of all their elements; in double, returned in v's
/// dtype. A zero direction leaves all of `v` orthogonal.
Projection project(const at::Tensor& v, const at::Tensor& direction);

/// The update `diff` after momentum (where a buffer is given), cut to the norm `norm_threshold`
/// (where above 0), with the part along `prediction` scaled by `eta`:
/// adaptive_projected_guidance.
at::Tensor adaptive_projected_guidance(const at::Tensor& diff, const at::Tensor& prediction,
                                       MomentumBuffer* momentum, double norm_threshold,
                                       double eta = 0);

/// The guidance of one clip; holds the momentum between its steps.
class Guidance {
 public:
  explicit Guidance(const GuidanceOptions& options);

  /// The forwards that every step needs, in order: conditional, drop-text, unconditional, or
  /// conditional, drop-audio where the text scale is 1.
  const std::vector<Branch>& branches() const { return branches_; }

  /// One guided prediction from the predictions of branches().
  at::Tensor combine(const std::vector<at::Tensor>& predictions);

 private:
  struct Momentum {
    MomentumBuffer text;
    MomentumBuffer audio;
  };

  at::Tensor combine_plain(const std::vector<at::Tensor>& predictions) const;
  at::Tensor combine_projected(const std::vector<at::Tensor>& predictions);

  GuidanceOptions options_;
  std::vector<Branch> branches_;
  std::optional<Momentum> momentum_;
};

}  // namespace multitalk
