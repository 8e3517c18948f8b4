// A job as settings: the flags of the command line that would repeat it, by name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/job.h"
#include "pipeline/json_fields.h"
#include "pipeline/plan.h"

namespace multitalk {

/// What the job was rendered with, as {"sample_steps": 40, "audio": ["/a.wav", "None"], ...}: every
/// field that has to do with the frames, defaults and presets resolved, the seed and the device as
/// the plan settled them, paths absolute. Where files go is not among them.
Json settings_of(const Job& job, const Plan& plan);

/// {"a": 1, "b": ["x", "y"]} as the words {"--a=1", "--b=x", "--b=y"}, for the parser of the
/// command line. Throws an input error for a value that no flag can have.
std::vector<std::string> words_of(const Json& settings);

/// The path from the root, without dots.
std::string absolute_path(const std::filesystem::path& path);

/// "fp32" or "bf16".
std::string dtype_name(at::ScalarType dtype);

}  // namespace multitalk
