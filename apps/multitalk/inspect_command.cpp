#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "commands.h"

namespace multitalk {

InspectCommand::InspectCommand(CLI::App& app)
    : command_(app.add_subcommand("inspect", "Tell what a checkpoint is and what it lacks")) {
  CLI::App& c = *command_;
  c.add_option("path", path_, "A folder, or a file of weights")->required();
  c.add_option("--multitalk_ckpt", multitalk_checkpoint_,
               "multitalk.safetensors, where it does not lie in the folder");
  c.add_flag("--json", json_, "Print JSON");
  c.add_flag("--hash", request_.hash, "Also the files' SHA-256");
  c.add_flag("--tensors", tensors_, "Also every tensor");
}

void InspectCommand::run() {
  request_.path = path_;
  if (!multitalk_checkpoint_.empty()) request_.multitalk_checkpoint = multitalk_checkpoint_;
  const Inspection inspection = inspect(request_);
  if (json_) {
    std::cout << inspection_to_json(inspection, tensors_).dump(2) << "\n";
  } else {
    std::cout << describe_inspection(inspection, tensors_);
  }
  const std::size_t problems = inspection.problems().size();
  if (problems > 0) {
    throw weights_error("{}: {} that a render would stumble over", path_,
                        problems == 1 ? "one problem" : fmt::format("{} problems", problems))
        .with_hint("docs/checkpoints.md tells which files belong there and where to get them");
  }
}

}  // namespace multitalk
