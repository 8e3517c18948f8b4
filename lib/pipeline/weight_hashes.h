// The hashes of the weights that a render uses, found beside the render and remembered.
#pragma once

#include <filesystem>
#include <future>
#include <map>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace multitalk {

/// $XDG_CACHE_HOME/multitalk/weight_hashes.json, or the same below ~/.cache; empty where neither
/// XDG_CACHE_HOME nor HOME is set.
std::filesystem::path hash_cache_file();

/// The SHA-256 of `file`: from the cache where the file has the size, the modification time and the
/// inode that it had, else computed and stored there. A cache that cannot be read or written is
/// done without. Returns "" once `stop` is requested. Throws an input error where `file` cannot be
/// read.
std::string cached_sha256(const std::filesystem::path& file, const std::filesystem::path& cache,
                          const std::stop_token& stop = {});

/// Hashes files in one thread of the lowest priority, so that 80 GB of weights, hashed once, do not
/// hold up the render that uses them.
class WeightHasher {
 public:
  /// By path; "" for a file that could not be read.
  using Hashes = std::map<std::string, std::string>;

  /// Starts. Warns of each file whose hash is not the one that `expected` holds for its name,
  /// as soon as it is known.
  WeightHasher(std::vector<std::string> files, std::map<std::string, std::string> expected);

  /// Waits for the hashes; once only. A signal ends the waiting, not the program: a finished render
  /// is not lost over hashes. What is not hashed by then is missing.
  Hashes wait();

 private:
  static Hashes hash_all(const std::vector<std::string>& files,
                         const std::map<std::string, std::string>& expected,
                         const std::stop_token& stop);

  std::future<Hashes> hashes_;
  std::jthread thread_;  // stopped and joined first
};

}  // namespace multitalk
