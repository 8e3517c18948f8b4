#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "commands.h"
#include "pipeline/generate.h"
#include "pipeline/plan.h"

namespace multitalk {

GenerateCommand::GenerateCommand(CLI::App& app)
    : command_(app.add_subcommand("generate", "Render a video (the default command)")) {
  add_generate_options(*command_, options_);
}

namespace {

void print_plan(const GenerateOptions& options, const Job& job, const Plan& plan) {
  if (options.json) {
    std::cout << plan_to_json(job, plan).dump(2) << "\n";
  } else {
    std::cout << describe_plan(job, plan);
  }
}

void report_result(const Job& job, const RenderResult& result) {
  std::string stages;
  nlohmann::json seconds = nlohmann::json::object();
  for (const auto& [stage, spent_s] : result.stage_s) {
    stages += fmt::format("{}{} {:.1f} s", stages.empty() ? "" : ", ", stage, spent_s);
    seconds[stage] = spent_s;
  }
  log::info("{}: {} frames ({})", job.output.string(), result.frames, stages);
  log::event("done",
             {{"output", job.output.string()}, {"frames", result.frames}, {"stage_s", seconds}});
}

}  // namespace

void GenerateCommand::run() const {
  const Job job = make_job(*command_, options_);
  if (!options_.boxes_png.empty() && !options_.dry_run) {
    throw input_error("--boxes_png goes with --dry_run");
  }
  Plan plan = make_plan(job);
  if (options_.dry_run) {
    if (!job.checkpoint_dir.empty() || !job.wav2vec_dir.empty()) check_weights(job, plan);
    if (!options_.boxes_png.empty()) write_boxes_png(options_.boxes_png, plan);
    print_plan(options_, job, plan);
    return;
  }
  if (options_.json) throw input_error("--json goes with --dry_run");
  report_result(job, generate(job, plan));
}

}  // namespace multitalk
