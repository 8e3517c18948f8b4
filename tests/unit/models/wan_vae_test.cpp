#include "models/wan_vae.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/device.h"
#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;

VaeConfig tiny() {
  VaeConfig config;
  config.dim = 4;
  return config;
}

/// A VAE of random weights, small enough for activations to stay near 1.
WanVae random_vae() {
  WanVae vae(tiny());
  at::Generator generator = make_generator(at::kCPU, 1);
  for (const Parameter& parameter : parameters_of(vae)) {
    *parameter.slot = at::randn(parameter.shape, generator) * 0.2;
  }
  return vae;
}

at::Tensor random_tensor(at::IntArrayRef shape) {
  return at::randn(shape, make_generator(at::kCPU, 2)).clamp_(-1, 1);
}

TEST_CASE("the VAE's parameters are those of the official file") {
  std::ifstream stream(fs::path(MULTITALK_SOURCE_DIR) / "tests" / "manifests" / "wan2.1-vae.json");
  REQUIRE(stream.good());
  const auto shapes = nlohmann::json::parse(stream).at("shapes");
  WanVae vae;
  const std::vector<Parameter> parameters = parameters_of(vae);
  CHECK(parameters.size() == shapes.size());
  for (const Parameter& parameter : parameters) {
    INFO(parameter.name);
    REQUIRE(shapes.contains(parameter.name));
    CHECK(parameter.shape == shapes.at(parameter.name).get<std::vector<int64_t>>());
    CHECK_FALSE(parameter.slot->defined());
  }
}

TEST_CASE("a clip may be cut into any chunks") {
  WanVae vae = random_vae();
  const at::Tensor video = random_tensor({3, 17, 24, 8});
  const at::Tensor latent = vae.encode(video);
  CHECK(latent.sizes() == at::IntArrayRef({16, 5, 3, 1}));
  const at::Tensor decoded = vae.decode(latent);
  CHECK(decoded.sizes() == video.sizes());
  vae.set_chunk(GENERATE(int64_t{2}, int64_t{4}, int64_t{100}, WanVae::kWholeClip));
  CHECK(at::allclose(vae.encode(video), latent, 1e-4, 1e-4));
  CHECK(at::allclose(vae.decode(latent), decoded, 1e-4, 1e-4));
}

TEST_CASE("the encoder looks only back in time") {
  const WanVae vae = random_vae();
  at::Tensor video = random_tensor({3, 9, 16, 16});
  const at::Tensor latent = vae.encode(video);
  video.narrow(1, 5, 4).zero_();
  const at::Tensor changed = vae.encode(video);
  CHECK(changed.narrow(1, 0, 2).equal(latent.narrow(1, 0, 2)));
  CHECK_FALSE(changed.equal(latent));
  CHECK(vae.encode(video.narrow(1, 0, 1)).equal(changed.narrow(1, 0, 1)));
}

TEST_CASE("a decoded stream is the decoded clip: one frame, then four at a time") {
  const WanVae vae = random_vae();
  const at::Tensor latent = random_tensor({16, 3, 3, 2});
  std::vector<at::Tensor> parts;
  std::vector<int64_t> counts;
  vae.decode_stream(latent, [&](const at::Tensor& frames) {
    parts.push_back(frames);
    counts.push_back(frames.size(1));
  });
  CHECK(counts == std::vector<int64_t>{1, 4, 4});
  const at::Tensor video = at::cat(parts, 1);
  CHECK(video.equal(vae.decode(latent)));
  CHECK(video.abs().max().item<float>() <= 1);
}

TEST_CASE("weights of 16 bits give about the same") {
  WanVae vae = random_vae();
  const at::Tensor video = random_tensor({3, 5, 16, 16});
  const at::Tensor latent = vae.encode(video);
  for (const Parameter& parameter : parameters_of(vae)) {
    *parameter.slot = parameter.slot->to(at::kBFloat16);
  }
  const at::Tensor rounded = vae.encode(video);
  CHECK(rounded.scalar_type() == at::kFloat);
  CHECK((rounded - latent).norm().item<double>() < 4e-2 * latent.norm().item<double>());
}

TEST_CASE("shapes that do not fit are refused") {
  const WanVae vae = random_vae();
  CHECK_THROWS_AS(vae.encode(at::zeros({3, 4, 16, 16})), Error);
  CHECK_THROWS_AS(vae.encode(at::zeros({3, 0, 16, 16})), Error);
  CHECK_THROWS_AS(vae.encode(at::zeros({3, 5, 16, 20})), Error);
  CHECK_THROWS_AS(vae.encode(at::zeros({1, 5, 16, 16})), Error);
  CHECK_THROWS_AS(vae.decode(at::zeros({8, 2, 3, 3})), Error);
  CHECK_THROWS_AS(vae.decode(at::zeros({16, 0, 3, 3})), Error);
}

TEST_CASE("a checkpoint is found under either name and refused where it is something else") {
  const test::TemporaryFolder folder;
  WanVae vae = random_vae();
  std::map<std::string, at::Tensor> tensors;
  for (const Parameter& parameter : parameters_of(vae)) tensors[parameter.name] = *parameter.slot;
  write_safetensors(folder / "Wan2.1_VAE.safetensors", tensors);

  const WanVae loaded = load_wan_vae(folder / "Wan2.1_VAE.pth");
  CHECK(loaded.config().dim == 4);
  const at::Tensor video = random_tensor({3, 5, 16, 16});
  CHECK(loaded.encode(video).equal(vae.encode(video)));

  write_safetensors(folder / "other.safetensors", {{"weight", at::zeros({2})}});
  CHECK_THROWS_AS(load_wan_vae(folder / "other.safetensors"), Error);
  CHECK_THROWS_AS(load_wan_vae(folder / "missing.pth"), Error);
}

}  // namespace
}  // namespace multitalk
