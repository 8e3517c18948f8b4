#include "pipeline/checkpoint_manifest.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace multitalk {

namespace {

constexpr const char* kFormat = "multitalk-checkpoint";
constexpr int kVersion = 1;

CheckpointManifest parse(const nlohmann::json& json) {
  if (json.at("format") != kFormat || json.at("version") != kVersion) {
    throw weights_error("not a {} of version {}", kFormat, kVersion);
  }
  CheckpointManifest manifest;
  json.at("complete").get_to(manifest.complete);
  json.at("dtype").get_to(manifest.dtype);
  json.at("recipe").get_to(manifest.recipe);
  for (const auto& [name, fields] : json.at("files").items()) {
    FileDigest& digest = manifest.files[name];
    fields.at("bytes").get_to(digest.bytes);
    fields.at("sha256").get_to(digest.sha256);
  }
  return manifest;
}

}  // namespace

std::optional<CheckpointManifest> read_manifest(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / kManifestName;
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    return parse(nlohmann::json::parse(read_file(file)));
  } catch (const nlohmann::json::exception& error) {
    throw weights_error("{}: damaged: {}", file.string(), error.what());
  } catch (const Error& error) {
    throw error.within(file.string());
  }
}

void write_manifest(const std::filesystem::path& folder, const CheckpointManifest& manifest) {
  nlohmann::ordered_json files = nlohmann::ordered_json::object();
  for (const auto& [name, digest] : manifest.files) {
    files[name] = {{"bytes", digest.bytes}, {"sha256", digest.sha256}};
  }
  const nlohmann::ordered_json json = {{"format", kFormat},
                                       {"version", kVersion},
                                       {"complete", manifest.complete},
                                       {"written_by", "multitalk " + std::string(version())},
                                       {"dtype", manifest.dtype},
                                       {"recipe", manifest.recipe},
                                       {"files", std::move(files)}};
  write_file_atomically(folder / kManifestName, json.dump(2) + "\n");
}

}  // namespace multitalk
