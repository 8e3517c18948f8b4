// Every mode, rendered short on the golden tiny model: the video has the planned number of frames.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "checkpoint/safetensors.h"
#include "media/video_reader.h"
#include "media/wav_writer.h"
#include "program.h"
#include "support/catch.h"

namespace multitalk::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// A render with voices of its own; every word given replaces the default of its flag.
class ShortRender {
 public:
  /// A voice of so many frames.
  std::string voice(int frames) {
    std::vector<float> samples(static_cast<std::size_t>(frames) * 640);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i] = 0.3f * std::sin(static_cast<float>(i) * 0.09f);
    }
    const std::string file = out_ / ("voice" + std::to_string(++voices_) + ".wav");
    write_wav_pcm16(file, samples, 16000);
    return file;
  }

  /// The task with one small bucket for each of its sizes.
  std::string tiny_task() {
    std::ifstream stream(fs::path(MULTITALK_SOURCE_DIR) / "configs" / "multitalk-14B.json");
    nlohmann::ordered_json task = nlohmann::ordered_json::parse(stream);
    for (nlohmann::ordered_json& size : task["sizes"]) {
      size["buckets"] = {{"0.60", {{48, 80}, 1}}};
    }
    write_text(out_ / "task.json", task.dump());
    return out_ / "task.json";
  }

  nlohmann::json plan(const Words& voices, const Words& more) {
    const ProcessResult result = run_program(flags(voices) + more + Words{"--dry_run", "--json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return nlohmann::json::parse(result.out);
  }

  /// Renders; the plan, after its frames were found in the video.
  nlohmann::json check(const Words& voices, const Words& more = {}) {
    const nlohmann::json planned = plan(voices, more);
    const ProcessResult result = run_program(flags(voices) + more);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const VideoInfo info = probe_video(out_ / "video.mp4");
    CHECK(info.frames == planned["frames"].get<int>());
    CHECK(info.height == planned["bucket"]["height"].get<int>());
    CHECK(info.width == planned["bucket"]["width"].get<int>());
    CHECK(info.audio_codec == "aac");
    return planned;
  }

  const TemporaryFolder& folder() const { return out_; }

 private:
  Words flags(const Words& voices) {
    const fs::path picture = golden_files("models/e2e", "", "").front() / "image.png";
    return tiny_render() + Words{"--image", fs::absolute(picture).string(), "--audio"} + voices +
           Words{"--prompt", "people talk", "-y", "-o", out_ / "video.mp4"};
  }

  TemporaryFolder out_;
  int voices_ = 0;
};

/// "ROWS_0,COLUMN_0,ROWS_1,COLUMN_1" of a vertical strip of the plan's picture.
std::string strip(const nlohmann::json& plan, double from, double to) {
  const int height = plan["image"]["height"];
  const int width = plan["image"]["width"];
  return fmt::format("0,{},{},{}", std::floor(from * width), height, std::floor(to * width));
}

/// The first of the golden LoRAs.
std::string any_lora() {
  return fs::absolute(golden_files("models/lora", "", ".safetensors").front()).string();
}

}  // namespace

TEST_CASE("modes: two in their halves speak at once, or one after the other", "[e2e]") {
  ShortRender render;
  const Words voices = {render.voice(9), render.voice(5)};
  CHECK(render.check(voices, {"--audio_type", "para"})["frames"] == 9);
  CHECK(render.check(voices, {"--audio_type", "add", "--mode", "streaming", "--motion_frame",
                              "5"})["frames"] == 14);
}

TEST_CASE("modes: three in boxes, one of them silent", "[e2e]") {
  ShortRender render;
  const Words voices = {render.voice(9), "None", render.voice(9)};
  const nlohmann::json unboxed = render.plan(voices, {});
  const Words boxes = {"--box", strip(unboxed, 0, 0.33), "--box", strip(unboxed, 0.34, 0.66),
                       "--box", strip(unboxed, 0.67, 1)};
  const nlohmann::json plan = render.check(voices, boxes);
  CHECK(plan["speakers"].size() == 3);
  CHECK(plan["frames"] == 9);
}

TEST_CASE("modes: without a GPU all parameters lie where they are used", "[e2e]") {
  ShortRender render;
  render.check({render.voice(12)}, {"--num_persistent_param_in_dit", "0"});
}

