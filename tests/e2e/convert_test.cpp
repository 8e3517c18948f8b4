// multitalk convert and inspect on the golden tiny checkpoint.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "checkpoint/open_weights.h"
#include "checkpoint/safetensors.h"
#include "program.h"
#include "support/catch.h"

namespace multitalk::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Words = std::vector<std::string>;

constexpr const char* kManifest = "multitalk-manifest.json";

/// A conversion of the golden checkpoint into many small shards.
Words convert_words(const fs::path& output, const std::string& dtype) {
  return {"convert", "--ckpt_dir", "checkpoint", "--wav2vec_dir", "chinese-wav2vec2-base",
          "-o",      output,       "--dtype",    dtype,           "--max_shard_gb",
          "0.001"};
}

ProcessResult run_ok(const Words& words) {
  ProcessResult result = run_program(words);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return result;
}

json manifest_of(const fs::path& folder) { return json::parse(read_file(folder / kManifest)); }

/// The last shard of the transformer.
fs::path last_shard(const fs::path& folder) {
  std::vector<fs::path> shards;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("diffusion_pytorch_model-")) shards.push_back(entry.path());
  }
  REQUIRE(shards.size() > 2);
  return *std::max_element(shards.begin(), shards.end());
}

/// Every file's bytes by its name, without the manifest.
std::map<std::string, std::string> contents_of(const fs::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    if (entry.is_regular_file() && name != kManifest) contents[name] = read_file(entry.path());
  }
  return contents;
}

/// The frames of a short render, from a checkpoint folder.
at::Tensor render(const std::string& checkpoint, const std::string& wav2vec,
                  const std::string& dtype, const std::vector<std::string>& more = {}) {
  const TemporaryFolder out;
  const fs::path example = golden_files("models/e2e", "", "").front();
  run_ok(std::vector<std::string>{"--ckpt_dir",
                                  checkpoint,
                                  "--wav2vec_dir",
                                  wav2vec,
                                  "--size",
                                  "48x80",
                                  "--frame_num",
                                  "9",
                                  "--device",
                                  "cpu",
                                  "--dtype",
                                  dtype,
                                  "--sample_steps",
                                  "2",
                                  "--image",
                                  (example / "image.png").string(),
                                  "--audio",
                                  (example / "voice1.wav").string(),
                                  "--prompt",
                                  "a face",
                                  "-o",
                                  out / "video.mp4",
                                  "--save_latents",
                                  out / "trace.safetensors"} +
         more);
  return read_safetensors(out / "trace.safetensors").at("video_uint8");
}

