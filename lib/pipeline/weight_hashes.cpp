#include "pipeline/weight_hashes.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/sha256.h"
#include "pipeline/json_fields.h"

namespace multitalk {

namespace {

namespace fs = std::filesystem;

/// What tells that a file is still the one that was hashed.
std::string identity_of(const fs::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return "";
  return fmt::format("{} bytes, {}.{:09} s, inode {}", info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec, info.st_ino);
}

/// The cache as {"/path": {"identity": "...", "sha256": "..."}}; empty where it cannot be read.
Json read_cache(const fs::path& cache) {
  std::ifstream stream(cache);
  Json content = Json::parse(stream, nullptr, false);
  return content.is_object() ? content : Json::object();
}

std::optional<std::string> find_in_cache(const fs::path& cache, const std::string& key,
                                         const std::string& identity) {
  const Json content = read_cache(cache);
  const auto entry = content.find(key);
  if (entry == content.end() || !entry->is_object()) return std::nullopt;
  if (entry->value("identity", Json()) != identity) return std::nullopt;
  const Json hash = entry->value("sha256", Json());
  if (!hash.is_string()) return std::nullopt;
  return hash.get<std::string>();
}

void store_in_cache(const fs::path& cache, const std::string& key, const std::string& identity,
                    const std::string& hash) {
  if (cache.empty()) return;
  Json content = read_cache(cache);
  content[key] = {{"identity", identity}, {"sha256", hash}};
  try {
    fs::create_directories(cache.parent_path());
    write_file_atomically(cache, content.dump(1, ' ', false, Json::error_handler_t::replace));
  } catch (const std::exception& error) {
    log::debug("the hashes of the weights are not kept: {}", error.what());
  }
}

void warn_if_changed(const std::string& file, const std::string& hash,
                     const std::map<std::string, std::string>& expected) {
  const auto found = expected.find(fs::path(file).filename().string());
  if (found == expected.end() || found->second == hash) return;
  log::warning("{}: not the weights of the run that is repeated (SHA-256 {}, then {})", file, hash,
               found->second);
}

}  // namespace

fs::path hash_cache_file() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  fs::path folder;
  if (cache != nullptr && *cache == '/') {
    folder = cache;  // the standard has relative ones ignored
  } else if (home != nullptr && *home != '\0') {
    folder = fs::path(home) / ".cache";
  } else {
    return {};
  }
  return folder / "multitalk" / "weight_hashes.json";
}

std::string cached_sha256(const fs::path& file, const fs::path& cache,
                          const std::stop_token& stop) {
  const std::string key = fs::absolute(file).lexically_normal().string();
  const std::string identity = identity_of(file);
  if (const auto known = find_in_cache(cache, key, identity)) return *known;
  const std::string hash = sha256_file(file, [&stop] { return !stop.stop_requested(); });
  // A file that is being written meanwhile has a hash of no use to the next run.
  if (!hash.empty() && identity_of(file) == identity) store_in_cache(cache, key, identity, hash);
  return hash;
}

WeightHasher::WeightHasher(std::vector<std::string> files,
                           std::map<std::string, std::string> expected) {
  std::promise<Hashes> promise;
  hashes_ = promise.get_future();
  thread_ = std::jthread([files = std::move(files), expected = std::move(expected),
                          promise = std::move(promise)](const std::stop_token& stop) mutable {
    promise.set_value(hash_all(files, expected, stop));
  });
}

WeightHasher::Hashes WeightHasher::hash_all(const std::vector<std::string>& files,
                                            const std::map<std::string, std::string>& expected,
                                            const std::stop_token& stop) {
  ::setpriority(PRIO_PROCESS, 0, 19);  // Linux: of this thread
  const fs::path cache = hash_cache_file();
  Hashes hashes;
  for (const std::string& file : files) {
    if (stop.stop_requested()) break;
    try {
      hashes[file] = cached_sha256(file, cache, stop);
      if (!hashes[file].empty()) warn_if_changed(file, hashes[file], expected);
    } catch (const std::exception& error) {
      log::warning("no hash: {}", error.what());
      hashes[file] = "";
    }
  }
  return hashes;
}

WeightHasher::Hashes WeightHasher::wait() {
  using std::chrono_literals::operator""ms;
  if (hashes_.wait_for(0ms) != std::future_status::ready) {
    log::info("hashing the weights, once for all runs; --no_weight_hashes does without");
  }
  while (hashes_.wait_for(100ms) != std::future_status::ready) {
    if (!was_interrupted()) continue;
    log::warning("interrupted: the video is finished without the hashes of all weights");
    thread_.request_stop();
    break;
  }
  return hashes_.get();
}

}  // namespace multitalk