TEST_CASE("modes: streaming over five clips", "[e2e]") {
  ShortRender render;
  const nlohmann::json plan = render.check(
      {render.voice(25)}, {"--mode", "streaming", "--motion_frame", "5", "--sample_steps", "1"});
  CHECK(plan["clips"].size() == 5);
  CHECK(plan["frames"] == 25);
}

TEST_CASE("modes: TeaCache with the coefficients of each size", "[e2e]") {
  ShortRender render;
  const std::string voice = render.voice(9);
  const std::string task = render.tiny_task();
  std::vector<nlohmann::json> coefficients;
  for (const std::string size : {"multitalk-480", "multitalk-720"}) {
    INFO(size);
    const std::string trace = render.folder() / (size + ".safetensors");
    const nlohmann::json plan = render.check(
        {voice}, {"--task", task, "--size", size, "--use_teacache", "--teacache_thresh", "0.5",
                  "--sample_steps", "8", "--save_latents", trace});
    const at::Tensor computed = read_safetensors(trace).at("clip0_computed");
    CHECK(computed.min().item<int64_t>() == 0);
    CHECK(computed.max().item<int64_t>() == 1);
    coefficients.push_back(plan["sampling"]["teacache"]["coefficients"]);
  }
  CHECK(coefficients[0] != coefficients[1]);
}

TEST_CASE("modes: guidance", "[e2e]") {
  ShortRender render;
  const Words voices = {render.voice(9)};
  CHECK(render.check(voices, {"--use_apg"})["sampling"]["apg"].is_object());
  CHECK(render.check(voices, {"--sample_text_guide_scale", "1"})["sampling"]["text_guide_scale"] ==
        1);
}

TEST_CASE("modes: presets, and flags that win over them", "[e2e]") {
  ShortRender render;
  const Words voices = {render.voice(9)};
  const Words lora = {"--lora_dir", any_lora()};
  const nlohmann::json turbo = render.check(voices, {"--turbo"});
  CHECK(turbo["sampling"]["teacache"]["threshold"] == 0.8);
  CHECK(render.check(voices, {"--preset", "quality"})["sampling"]["teacache"]["threshold"] == 0.3);
  for (const std::string preset : {"fusionx", "lightx2v"}) {
    INFO(preset);
    const nlohmann::json plan = render.check(voices, lora + Words{"--preset", preset});
    CHECK(plan["sampling"]["steps"] == 2);  // given in tiny_render
    CHECK(plan["sampling"]["shift"] == 2);
    CHECK(plan["sampling"]["text_guide_scale"] == 1);
    CHECK(plan["sampling"]["audio_guide_scale"] == 2);
    CHECK(plan["loras"][0]["scale"] == 1);
  }
}

TEST_CASE("modes: LoRAs", "[e2e]") {
  ShortRender render;
  const Words voices = {render.voice(9)};
  const nlohmann::json plan =
      render.check(voices, {"--lora_dir", any_lora(), any_lora(), "--lora_scale", "0.5"});
  CHECK(plan["loras"].size() == 2);
  CHECK(plan["loras"][1]["scale"] == 0.5);
  CHECK(plan["quant"].is_null());
}

TEST_CASE("modes: quantised weights, and a quantised model in the place of a LoRA", "[e2e]") {
  ShortRender render;
  const Words voices = {render.voice(9)};
  const nlohmann::json plain = render.plan(voices, {});
  for (const std::string quant : {"int8", "fp8"}) {
    INFO(quant);
    const Words flags = {"--quant", quant, "--quant_dir", "quant"};
    const nlohmann::json plan = render.check(voices, flags);
    CHECK(plan["quant"] == quant);
    CHECK(plan["memory"]["peak_bytes"] < plain["memory"]["peak_bytes"]);

    const fs::path models = fs::absolute(golden_dir() / "models" / "quant" / "quant_models");
    const std::string lora = render.folder() / ("quant_model_" + quant + "_FusionX.safetensors");
    fs::create_symlink(models / ("dit_model_" + quant + ".safetensors"), lora);
    fs::create_symlink(models / ("dit_model_map_" + quant + ".json"),
                       render.folder() / ("quantization_map_" + quant + "_FusionX.json"));
    render.check(voices, flags + Words{"--lora_dir", lora});
  }
}

}  // namespace multitalk::test
