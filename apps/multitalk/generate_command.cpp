#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "commands.h"
#include "pipeline/generate.h"
#include "pipeline/job_settings.h"
#include "pipeline/plan.h"
#include "pipeline/provenance.h"

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

void report_result(const Job& job, const Plan& plan, const RenderResult& result) {
  std::string stages;
  nlohmann::json seconds = nlohmann::json::object();
  for (const auto& [stage, spent_s] : result.stage_s) {
    stages += fmt::format("{}{} {:.1f} s", stages.empty() ? "" : ", ", stage, spent_s);
    seconds[stage] = spent_s;
  }
  std::string memory = format_bytes(result.peak_host_bytes);
  nlohmann::json fields = {{"output", job.output.string()},
                           {"frames", result.frames},
                           {"seed", plan.seed},
                           {"stage_s", seconds},
                           {"peak_host_bytes", result.peak_host_bytes}};
  if (result.peak_device_bytes) {
    memory += fmt::format(", {} on {}", format_bytes(*result.peak_device_bytes), plan.device.str());
    fields["peak_device_bytes"] = *result.peak_device_bytes;
  }
  log::info("{}: {} frames ({})", job.output.string(), result.frames, stages);
  log::info("seed {}, peak memory {}; multitalk --from {} repeats it", plan.seed, memory,
            job.output.string());
  log::event("done", fields);
}

void render(const CLI::App& app, const GenerateOptions& options, const Json& repeated) {
  const Job job = make_job(app, options);
  if (!options.boxes_png.empty() && !options.dry_run) {
    throw input_error("--boxes_png goes with --dry_run");
  }
  Plan plan = make_plan(job);
  if (options.dry_run) {
    if (job.checkpoint_dir.empty() && job.wav2vec_dir.empty()) {
      expect_memory(job, plan);
    } else {
      check_weights(job, plan);
    }
    if (!options.boxes_png.empty()) write_boxes_png(options.boxes_png, plan);
    print_plan(options, job, plan);
    return;
  }
  if (options.json) throw input_error("--json goes with --dry_run");
  RunOrigin origin{recorded_settings(given_settings(app)), repeated};
  origin.settings.update(settings_of(job, plan));
  report_result(job, plan, generate(job, plan, origin));
}

}  // namespace

void GenerateCommand::run() const {
  if (options_.from.empty()) {
    render(*command_, options_, Json::object());
  } else {
    repeat();
  }
}

/// --from: the recorded flags go through the same parser as those given now.
void GenerateCommand::repeat() const {
  const Json record = read_record(options_.from);
  CLI::App app;
  GenerateOptions options;
  add_generate_options(app, options);
  try {
    const Json settings = repeated_settings(record["settings"], given_settings(*command_));
    std::vector<std::string> words = words_of(settings);
    std::reverse(words.begin(), words.end());
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    throw input_error("--from {}: {}", options_.from, error.what())
        .with_hint("it was recorded by " + record.value("program", Json()).dump());
  } catch (const Error& error) {
    throw error.within("--from " + options_.from);
  }
  render(app, options, record);
}

}  // namespace multitalk
