#include "models/wan_vae.h"

#include <set>

#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

constexpr double kTolerance = 1e-5;

const WanVae& tiny_vae() {
  static const WanVae vae =
      load_wan_vae(test::golden_dir() / "models" / "checkpoint" / "Wan2.1_VAE.pth");
  return vae;
}

std::map<std::string, at::Tensor> tensors_of(const std::filesystem::path& file) {
  return test::golden_tensors("models/vae/" + file.filename().string());
}

/// Compares a result with the golden tensor of the same name, if the case has one.
void compare(const std::map<std::string, at::Tensor>& golden, const std::string& name,
             const at::Tensor& ours) {
  if (golden.count(name) == 0) return;
  INFO(name);
  CHECK(test::relative_l2(ours, golden.at(name)) <= kTolerance);
}

TEST_CASE("the VAE encoder gives the official latents") {
  for (const auto& file : test::golden_files("models/vae", "encode_", ".safetensors")) {
    INFO(file);
    const auto golden = tensors_of(file);
    const at::Tensor latent = tiny_vae().encode(
        golden.at("video"),
        [&](const std::string& name, const at::Tensor& value) { compare(golden, name, value); });
    CHECK(test::relative_l2(latent, golden.at("latent")) <= kTolerance);
  }
}

TEST_CASE("the VAE decoder gives the official frames") {
  bool compared_without_tables = false;
  for (const auto& file : test::golden_files("models/vae", "decode_", ".safetensors")) {
    INFO(file);
    const auto golden = tensors_of(file);
    const at::Tensor& latent = golden.at("latent");
    const at::Tensor video = tiny_vae().decode(
        latent,
        [&](const std::string& name, const at::Tensor& value) { compare(golden, name, value); });
    CHECK(test::relative_l2(video, golden.at("video")) <= kTolerance);
    if (golden.count("video_no_tables") == 0) continue;
    compare(golden, "video_no_tables", tiny_vae().decode_mu(latent));
    compared_without_tables = true;
  }
  CHECK(compared_without_tables);
}

TEST_CASE("the VAE gives the same for every cut of the golden clips into chunks") {
  WanVae vae = load_wan_vae(test::golden_dir() / "models" / "checkpoint" / "Wan2.1_VAE.pth");
  vae.set_chunk(GENERATE(int64_t{2}, int64_t{3}, WanVae::kWholeClip));
  for (const auto& file : test::golden_files("models/vae", "encode_", ".safetensors")) {
    INFO(file);
    const auto golden = tensors_of(file);
    CHECK(test::relative_l2(vae.encode(golden.at("video")), golden.at("latent")) <= kTolerance);
  }
  for (const auto& file : test::golden_files("models/vae", "decode_", ".safetensors")) {
    INFO(file);
    const auto golden = tensors_of(file);
    CHECK(test::relative_l2(vae.decode(golden.at("latent")), golden.at("video")) <= kTolerance);
  }
}

}  // namespace
}  // namespace multitalk