/// Flips one bit in the middle of a file.
void corrupt(const fs::path& file) {
  std::string bytes = read_file(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_text(file, bytes);
}

/// The golden checkpoint by links, without some files.
void link_checkpoint(const fs::path& folder, const std::vector<std::string>& without) {
  fs::create_directory(folder);
  for (const auto& entry : fs::directory_iterator(golden_dir() / "models" / "checkpoint")) {
    const fs::path name = entry.path().filename();
    if (std::count(without.begin(), without.end(), name.string()) > 0) continue;
    fs::create_symlink(fs::absolute(entry.path()), folder / name);
  }
}

const json* find_part(const json& inspection, const std::string& kind) {
  for (const json& part : inspection.at("parts")) {
    if (part.at("kind") == kind) return &part;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("a converted checkpoint renders the same frames", "[e2e][convert]") {
  const TemporaryFolder out;
  for (const std::string dtype : {"fp32", "bf16"}) {
    INFO(dtype);
    const std::string folder = out / dtype;
    run_ok(convert_words(folder, dtype));
    CHECK(render(folder, folder + "/wav2vec2", dtype)
              .equal(render("checkpoint", "chinese-wav2vec2-base", dtype)));
  }
}

TEST_CASE("LoRAs are merged as a render merges them", "[e2e][convert]") {
  const TemporaryFolder out;
  std::vector<std::string> loras = {"--lora_dir"};
  for (const fs::path& file : golden_files("models/lora", "", ".safetensors")) {
    loras.push_back(file.string());
  }
  loras.insert(loras.end(), {"--lora_scale", "0.7"});
  for (const std::string dtype : {"fp32", "bf16"}) {
    INFO(dtype);
    const std::string folder = out / dtype;
    run_ok(convert_words(folder, dtype) + loras);
    const at::Tensor converted = render(folder, folder + "/wav2vec2", dtype);
    CHECK(converted.equal(render("checkpoint", "chinese-wav2vec2-base", dtype, loras)));
    CHECK_FALSE(converted.equal(render("checkpoint", "chinese-wav2vec2-base", dtype)));
  }
}

TEST_CASE("an fp8 conversion is smaller and renders nearly the same", "[e2e][convert]") {
  const TemporaryFolder out;
  run_ok(convert_words(out / "fp8", "fp8"));
  run_ok(convert_words(out / "bf16", "bf16"));
  const auto source = open_weights(out / "fp8/diffusion_pytorch_model.safetensors.index.json");
  const std::string weight = "blocks.0.self_attn.q.weight";
  CHECK(source->info(weight).dtype == at::kFloat8_e4m3fn);
  CHECK(source->info(weight + "_scale").shape ==
        std::vector<int64_t>{source->info(weight).shape[0], 1});
  CHECK(source->info("patch_embedding.weight").dtype == at::kBFloat16);
  const auto bytes = [](const fs::path& folder) {
    std::uint64_t sum = 0;
    const json files = manifest_of(folder).at("files");
    for (const auto& [name, digest] : files.items()) {
      if (name.starts_with("diffusion_")) sum += digest.at("bytes").get<std::uint64_t>();
    }
    return sum;
  };
  CHECK(static_cast<double>(bytes(out / "fp8")) < 0.75 * static_cast<double>(bytes(out / "bf16")));

  const at::Tensor expected = render("checkpoint", "chinese-wav2vec2-base", "fp32").to(at::kFloat);
  const at::Tensor got = render(out / "fp8", out / "fp8/wav2vec2", "fp32").to(at::kFloat);
  CHECK(relative_l2(got, expected) < 0.1);

  const std::string lora = golden_files("models/lora", "", ".safetensors").back().string();
  const at::Tensor adapted =
      render(out / "fp8", out / "fp8/wav2vec2", "fp32", {"--lora_dir", lora}).to(at::kFloat);
  const at::Tensor expected_adapted =
      render("checkpoint", "chinese-wav2vec2-base", "fp32", {"--lora_dir", lora}).to(at::kFloat);
  CHECK(relative_l2(adapted, expected_adapted) < 0.1);
  CHECK_FALSE(adapted.equal(got));
}

TEST_CASE("all layouts of a checkpoint convert to the same files", "[e2e][convert]") {
  const TemporaryFolder out;
  run_ok({"convert", "--ckpt_dir", "checkpoint", "-o", out / "linked"});
  const auto expected = contents_of(out / "linked");

  const std::string index = "diffusion_pytorch_model.safetensors.index.json";
  link_checkpoint(out / "base", {index, "multitalk.safetensors"});
  fs::copy_file(golden_dir() / "models/checkpoint" / (index + "_old"), out / ("base/" + index));
  const std::string audio = fs::absolute(golden_dir() / "models/checkpoint/multitalk.safetensors");
  run_ok({"convert", "--ckpt_dir", out / "base", "--multitalk_ckpt", audio, "-o", out / "apart"});
  CHECK((contents_of(out / "apart") == expected));

  run_ok({"convert", "--ckpt_dir", out / "linked", "-o", out / "again"});
  CHECK((contents_of(out / "again") == expected));
}

TEST_CASE("fp8 is widened again by another conversion", "[e2e][convert]") {
  const TemporaryFolder out;
  run_ok({"convert", "--ckpt_dir", "checkpoint", "-o", out / "fp8", "--dtype", "fp8"});
  run_ok({"convert", "--ckpt_dir", out / "fp8", "-o", out / "fp32", "--dtype", "fp32"});
  const std::string index = "diffusion_pytorch_model.safetensors.index.json";
  const auto narrow = open_weights(out / ("fp8/" + index));
  const auto wide = open_weights(out / ("fp32/" + index));
  const std::string weight = "blocks.0.ffn.0.weight";
  CHECK_FALSE(wide->contains(weight + "_scale"));
  CHECK(wide->tensor(weight).equal(narrow->tensor(weight).to(at::kFloat) *
                                   narrow->tensor(weight + "_scale")));
}

TEST_CASE("the manifest has the size and SHA-256 of every file", "[e2e][convert]") {
  const TemporaryFolder out;
  run_ok(convert_words(out / "new", "bf16"));
  const json manifest = manifest_of(out / "new");
  CHECK(manifest.at("complete") == true);
  CHECK(manifest.at("dtype") == "bf16");
  const auto contents = contents_of(out / "new");
  CHECK(manifest.at("files").size() == contents.size());
  for (const auto& [name, bytes] : contents) {
    INFO(name);
    REQUIRE(manifest.at("files").contains(name));
    CHECK(manifest.at("files").at(name).at("bytes") == bytes.size());
    if (name == "config.json") {
      const ProcessResult sum =
          run_process({"/usr/bin/sha256sum", "config.json"}, out.path() / "new");
      CHECK(sum.out.substr(0, 64) == manifest.at("files").at(name).at("sha256").get<std::string>());
    }
  }
  const json index =
      json::parse(read_file(out / "new/diffusion_pytorch_model.safetensors.index.json"));
  std::uint64_t total = 0;
  const auto source = open_weights(out / "new/diffusion_pytorch_model.safetensors.index.json");
  for (const std::string& name : source->names()) total += source->tensor(name).nbytes();
  CHECK(index.at("metadata").at("total_size") == total);
}

TEST_CASE("an interrupted conversion goes on where it was", "[e2e][convert]") {
  const TemporaryFolder out;
  const fs::path folder = out / "new";
  run_ok(convert_words(folder, "bf16"));
  const auto whole = contents_of(folder);
  const fs::path shard = last_shard(folder);

  // As left by a process that was killed in the last shard: no such shard, half a file beside it,
  // a manifest without it and what follows.
  json manifest = manifest_of(folder);
  manifest["complete"] = false;
  manifest["files"].erase(shard.filename().string());
  manifest["files"].erase("config.json");
  write_text(folder / kManifest, manifest.dump());
  fs::remove(shard);
  fs::remove(folder / "config.json");
  write_text(folder / fmt::format(".{}.1-0.part.safetensors", shard.stem().string()), "half");

  const ProcessResult inspected = run_program({"inspect", folder});
  CHECK(inspected.exit_code == 3);
  CHECK(inspected.out.find("not finished") != std::string::npos);

  const ProcessResult resumed = run_ok(convert_words(folder, "bf16"));
  CHECK(resumed.err.find("2 written") != std::string::npos);
  CHECK((contents_of(folder) == whole));
  CHECK(manifest_of(folder).at("complete") == true);

  const ProcessResult again = run_ok(convert_words(folder, "bf16"));
  CHECK(again.err.find("0 written") != std::string::npos);
}

TEST_CASE("a damaged file is found and written again", "[e2e][convert]") {
  const TemporaryFolder out;
  const fs::path folder = out / "new";
  run_ok(convert_words(folder, "bf16"));
  const auto whole = contents_of(folder);
  const fs::path shard = last_shard(folder);
  corrupt(shard);

  const ProcessResult inspected = run_program({"inspect", folder, "--hash", "--json"});
  CHECK(inspected.exit_code == 3);
  const json report = json::parse(inspected.out);
  CHECK(report.at("manifest").at("damaged") == json{shard.filename().string()});

  CHECK(run_ok(convert_words(folder, "bf16")).err.find("1 written") != std::string::npos);
  CHECK((contents_of(folder) == whole));
  CHECK(run_program({"inspect", folder, "--hash"}).exit_code == 0);
}

TEST_CASE("what convert refuses", "[e2e][convert]") {
  const TemporaryFolder out;
  const auto refused = [](const Words& words, int exit_code, const std::string& culprit) {
    const ProcessResult result = run_program(words);
    INFO(result.err);
    CHECK(result.exit_code == exit_code);
    CHECK(result.err.find(culprit) != std::string::npos);
  };
  fs::create_directory(out / "full");
  write_text(out / "full/note.txt", "precious");
  refused(convert_words(out / "full", "bf16"), 2, "not empty");
  write_text(out / "file", "precious");
  refused(convert_words(out / "file", "bf16"), 2, "file");
  refused(convert_words(out / "new", "int4"), 2, "int4");
  refused({"convert", "--ckpt_dir", "checkpoint"}, 2, "--output");
  refused({"convert", "--ckpt_dir", out / "absent", "-o", out / "new"}, 3, "absent");

  run_ok(convert_words(out / "new", "bf16"));
  refused(convert_words(out / "new", "fp8"), 2, "other settings");

  link_checkpoint(out / "part", {"Wan2.1_VAE.pth"});
  refused({"convert", "--ckpt_dir", out / "part", "-o", out / "other"}, 3, "the VAE");
  CHECK_FALSE(fs::exists(out / "other"));
}

TEST_CASE("inspect tells what the golden checkpoint is", "[e2e][inspect]") {
  const json report = json::parse(run_ok({"inspect", "checkpoint", "--json"}).out);
  CHECK(report.at("problems").empty());
  CHECK(report.at("requirements").size() == 5);
  for (const char* kind : {"text encoder", "image encoder", "VAE"}) {
    INFO(kind);
    REQUIRE(find_part(report, kind) != nullptr);
    CHECK(find_part(report, kind)->at("format") == "torch pickle");
    CHECK(find_part(report, kind)->at("parameters").get<int64_t>() > 0);
  }
  CHECK(report.at("layout") == "linked");
  const json* transformer = find_part(report, "transformer with audio weights");
  REQUIRE(transformer != nullptr);
  CHECK(transformer->at("format") == "sharded safetensors");
  const auto source = open_weights(
      golden_dir() / "models/checkpoint/diffusion_pytorch_model.safetensors.index.json");
  CHECK(transformer->at("tensor_count") == source->names().size());
  const std::string text = run_ok({"inspect", "checkpoint"}).out;
  CHECK(text.find("audio weights: linked") != std::string::npos);
  const std::string tensors = run_ok({"inspect", "checkpoint", "--tensors"}).out;
  CHECK(tensors.find(source->names().front()) != std::string::npos);
}

TEST_CASE("inspect knows the unlinked layout and parts that are missing", "[e2e][inspect]") {
  const TemporaryFolder out;
  const fs::path folder = out / "unlinked";
  const std::string index = "diffusion_pytorch_model.safetensors.index.json";
  link_checkpoint(folder, {index, "models_t5_umt5-xxl-enc-bf16.pth"});
  fs::copy_file(golden_dir() / "models/checkpoint" / (index + "_old"), folder / index);
  const ProcessResult result = run_program({"inspect", folder, "--json"});
  CHECK(result.exit_code == 3);
  CHECK(result.err.find("one problem") != std::string::npos);
  const json report = json::parse(result.out);
  CHECK(report.at("layout") == "unlinked");
  CHECK(find_part(report, "transformer") != nullptr);
  CHECK(find_part(report, "audio weights") != nullptr);
  REQUIRE(report.at("problems").size() == 1);
  CHECK(report.at("problems")[0].get<std::string>().find("models_t5") != std::string::npos);
}

TEST_CASE("inspect names tensors that do not belong there", "[e2e][inspect]") {
  const TemporaryFolder out;
  const std::string vae = "Wan2.1_VAE.pth";
  link_checkpoint(out / "odd", {vae});
  std::map<std::string, at::Tensor> tensors;
  const auto source = open_weights(golden_dir() / "models/checkpoint" / vae);
  for (const std::string& name : source->names()) tensors[name] = source->tensor(name);
  tensors["one.too.many"] = at::ones({3});
  write_safetensors(out / "odd/Wan2.1_VAE.safetensors", tensors);
  const ProcessResult result = run_program({"inspect", out / "odd"});
  CHECK(result.exit_code == 3);
  CHECK(result.out.find("1 unexpected") != std::string::npos);
  CHECK(result.out.find("one.too.many [3]") != std::string::npos);
}

TEST_CASE("inspect looks at single files", "[e2e][inspect]") {
  for (const fs::path& lora : golden_files("models/lora", "", ".safetensors")) {
    INFO(lora);
    const json report = json::parse(run_ok({"inspect", lora.string(), "--json", "--hash"}).out);
    CHECK(find_part(report, "LoRA") != nullptr);
    CHECK(report.at("parts")[0].at("files")[0].at("sha256").get<std::string>().size() == 64);
    CHECK(report.at("requirements").empty());
  }
  const json wav2vec = json::parse(run_ok({"inspect", "chinese-wav2vec2-base", "--json"}).out);
  CHECK(find_part(wav2vec, "wav2vec2") != nullptr);
  CHECK(wav2vec.at("requirements").size() == 1);

  const TemporaryFolder out;
  CHECK(run_program({"inspect", out / "absent"}).exit_code == 2);
  write_text(out / "broken.safetensors", "not weights");
  CHECK(run_program({"inspect", out / "broken.safetensors"}).exit_code == 3);
  CHECK(run_program({"inspect", out.path().string()}).exit_code == 3);
}

}  // namespace multitalk::test
