// Every kind of bad input: its exit code, a message that names the culprit, and no file left.
#include <filesystem>
#include <functional>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "program.h"
#include "support/catch.h"

namespace multitalk::test {
namespace {

namespace fs = std::filesystem;

/// A good job in a folder of its own, to be spoilt.
struct GoodJob {
  TemporaryFolder folder;
  fs::path source = golden_files("models/e2e", "", "").front();
  std::string image = (source / "image.png").string();
  std::string voice = (source / "voice1.wav").string();

  std::vector<std::string> flags() const {
    return tiny_render() +
           std::vector<std::string>{"--image",  image,    "--audio", voice,
                                    "--prompt", "a face", "-o",      folder / "video.mp4"};
  }

  /// The folder holds no video, finished or not.
  bool is_clean() const {
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      if (entry.path().extension() == ".mp4") return false;
    }
    return true;
  }
};

void check_refused(const GoodJob& job, const std::vector<std::string>& flags, int exit_code,
                   const std::string& culprit) {
  const ProcessResult result = run_program(flags);
  INFO("expected in the message: " << culprit);
  INFO(result.err);
  CHECK(result.exit_code == exit_code);
  CHECK(result.err.find(culprit) != std::string::npos);
  CHECK(job.is_clean());
}

/// A checkpoint folder of links to the golden one, without `missing`.
fs::path linked_checkpoint(const GoodJob& job, const std::string& missing) {
  const fs::path folder = job.folder / "checkpoint";
  fs::create_directory(folder);
  for (const auto& entry : fs::directory_iterator(golden_dir() / "models" / "checkpoint")) {
    if (entry.path().filename() != missing) {
      fs::create_symlink(fs::absolute(entry.path()), folder / entry.path().filename());
    }
  }
  return folder;
}

}  // namespace

TEST_CASE("flags that make no sense are refused", "[e2e]") {
  const GoodJob job;
  const auto refused = [&](const std::vector<std::string>& more, const std::string& culprit) {
    check_refused(job, job.flags() + more, 2, culprit);
  };
  refused({"--frame_nun", "9"}, "--frame_num");
  refused({"--frame_num", "82"}, "81 and 85");
  refused({"--mode", "stream"}, "streaming");
  refused({"--size", "multitalk-481"}, "multitalk-480");
  refused({"--size", "50x80"}, "50x80");
  refused({"--task", "multitalk-14b"}, "multitalk-14B");
  refused({"--sample_steps", "0"}, "sample_steps");
  refused({"--color_correction_strength", "2"}, "color_correction_strength");
  refused({"--device", "tpu"}, "tpu");
  refused({"--box", "1,2,3"}, "four numbers");
  refused({"--box", "0,0,10000,10"}, "10000");
  refused({"--mode", "streaming", "--motion_frame", "9"}, "motion_frame");
  refused({"--ulysses_size", "2"}, "not in this version yet");
  refused({"--audio_mode", "tts"}, "not in this version yet");
}

TEST_CASE("outputs that cannot be written are refused before the work", "[e2e]") {
  const GoodJob job;
  auto flags = job.flags();
  flags.back() = job.folder / "no/such/folder/video.mp4";
  check_refused(job, flags, 2, "no/such/folder");
  flags.back() = job.folder / "video.avi";
  check_refused(job, flags, 2, ".mp4");
}

TEST_CASE("inputs that are broken are named", "[e2e]") {
  GoodJob job;
  SECTION("a missing picture") {
    job.image = job.folder / "nobody.png";
    check_refused(job, job.flags(), 2, "nobody.png");
  }
  SECTION("a picture that is none") {
    job.image = job.folder / "text.png";
    write_text(job.image, "not a picture");
    check_refused(job, job.flags(), 2, "text.png");
  }
  SECTION("a picture cut short") {
    const std::string whole = read_file(job.image);
    job.image = job.folder / "short.png";
    write_text(job.image, whole.substr(0, whole.size() / 2));
    check_refused(job, job.flags(), 2, "short.png");
  }
  SECTION("a missing voice") {
    job.voice = job.folder / "silence.wav";
    check_refused(job, job.flags(), 2, "silence.wav");
  }
  SECTION("an empty voice") {
    job.voice = job.folder / "empty.wav";
    write_text(job.voice, "");
    check_refused(job, job.flags(), 2, "empty.wav");
  }
  SECTION("only silence") {
    job.voice = "None";
    check_refused(job, job.flags(), 2, "nobody speaks");
  }
}

