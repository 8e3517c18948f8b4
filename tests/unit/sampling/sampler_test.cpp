#include "sampling/sampler.h"

#include "base/device.h"
#include "base/error.h"
#include "sampling/flow_schedule.h"
#include "support/catch.h"

namespace multitalk {
namespace {

const std::vector<int64_t> kShape = {16, 3, 2, 5};

at::Tensor still(const at::Tensor& latent, float, Branch) { return at::zeros_like(latent); }

TEST_CASE("flow_timesteps starts at 1000, ends at 0 and refuses nonsense") {
  CHECK(flow_timesteps(1, 7) == std::vector<float>{1000, 0});
  const std::vector<float> times = flow_timesteps(3, 1);
  REQUIRE(times.size() == 4);
  CHECK(times[1] == Approx(500.5));
  CHECK(times[2] == Approx(1));
  CHECK_THROWS_AS(flow_timesteps(0, 7), Error);
  CHECK_THROWS_AS(flow_timesteps(4, 0), Error);
  CHECK_THROWS_AS(flow_timesteps(4, -1), Error);
}

TEST_CASE("noise is drawn as torch.manual_seed and torch.randn draw it") {
  const NoiseSource draw = gaussian_noise(make_generator(at::kCPU, 7), at::kCPU);
  at::Generator same = make_generator(at::kCPU, 7);
  const at::Tensor first = draw(kShape);
  CHECK(first.equal(at::randn(kShape, same)));
  CHECK(draw(kShape).equal(at::randn(kShape, same)));
  CHECK(first.scalar_type() == at::kFloat);
}

TEST_CASE("a unit text scale makes two forwards a step, others three") {
  SamplerOptions options{flow_timesteps(2, 7), {}};
  options.guidance.text_scale = GENERATE(1.0, 5.0);
  const bool two = options.guidance.text_scale == 1;
  std::vector<Branch> branches;
  const Denoiser denoiser = [&](const at::Tensor& latent, float time, Branch branch) {
    branches.push_back(branch);
    return still(latent, time, branch);
  };
  int steps = 0;
  SamplerCallbacks callbacks;
  callbacks.step_done = [&](int step) { CHECK(step == steps++); };
  sample_clip(denoiser, kShape, std::nullopt, options,
              gaussian_noise(make_generator(at::kCPU, 1), at::kCPU), callbacks);
  CHECK(steps == 2);
  REQUIRE(branches.size() == (two ? 4 : 6));
  CHECK(branches[0] == Branch::kConditional);
  CHECK(branches[1] == (two ? Branch::kDropAudio : Branch::kDropText));
  if (!two) CHECK(branches[2] == Branch::kUnconditional);
}

TEST_CASE("motion frames end up clean and the rest is untouched by them") {
  const SamplerOptions options{flow_timesteps(3, 5), {}};
  const at::Tensor motion = at::full({16, 2, 2, 5}, 3.0F);
  std::map<std::string, at::Tensor> traces;
  SamplerCallbacks callbacks;
  callbacks.trace = [&](const std::string& name, const at::Tensor& value) { traces[name] = value; };
  const at::Tensor latent =
      sample_clip(still, kShape, motion, options,
                  gaussian_noise(make_generator(at::kCPU, 1), at::kCPU), callbacks);
  CHECK(latent.narrow(1, 0, 2).equal(motion));
  CHECK(latent.narrow(1, 2, 1).equal(traces.at("noise").narrow(1, 2, 1)));
  CHECK(traces.at("latent_start").narrow(1, 0, 2).equal(traces.at("motion_noise_0")));
  CHECK(traces.count("motion_noise_3") == 1);
  CHECK(traces.count("motion_noise_4") == 0);
  CHECK(traces.at("latent_final").equal(latent));
}

TEST_CASE("Euler steps along a constant velocity end one unit away") {
  const SamplerOptions options{flow_timesteps(5, 7), {}};
  const Denoiser constant = [](const at::Tensor& latent, float, Branch) {
    return at::full_like(latent, 2.0F);
  };
  at::Tensor noise;
  SamplerCallbacks callbacks;
  callbacks.trace = [&](const std::string& name, const at::Tensor& value) {
    if (name == "noise") noise = value;
  };
  const at::Tensor latent =
      sample_clip(constant, kShape, std::nullopt, options,
                  gaussian_noise(make_generator(at::kCPU, 3), at::kCPU), callbacks);
  CHECK(at::allclose(latent, noise - 2, 1e-4, 1e-5));
}

}  // namespace
}  // namespace multitalk
