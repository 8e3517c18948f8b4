// What a video tells of its making, and making it again from that.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/sha256.h"
#include "media/video_reader.h"
#include "media/video_writer.h"
#include "program.h"
#include "support/catch.h"

namespace multitalk::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// A render with copies of golden inputs, in a folder of its own.
struct Run {
  TemporaryFolder out;
  fs::path source = golden_files("models/e2e", "", "").front();

  Run() {
    fs::copy_file(source / "image.png", out / "face.png");
    fs::copy_file(source / "voice1.wav", out / "voice.wav");
  }

  Words flags(const std::string& video) const {
    return tiny_render() + Words{"--image",  out / "face.png", "--audio", out / "voice.wav",
                                 "--prompt", "a \"face\"",     "-o",      out / video};
  }

  ProcessResult render(const Words& words) const {
    const ProcessResult result = run_program(words);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return result;
  }
};

nlohmann::json metadata_of(const std::string& video) {
  const VideoInfo info = probe_video(video);
  REQUIRE(info.metadata.contains("multitalk"));
  return nlohmann::json::parse(info.metadata.at("multitalk"));
}

bool same_frames(const std::string& left, const std::string& right) {
  VideoReader a(left);
  VideoReader b(right);
  Image image_a;
  Image image_b;
  while (a.next(image_a)) {
    if (!b.next(image_b) || image_a.rgb != image_b.rgb) return false;
  }
  return !b.next(image_b);
}

}  // namespace

TEST_CASE("a video and its sidecar tell how it was made", "[e2e]") {
  const Run run;
  run.render(run.flags("a.mp4") + Words{"--base_seed", "-1"});
  const nlohmann::json record = metadata_of(run.out / "a.mp4");
  CHECK(nlohmann::json::parse(read_file(run.out / "a.mp4.json")) == record);

  CHECK(record["program"].get<std::string>().starts_with("multitalk "));
  CHECK(record["device"] == "cpu");
  CHECK(record["dtype"] == "fp32");
  CHECK(record["kernels"].get<std::string>().starts_with("libtorch "));
  CHECK(record["seed"].get<int64_t>() >= 0);
  CHECK(record["frames"] == 9);
  CHECK(record["stage_s"].size() > 2);
  CHECK(record["peak_host_bytes"].get<double>() > 1e6);

  const nlohmann::json& settings = record["settings"];
  CHECK(settings["base_seed"] == record["seed"]);
  CHECK(settings["prompt"] == "a \"face\"");
  CHECK(settings["sample_steps"] == 2);
  CHECK(settings["ckpt_dir"] == fs::absolute(golden_dir() / "models" / "checkpoint").string());
  CHECK_FALSE(settings.contains("output"));

  CHECK(record["inputs"].size() == 2);
  CHECK(record["inputs"][0]["sha256"] == sha256_file(run.out / "face.png"));
  CHECK(record["inputs"][1]["sha256"] == sha256_file(run.out / "voice.wav"));
  CHECK(record["weights"].size() >= 5);
  for (const nlohmann::json& file : record["weights"]) {
    INFO(file);
    CHECK(file["sha256"] == sha256_file(file["path"].get<std::string>()));
  }
}

TEST_CASE("the sidecar and the hashes can be left out", "[e2e]") {
  const Run run;
  run.render(run.flags("a.mp4") + Words{"--no_sidecar", "--no_weight_hashes"});
  CHECK_FALSE(fs::exists(run.out / "a.mp4.json"));
  const nlohmann::json record = metadata_of(run.out / "a.mp4");
  CHECK(record["weights"].size() >= 5);
  for (const nlohmann::json& file : record["weights"]) CHECK_FALSE(file.contains("sha256"));
}

TEST_CASE("a user's file is not taken for a sidecar", "[e2e]") {
  const Run run;
  write_text(run.out / "a.mp4.json", "precious");
  const ProcessResult refused = run_program(run.flags("a.mp4"));
  CHECK(refused.exit_code == 2);
  CHECK(refused.err.find("--no_sidecar") != std::string::npos);
  CHECK(read_file(run.out / "a.mp4.json") == "precious");
  CHECK_FALSE(fs::exists(run.out / "a.mp4"));
}

TEST_CASE("--from repeats a run, frame by frame", "[e2e]") {
  const Run run;
  run.render(run.flags("a.mp4") + Words{"--base_seed", "-1", "--quality", "--box", "1,2,30,40"});
  const ProcessResult again = run.render({"--from", run.out / "a.mp4", "-o", run.out / "b.mp4"});
  CHECK(again.err.find("warning") == std::string::npos);
  CHECK(same_frames(run.out / "a.mp4", run.out / "b.mp4"));
  CHECK(metadata_of(run.out / "a.mp4")["settings"] == metadata_of(run.out / "b.mp4")["settings"]);
  run.render({"--from", run.out / "b.mp4.json", "-o", run.out / "c.mp4"});
  CHECK(same_frames(run.out / "a.mp4", run.out / "c.mp4"));
}