TEST_CASE("an input JSON is checked field by field", "[e2e]") {
  const GoodJob job;
  const auto refused = [&](const std::string& json, const std::string& culprit) {
    write_text(job.folder / "input.json", json);
    check_refused(
        job,
        tiny_render() + std::vector<std::string>{"--input_json", job.folder / "input.json", "-o",
                                                 job.folder / "video.mp4"},
        2, culprit);
  };
  const std::string image = "\"cond_image\": \"" + job.image + "\"";
  const std::string audio = "\"cond_audio\": {\"person1\": \"" + job.voice + "\"}";
  refused("{", "input.json");
  refused("[]", "object");
  refused("{" + image + ", " + audio + "}", "prompt");
  refused("{\"prompt\": \"a\", " + audio + "}", "cond_image");
  refused("{\"prompt\": \"a\", " + image + "}", "cond_audio");
  refused("{\"prompt\": 7, " + image + ", " + audio + "}", "prompt");
  check_refused(job, tiny_render() + std::vector<std::string>{"--input_json", "no.json"}, 2,
                "no.json");
}

TEST_CASE("weights that are missing or broken are named", "[e2e]") {
  const GoodJob job;
  const auto with_checkpoint = [&](const fs::path& folder) {
    auto flags = job.flags();
    flags[1] = folder.string();
    return flags;
  };
  SECTION("no folder") { check_refused(job, with_checkpoint(job.folder / "none"), 3, "none"); }
  SECTION("no VAE") {
    check_refused(job, with_checkpoint(linked_checkpoint(job, "Wan2.1_VAE.pth")), 3, "Wan2.1_VAE");
  }
  SECTION("no audio weights") {
    check_refused(job, with_checkpoint(linked_checkpoint(job, "multitalk.safetensors")), 3,
                  "multitalk.safetensors");
  }
  SECTION("a shard cut short") {
    const fs::path folder = linked_checkpoint(job, "multitalk.safetensors");
    const std::string whole =
        read_file(golden_dir() / "models" / "checkpoint" / "multitalk.safetensors");
    write_text(folder / "multitalk.safetensors", whole.substr(0, whole.size() - 100));
    check_refused(job, with_checkpoint(folder), 3, "multitalk.safetensors");
  }
  SECTION("a config that does not fit") {
    const fs::path folder = linked_checkpoint(job, "config.json");
    std::string config = read_file(golden_dir() / "models" / "checkpoint" / "config.json");
    nlohmann::json json = nlohmann::json::parse(config);
    json["num_layers"] = json["num_layers"].get<int>() + 1;
    write_text(folder / "config.json", json.dump());
    check_refused(job, with_checkpoint(folder), 3, "missing");
  }
}

TEST_CASE("LoRAs that cannot be applied are refused", "[e2e]") {
  const GoodJob job;
  const auto refused = [&](const std::vector<std::string>& more, int exit_code,
                           const std::string& culprit) {
    check_refused(job, job.flags() + more, exit_code, culprit);
  };
  refused({"--lora_dir", "no_lora.safetensors"}, 3, "no_lora.safetensors");
  refused({"--lora_dir", "a", "b", "c", "--lora_scale", "1", "2"}, 2, "2 scales for 3 LoRAs");
  refused({"--preset", "fusionx"}, 3, "Wan2.1_I2V_14B_FusionX_LoRA.safetensors");
  refused({"--preset", "fusion"}, 2, "fusionx");
  refused({"--preset", "lightx2v", "--turbo"}, 2, "--turbo");
  const std::string foreign = job.folder / "foreign.safetensors";
  write_safetensors(foreign, {{"unet.mid.lora_down.weight", at::ones({2, 2})}});
  refused({"--lora_dir", foreign}, 3, "unet.mid.lora_down.weight");
}

TEST_CASE("quantised weights that are missing or not quantised are named", "[e2e]") {
  const GoodJob job;
  const auto refused = [&](const std::vector<std::string>& more, int exit_code,
                           const std::string& culprit) {
    check_refused(job, job.flags() + more, exit_code, culprit);
  };
  refused({"--quant", "int8"}, 2, "--quant_dir");
  refused({"--quant", "int4"}, 2, "int4");
  refused({"--quant", "int8", "--quant_dir", job.folder / "none"}, 3, "t5_int8.safetensors");
  const std::string lora = golden_files("models/lora", "", ".safetensors").front().string();
  refused({"--quant", "int8", "--quant_dir", "quant", "--lora_dir", fs::absolute(lora).string()}, 3,
          "quantization_map_int8_FusionX.json");
  refused({"--quant", "fp8", "--quant_dir", "quant", "--preset", "fusionx"}, 3,
          "quant_model_fp8_FusionX.safetensors");
}

TEST_CASE("the unlinked layout is accepted", "[e2e]") {
  const GoodJob job;
  const std::string index = "diffusion_pytorch_model.safetensors.index.json";
  const fs::path folder = linked_checkpoint(job, index);
  fs::create_symlink(fs::absolute(golden_dir() / "models" / "checkpoint" / (index + "_old")),
                     folder / index);
  auto flags = job.flags();
  flags[1] = folder.string();
  const ProcessResult result = run_program(flags + std::vector<std::string>{"--dry_run"});
  INFO(result.err);
  CHECK(result.exit_code == 0);
}

}  // namespace multitalk::test
