#include "sampling/teacache.h"

#include <cmath>
#include <functional>

#include "base/error.h"
#include "support/catch.h"

using namespace multitalk;

namespace {

// A change of 0.1 a call counts as 0.1; 0.25 may be skipped over.
TeaCacheOptions identity(int steps, int forwards) {
  TeaCacheOptions options;
  options.threshold = 0.25;
  options.steps = steps;
  options.forwards_per_step = forwards;
  options.coefficients = {0, 0, 0, 1, 0};
  options.warmup_steps = 1;
  return options;
}

at::Tensor signal_of(int step) { return at::full({4}, std::pow(1.1, step), at::kDouble); }

// "1" where the blocks ran, for whole clips.
std::string run_clips(TeaCache& cache, const TeaCacheOptions& options, int clips) {
  for (int call = 0; call < clips * options.steps * options.forwards_per_step; ++call) {
    const int step = call / options.forwards_per_step % options.steps;
    cache(at::zeros({2}), signal_of(step), [](const at::Tensor& x) { return x + 1; });
  }
  std::string computed;
  for (const auto& decision : cache.take_decisions()) computed += decision.computed ? '1' : '0';
  return computed;
}

}  // namespace

TEST_CASE("forwards of a step decide alike and every clip starts afresh") {
  const TeaCacheOptions one = identity(8, 1);
  TeaCache single(one);
  CHECK(run_clips(single, one, 2) == "1001001010010010");
  const TeaCacheOptions two = identity(8, 2);
  TeaCache pair(two);
  CHECK(run_clips(pair, two, 2) == "11000011000011001100001100001100");
}

TEST_CASE("each forward has a residual of its own") {
  TeaCache cache(identity(3, 2));
  const at::Tensor tokens = at::zeros({1});
  for (int step = 0; step < 2; ++step) {
    for (const double residual : {5.0, 7.0}) {
      const at::Tensor out = cache(tokens + step, signal_of(step), [&](const at::Tensor& x) {
        CHECK(step == 0);
        return x + residual;
      });
      CHECK(out.item<double>() == residual + step);
    }
  }
  CHECK(cache.take_decisions().size() == 4);
  CHECK(cache.take_decisions().empty());
}

TEST_CASE("the official counting cycles over three slots") {
  TeaCacheOptions options = identity(5, 2);
  options.reference_counting = true;
  TeaCache cache(options);
  // Three calls warm up and a cycle has 15, so a second clip of 10 starts in mid-cycle.
  const std::string computed = run_clips(cache, options, 2);
  CHECK(computed.substr(0, 3) == "111");
  CHECK(computed.substr(15, 3) == "111");
}

TEST_CASE("the last steps can be made to run") {
  TeaCacheOptions options = identity(4, 1);
  options.threshold = 100;
  options.final_steps = 1;
  TeaCache cache(options);
  CHECK(run_clips(cache, options, 1) == "1001");
}

TEST_CASE("without a warm-up the first call still runs, and NaN runs") {
  TeaCacheOptions options = identity(4, 1);
  options.threshold = 100;
  options.warmup_steps = 0;
  TeaCache cache(options);
  CHECK(run_clips(cache, options, 1) == "1000");
  options.coefficients = {0, 0, 0, 0, std::nan("")};
  TeaCache broken(options);
  CHECK(run_clips(broken, options, 1) == "1111");
  options.threshold = -1;
  REQUIRE_THROWS_AS(TeaCache(options), Error);
}

TEST_CASE("it fits where a function is wanted, by reference") {
  TeaCache cache(identity(4, 1));
  using Run = std::function<at::Tensor(const at::Tensor&)>;
  const std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const Run&)> runner =
      std::ref(cache);
  runner(at::zeros({1}), signal_of(0), [](const at::Tensor& x) { return x; });
  CHECK(cache.take_decisions().size() == 1);
}
