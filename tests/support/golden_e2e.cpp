#include "support/golden_e2e.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "checkpoint/safetensors.h"
#include "support/catch.h"
#include "support/golden.h"
#include "support/process.h"

namespace multitalk::test {

namespace {

namespace fs = std::filesystem;

nlohmann::json arguments_of(const std::string& name) {
  return golden_json("models/e2e/" + name + "/args.json");
}

std::string trace_of(const std::string& name) { return "e2e/" + name + "/trace.safetensors"; }

/// The built-in task with the case's bucket table in place of the 480 one.
void write_task(const fs::path& file, const nlohmann::json& bucket_table) {
  std::ifstream stream(fs::path(MULTITALK_SOURCE_DIR) / "configs" / "multitalk-14B.json");
  nlohmann::ordered_json task = nlohmann::ordered_json::parse(stream);
  task["sizes"]["multitalk-480"]["buckets"] = bucket_table;
  write_text(file, task.dump());
}

/// Only for people: facts about the reference's run that the program has no reason to repeat.
bool is_information(const std::string& tensor) { return tensor == "class_margins"; }

/// The program; MULTITALK_BINARY names another one than the build's.
std::string program() {
  const char* named = std::getenv("MULTITALK_BINARY");
  return named != nullptr && *named != '\0' ? named : MULTITALK_BINARY;
}

}  // namespace

std::vector<std::string> golden_renders() {
  std::vector<std::string> names;
  for (const fs::path& folder : golden_files("models/e2e", "", "")) {
    names.push_back(folder.filename().string());
  }
  return names;
}

double golden_render_tolerance(const std::string& name) {
  return golden_tolerance(trace_of(name)).relative;
}

void run_golden_render(const std::string& name, const std::string& device, const std::string& dtype,
                       const std::function<void(const std::string& tensor, const at::Tensor& ours,
                                                const at::Tensor& theirs)>& compare,
                       const std::vector<std::string>& more) {
  const nlohmann::json arguments = arguments_of(name);
  const TemporaryFolder out;
  write_task(out / "task.json", arguments["bucket_table"]);
  std::vector<std::string> command = {program()};
  for (const auto& word : arguments["argv"]) command.push_back(word);
  for (const std::string& word :
       {std::string("--save_file"), out / "video", std::string("--task"), out / "task.json",
        std::string("--save_latents"), out / "trace.safetensors", std::string("--compat"),
        std::string("reference"), std::string("--noise_device"), std::string("cpu"),
        std::string("--device"), device, std::string("--dtype"), dtype}) {
    command.push_back(word);
  }
  command.insert(command.end(), more.begin(), more.end());
  const ProcessResult result = run_process(command, golden_dir() / "models");
  INFO("case " << name);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(fs::exists(out / "video.mp4"));

  const auto ours = read_safetensors(out / "trace.safetensors");
  for (const auto& [tensor, theirs] : golden_tensors("models/" + trace_of(name))) {
    if (is_information(tensor)) continue;
    INFO(tensor);
    REQUIRE(ours.contains(tensor));
    compare(tensor, ours.at(tensor), theirs);
  }
}

}  // namespace multitalk::test
