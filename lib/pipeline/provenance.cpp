#include "pipeline/provenance.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <fmt/chrono.h>
#include <torch/headeronly/version.h>

#include <ctime>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/text.h"
#include "media/video_reader.h"
#include "pipeline/generate.h"
#include "pipeline/job_settings.h"

namespace multitalk {

namespace {

namespace fs = std::filesystem;

/// The number of the record's format: raised where a reader of the old one would go wrong.
constexpr int kFormat = 1;

Json describe_file(const fs::path& file, const std::string& hash) {
  std::error_code ec;
  const std::uintmax_t bytes = fs::file_size(file, ec);
  Json described = {{"path", absolute_path(file)}};
  if (!ec) described["bytes"] = bytes;
  if (!hash.empty()) described["sha256"] = hash;
  return described;
}

/// Every file that the job reads but for the weights.
Json describe_inputs(const Job& job) {
  Json inputs = Json::array();
  const auto add = [&](const std::string& role, const fs::path& file) {
    inputs.push_back({{"role", role}});
    inputs.back().update(describe_file(file, sha256_file(file)));
  };
  add("image", job.image);
  for (const Speaker& speaker : job.speakers) {
    if (speaker.audio) add(speaker.name, *speaker.audio);
  }
  if (job.input_json) add("input_json", *job.input_json);
  if (job.task_file) add("task", *job.task_file);
  return inputs;
}

/// The hashed files of one list of a record, "inputs" or "weights"; empty where there is none.
std::vector<Json> files_in(const Json& record, const std::string& list) {
  const Json files = record.value(list, Json::array());
  std::vector<Json> described;
  for (const Json& file : files) {
    const auto is_text = [&](const char* key) {
      return file.contains(key) && file[key].is_string();
    };
    if (is_text("path") && is_text("sha256")) described.push_back(file);
  }
  return described;
}

void warn_of_changed_inputs(const Json& inputs, const Json& repeated) {
  const std::vector<Json> before = files_in(repeated, "inputs");
  for (const Json& now : inputs) {
    for (const Json& then : before) {
      if (then["path"] != now["path"] || then["sha256"] == now["sha256"]) continue;
      log::warning("{} {}: has changed since the run that is repeated",
                   now["role"].get<std::string>(), now["path"].get<std::string>());
      break;
    }
  }
}

std::map<std::string, std::string> hashes_by_name(const Json& repeated) {
  std::map<std::string, std::string> hashes;
  const std::vector<Json> weights = files_in(repeated, "weights");
  for (const Json& file : weights) {
    const fs::path path = file["path"].get<std::string>();
    hashes[path.filename().string()] = file["sha256"].get<std::string>();
  }
  return hashes;
}

/// "libtorch 2.11.0 CPU (AVX2)": results are the same to the bit only where this is.
std::string kernels_of(at::Device device) {
  if (!device.is_cpu()) return fmt::format("libtorch {} CUDA", TORCH_VERSION);
  return fmt::format("libtorch {} CPU ({})", TORCH_VERSION, at::get_cpu_capability());
}

}  // namespace

fs::path sidecar_of(const fs::path& video) { return video.string() + ".json"; }

Json read_record(const fs::path& file) {
  Json record;
  if (file.extension() == ".json") {
    try {
      record = parse_json_object(read_file(file));
    } catch (const Error& error) {
      throw error.within(file.string());
    }
  } else {
    const VideoInfo info = probe_video(file);
    const auto found = info.metadata.find(kRecordKey);
    if (found != info.metadata.end()) record = Json::parse(found->second, nullptr, false);
  }
  if (!record.is_object() || !record.contains("format") || !record.contains("settings") ||
      !record["settings"].is_object()) {
    throw input_error("{}: holds no settings of a multitalk run", file.string())
        .with_hint("expected a video that multitalk wrote, or the .json beside it");
  }
  if (record["format"] != kFormat) {
    throw input_error("{}: its settings are of format {}, this version reads format {}",
                      file.string(), record["format"].dump(), kFormat)
        .with_hint("repeat the run with the version that made it");
  }
  return record;
}

RunRecorder::RunRecorder(const Job& job, const Plan& plan, const RunOrigin& origin,
                         const std::vector<std::string>& weight_files)
    : weight_files_(weight_files) {
  record_ = {{"format", kFormat},
             {"program", fmt::format("multitalk {}", version())},
             {"started", fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)))},
             {"settings", origin.settings},
             {"seed", plan.seed},
             {"device", plan.device.str()},
             {"dtype", dtype_name(plan.dtype)},
             {"kernels", kernels_of(plan.device)},
             {"threads", at::get_num_threads()},
             {"inputs", describe_inputs(job)}};
  warn_of_changed_inputs(record_["inputs"], origin.repeated);
  if (!job.weight_hashes) return;
  hasher_ = std::make_unique<WeightHasher>(weight_files_, hashes_by_name(origin.repeated));
}

Json RunRecorder::finish(const RenderResult& result) {
  WeightHasher::Hashes hashes;
  if (hasher_) hashes = hasher_->wait();
  record_["weights"] = Json::array();
  for (const std::string& file : weight_files_) {
    record_["weights"].push_back(describe_file(file, hashes[file]));
  }
  record_["frames"] = result.frames;
  record_["stage_s"] = result.stage_s;
  record_["peak_host_bytes"] = result.peak_host_bytes;
  if (result.peak_device_bytes) record_["peak_device_bytes"] = *result.peak_device_bytes;
  return record_;
}

}  // namespace multitalk
