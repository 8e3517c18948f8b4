// The tiny official transformer and its inputs, shared by the tests of the model and of TeaCache.
#pragma once

#include <map>
#include <string>

#include "checkpoint/safetensors.h"
#include "checkpoint/state_dict.h"
#include "models/wan_dit.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk::test {

using Tensors = std::map<std::string, at::Tensor>;

inline WanDit load_golden_dit(at::ScalarType dtype) {
  const auto folder = golden_dir() / "models" / "checkpoint";
  const auto source =
      open_safetensors_index(folder / "diffusion_pytorch_model.safetensors.index.json");
  DitConfig config = read_dit_config(folder / "config.json");
  infer_sizes(config, *source);
  WanDit model(config);
  LoadOptions options;
  options.dtype = dtype;
  load_state_dict("the transformer", parameters_of(model), *source, options);
  return model;
}

/// The condition in a case's tensors, whose names start with `prefix` ("in_").
inline DitCondition golden_condition(const Tensors& inputs, const std::string& prefix) {
  return {.context = inputs.at(prefix + "context"),
          .clip_features = golden_tensors("models/dit/clip_fea.safetensors").at("clip_fea"),
          .y = inputs.at(prefix + "y"),
          .audio = inputs.at(prefix + "audio"),
          .speaker_masks = inputs.at(prefix + "ref_target_masks")};
}

/// Silence of one speaker: what the forwards without audio are given.
inline DitCondition without_audio(DitCondition condition) {
  condition.audio = at::zeros_like(condition.audio.slice(0, -1));
  return condition;
}

inline void check_close(const std::string& name, const at::Tensor& actual,
                        const at::Tensor& expected, const Tolerance& tolerance) {
  INFO(name);
  REQUIRE(actual.sizes() == expected.sizes());
  if (actual.scalar_type() == at::kLong) {
    CHECK(at::equal(actual, expected));
    return;
  }
  CHECK(relative_l2(actual, expected) <= tolerance.relative);
  CHECK(max_abs_difference(actual, expected) <= tolerance.absolute);
}

}  // namespace multitalk::test
