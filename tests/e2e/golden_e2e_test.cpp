// The program against the official generate_multitalk.py, whole: every case in models/e2e.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "checkpoint/safetensors.h"
#include "support/catch.h"
#include "support/golden.h"
#include "support/process.h"

namespace multitalk::test {
namespace {

namespace fs = std::filesystem;
using Tensors = std::map<std::string, at::Tensor>;

/// The built-in task with the case's bucket table in place of the 480 one.
void write_task(const fs::path& file, const nlohmann::json& bucket_table) {
  std::ifstream stream(fs::path(MULTITALK_SOURCE_DIR) / "configs" / "multitalk-14B.json");
  nlohmann::ordered_json task = nlohmann::ordered_json::parse(stream);
  task["sizes"]["multitalk-480"]["buckets"] = bucket_table;
  write_text(file, task.dump());
}

double tolerance_of(const std::string& file) {
  for (const auto& entry : golden_json("models/manifest.json")) {
    if (entry["file"] == file) return entry["tol_rel"].get<double>();
  }
  FAIL("models/manifest.json does not list " << file);
  return 0;
}

/// Only for people: facts about the reference's run that the program has no reason to repeat.
bool is_information(const std::string& name) { return name == "class_margins"; }

void compare(const std::string& name, const at::Tensor& expected, const at::Tensor& got,
             double tolerance) {
  INFO(name);
  if (expected.scalar_type() == at::kByte) {
    CHECK(max_abs_difference(got, expected) <= 1);
  } else if (!at::isFloatingType(expected.scalar_type()) || name.ends_with("_noise") ||
             name.find("_motion_noise_") != std::string::npos) {
    CHECK(max_abs_difference(got, expected) == 0);
  } else if (name.starts_with("speech_")) {
    // A voice that is longer than the usual excerpt is in the golden file as a whole.
    const int64_t n = std::min(got.size(0), expected.size(0));
    CHECK(relative_l2(got.slice(0, 0, n), expected.slice(0, 0, n)) <= tolerance);
  } else {
    CHECK(relative_l2(got, expected) <= tolerance);
  }
}

}  // namespace

TEST_CASE("the program renders what the official one rendered", "[golden][e2e]") {
  int cases = 0;
  for (const fs::path& folder : golden_files("models/e2e", "", "")) {
    const std::string name = folder.filename().string();
    const nlohmann::json args = golden_json("models/e2e/" + name + "/args.json");
    auto argv = args["argv"].get<std::vector<std::string>>();
    ++cases;
    INFO("case " << name);

    const TemporaryFolder out;
    write_task(out / "task.json", args["bucket_table"]);
    const auto save_file = std::find(argv.begin(), argv.end(), "--save_file");
    REQUIRE(save_file != argv.end());
    *(save_file + 1) = out / "video";
    std::vector<std::string> command = {MULTITALK_BINARY};
    command.insert(command.end(), argv.begin(), argv.end());
    for (const std::string& word :
         {std::string("--compat"), std::string("reference"), std::string("--device"),
          std::string("cpu"), std::string("--dtype"), std::string("fp32"), std::string("--task"),
          out / "task.json", std::string("--save_latents"), out / "trace.safetensors"}) {
      command.push_back(word);
    }
    const ProcessResult result = run_process(command, golden_dir() / "models");
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(fs::exists(out / "video.mp4"));

    const std::string file = "e2e/" + name + "/trace.safetensors";
    const double tolerance = tolerance_of(file);
    const Tensors got = read_safetensors(out / "trace.safetensors");
    for (const auto& [tensor, expected] : golden_tensors("models/" + file)) {
      if (is_information(tensor)) continue;
      INFO(tensor);
      REQUIRE(got.contains(tensor));
      compare(tensor, expected, got.at(tensor), tolerance);
    }
  }
  REQUIRE(cases > 0);
}

}  // namespace multitalk::test