TEST_CASE("flags beside --from win", "[e2e]") {
  const Run run;
  run.render(run.flags("a.mp4") + Words{"--turbo"});
  run.render({"--from", run.out / "a.mp4", "-o", run.out / "b.mp4", "--base_seed=7", "--quality",
              "--prompt", "", "--size=64x64"});
  const nlohmann::json before = metadata_of(run.out / "a.mp4")["settings"];
  const nlohmann::json after = metadata_of(run.out / "b.mp4")["settings"];
  CHECK(before["sample_text_guide_scale"] == 3.0);
  CHECK(after["sample_text_guide_scale"] == 5.0);
  CHECK_FALSE(after.contains("turbo"));
  CHECK(after["base_seed"] == 7);
  CHECK(after["prompt"] == "");
  CHECK(after["audio"] == before["audio"]);
  CHECK(probe_video(run.out / "b.mp4").width == 64);
}

TEST_CASE("a step-distilled preset beside --from brings its own steps and LoRA", "[e2e]") {
  const Run run;
  const std::string lora = golden_files("models/lora", "", ".safetensors").front().string();
  run.render(run.flags("a.mp4") + Words{"--lora_dir", lora, "--lora_scale", "0.5"});
  const Words again = {"--from", run.out / "a.mp4", "-o", run.out / "b.mp4", "--dry_run", "--json"};
  const nlohmann::json repeated = nlohmann::json::parse(run.render(again).out);
  CHECK(repeated["sampling"]["steps"].get<int>() == 2);
  const Words preset = {"--preset", "lightx2v", "--lora_dir", lora};
  const nlohmann::json distilled = nlohmann::json::parse(run.render(again + preset).out);
  CHECK(distilled["sampling"]["steps"].get<int>() == 4);
  CHECK(distilled["loras"] != repeated["loras"]);
}

TEST_CASE("an input JSON is recorded by what it says", "[e2e]") {
  const Run run;
  const nlohmann::json input = {{"prompt", "from the file"},
                                {"cond_image", run.out / "face.png"},
                                {"cond_audio", {{"person1", run.out / "voice.wav"}}}};
  write_text(run.out / "input.json", input.dump());
  run.render(tiny_render() +
             Words{"--input_json", run.out / "input.json", "-o", run.out / "a.mp4"});
  const nlohmann::json record = metadata_of(run.out / "a.mp4");
  CHECK(record["settings"]["prompt"] == "from the file");
  CHECK_FALSE(record["settings"].contains("input_json"));
  CHECK(record["inputs"].back()["role"] == "input_json");
  CHECK(record["inputs"].back()["sha256"] == sha256_file(run.out / "input.json"));
  fs::remove(run.out / "input.json");
  run.render({"--from", run.out / "a.mp4", "-o", run.out / "b.mp4"});
  CHECK(same_frames(run.out / "a.mp4", run.out / "b.mp4"));
}

TEST_CASE("--from warns of inputs and weights that have changed", "[e2e]") {
  const Run run;
  run.render(run.flags("a.mp4"));
  std::string image = read_file(run.out / "face.png");
  write_text(run.out / "face.png", image + "more");
  nlohmann::json record = metadata_of(run.out / "a.mp4");
  record["weights"][0]["sha256"] = "another";
  write_text(run.out / "record.json", record.dump());
  const ProcessResult result =
      run.render({"--from", run.out / "record.json", "-o", run.out / "b.mp4"});
  INFO(result.err);
  CHECK(result.err.find("face.png: has changed") != std::string::npos);
  CHECK(result.err.find("voice.wav: has changed") == std::string::npos);
  CHECK(result.err.find(record["weights"][0]["path"].get<std::string>() + ": not the weights") !=
        std::string::npos);
}

TEST_CASE("--from refuses what holds no settings", "[e2e]") {
  const Run run;
  VideoOptions options;
  options.width = 16;
  options.height = 16;
  options.audio_rate = 0;
  VideoWriter writer(run.out / "foreign.mp4", options);
  writer.write_frame(std::vector<std::uint8_t>(16 * 16 * 3, 128));
  writer.finish();
  const auto refused = [&](const std::string& file, const std::string& culprit) {
    const ProcessResult result = run_program({"--from", file, "-o", run.out / "b.mp4"});
    INFO(result.err);
    CHECK(result.exit_code == 2);
    CHECK(result.err.find(culprit) != std::string::npos);
    CHECK_FALSE(fs::exists(run.out / "b.mp4"));
  };
  refused(run.out / "foreign.mp4", "holds no settings");
  refused(run.out / "face.png", "holds no settings");
  refused(run.out / "none.mp4", "none.mp4");
  write_text(run.out / "unknown.json", R"({"format": 1, "settings": {"hue": 7}})");
  refused(run.out / "unknown.json", "hue");
  write_text(run.out / "odd.json", R"({"format": 1, "inputs": 7, "settings": {"size": null}})");
  refused(run.out / "odd.json", "size");
}

}  // namespace multitalk::test
