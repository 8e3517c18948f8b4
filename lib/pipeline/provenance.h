// How a video came to be: a record in its metadata and beside it, enough to make it again.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/job.h"
#include "pipeline/json_fields.h"
#include "pipeline/plan.h"
#include "pipeline/weight_hashes.h"

namespace multitalk {

struct RenderResult;

/// The key of the mp4's metadata that holds the record.
inline constexpr const char* kRecordKey = "multitalk";

/// Where the record lies beside the video: VIDEO.mp4.json.
std::filesystem::path sidecar_of(const std::filesystem::path& video);

/// The record in a video of ours or in its sidecar (by the ending .json). Throws an input error
/// where the file cannot be read or holds none.
Json read_record(const std::filesystem::path& file);

/// What the command line knows of a run beside its job.
struct RunOrigin {
  Json settings = Json::object();  ///< the flags that would repeat it
  Json repeated = Json::object();  ///< the record of the run that it repeats; {} for a new one
};

/// Gathers the record of one run; docs/user-guide.md lists its fields.
class RunRecorder {
 public:
  /// Hashes the inputs, warns of those that differ from the repeated run's, and starts to hash the
  /// weights unless the job says otherwise.
  RunRecorder(const Job& job, const Plan& plan, const RunOrigin& origin,
              const std::vector<std::string>& weight_files);

  /// The record; waits for the hashes of the weights (see WeightHasher::wait).
  Json finish(const RenderResult& result);

 private:
  Json record_;
  std::vector<std::string> weight_files_;
  std::unique_ptr<WeightHasher> hasher_;  // null with --no_weight_hashes
};

}  // namespace multitalk
