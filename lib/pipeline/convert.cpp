#include "pipeline/convert.h"

#include <utility>

#include "base/byte_progress.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "pipeline/checkpoint_manifest.h"
#include "pipeline/convert_plan.h"
#include "pipeline/model_set.h"

namespace multitalk {

namespace {

namespace fs = std::filesystem;

/// What the folder has of this conversion already. Throws where it holds something else.
CheckpointManifest open_folder(const fs::path& folder, const std::string& dtype,
                               const std::string& recipe) {
  std::error_code ec;
  fs::create_directories(folder, ec);
  if (!fs::is_directory(folder)) {
    throw input_error("--output {}: cannot make the folder: {}", folder.string(),
                      ec ? ec.message() : "a file of this name exists");
  }
  std::optional<CheckpointManifest> manifest = read_manifest(folder);
  if (!manifest && !fs::is_empty(folder)) {
    throw input_error("--output {}: the folder is not empty", folder.string())
        .with_hint("name a new folder, or one in which a conversion was interrupted");
  }
  if (manifest && manifest->recipe != recipe) {
    throw input_error("--output {}: holds a conversion ({}) of other files or other settings",
                      folder.string(), manifest->dtype)
        .with_hint("name a new folder, or remove this one");
  }
  if (manifest) return *std::move(manifest);
  return {.complete = false, .dtype = dtype, .recipe = recipe, .files = {}};
}

/// Writes what is missing and reads back all that is written.
class Conversion {
 public:
  Conversion(const fs::path& folder, const ConvertPlan& plan, CheckpointManifest manifest)
      : folder_(folder), plan_(plan), manifest_(std::move(manifest)) {}

  ConvertResult run() {
    const std::vector<const OutputFile*> missing = find_missing();
    manifest_.complete = missing.empty() && manifest_.complete;
    write_manifest(folder_, manifest_);
    std::uint64_t needed = 0;
    for (const OutputFile* file : missing) needed += file->bytes;
    require_disk_space(needed, fs::space(folder_).available, folder_);

    ByteProgress progress(2 * needed);
    for (const OutputFile* file : missing) write(*file, progress);
    ConvertResult result;
    for (const OutputFile& file : plan_.files) result.bytes += file.bytes;
    result.written = missing.size();
    result.kept = plan_.files.size() - missing.size();
    return result;
  }

  void complete() {
    manifest_.complete = true;
    write_manifest(folder_, manifest_);
  }

 private:
  /// Files that the manifest does not have, or that are not what it says; those are forgotten.
  std::vector<const OutputFile*> find_missing() {
    std::uint64_t known_bytes = 0;
    for (const auto& [name, digest] : manifest_.files) known_bytes += digest.bytes;
    ByteProgress progress(known_bytes);
    std::vector<const OutputFile*> missing;
    for (const OutputFile& file : plan_.files) {
      if (is_whole(file, progress)) continue;
      manifest_.files.erase(file.name);
      missing.push_back(&file);
    }
    return missing;
  }

  bool is_whole(const OutputFile& file, ByteProgress& progress) const {
    const auto known = manifest_.files.find(file.name);
    const fs::path path = folder_ / file.name;
    std::error_code ec;
    if (known == manifest_.files.end() || fs::file_size(path, ec) != known->second.bytes || ec) {
      return false;
    }
    progress.begin("checking " + file.name);
    return digest_of(path, [&](std::uint64_t bytes) { progress.add(bytes); }) == known->second;
  }

  void write(const OutputFile& file, ByteProgress& progress) {
    const fs::path path = folder_ / file.name;
    fs::create_directories(path.parent_path());
    PendingFile::remove_abandoned(path);
    const auto done = [&](std::uint64_t bytes) { progress.add(bytes); };
    progress.begin("writing " + file.name);
    const FileDigest written = file.write(path, done);
    MULTITALK_CHECK(written.bytes == file.bytes, "{}: {} bytes were planned, {} written", file.name,
                    file.bytes, written.bytes);
    progress.begin("reading back " + file.name);
    if (digest_of(path, done) != written) {
      throw resource_error("{}: what is read back differs from what was written", path.string())
          .with_hint("the disk or the memory is faulty");
    }
    manifest_.files[file.name] = written;
    write_manifest(folder_, manifest_);
  }

  const fs::path& folder_;
  const ConvertPlan& plan_;
  CheckpointManifest manifest_;
};

/// The new folder must load: names and shapes are compared with the models'.
void check_loads(const ConvertRequest& request) {
  ModelPlacement placement;
  placement.checkpoint_dir = request.output_dir;
  find_wan_dit(placement);
  find_umt5(placement);
  find_clip_vision(placement);
  find_wan_vae(placement);
  find_tokenizer(placement);
  if (request.wav2vec_dir) {
    placement.wav2vec_dir = request.output_dir / "wav2vec2";
    find_wav2vec2(placement);
  }
}

}  // namespace

const std::vector<std::string>& convert_dtypes() {
  static const std::vector<std::string> dtypes = {"bf16", "fp32", "fp8"};
  return dtypes;
}

void require_disk_space(std::uint64_t needed_bytes, std::uint64_t free_bytes,
                        const fs::path& folder) {
  if (needed_bytes <= free_bytes) return;
  throw resource_error("{}: {} are needed, {} are free", folder.string(),
                       format_bytes(needed_bytes), format_bytes(free_bytes))
      .with_hint("free some space, or name a folder on another disk");
}

ConvertResult convert(const ConvertRequest& request) {
  const ConvertPlan plan = plan_conversion(request);
  Conversion conversion(request.output_dir, plan,
                        open_folder(request.output_dir, request.dtype, plan.recipe));
  try {
    const ConvertResult result = conversion.run();
    check_loads(request);
    conversion.complete();
    return result;
  } catch (const Error& error) {
    if (error.code() != ExitCode::kInterrupted) throw;
    throw error.with_hint("the same command goes on from here");
  }
}

}  // namespace multitalk
