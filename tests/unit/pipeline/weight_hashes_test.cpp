#include "pipeline/weight_hashes.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stop_token>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "support/catch.h"
#include "support/error_text.h"
#include "support/process.h"
#include "support/stderr_capture.h"

namespace multitalk::test {

namespace {

namespace fs = std::filesystem;

/// XDG_CACHE_HOME for as long as it lives.
class CacheHome {
 public:
  explicit CacheHome(const std::string& folder) {
    const char* before = std::getenv("XDG_CACHE_HOME");
    if (before != nullptr) before_ = before;
    ::setenv("XDG_CACHE_HOME", folder.c_str(), 1);
  }
  ~CacheHome() {
    if (before_.empty()) {
      ::unsetenv("XDG_CACHE_HOME");
    } else {
      ::setenv("XDG_CACHE_HOME", before_.c_str(), 1);
    }
  }
  CacheHome(const CacheHome&) = delete;
  CacheHome& operator=(const CacheHome&) = delete;

 private:
  std::string before_;
};

/// Puts another hash into the cache for every file: what comes out tells whether it was used.
void falsify(const std::string& cache) {
  nlohmann::json content = nlohmann::json::parse(read_file(cache));
  for (auto& entry : content) entry["sha256"] = "from the cache";
  write_text(cache, content.dump());
}

}  // namespace

TEST_CASE("a hash is computed once", "[hashes]") {
  const TemporaryFolder folder;
  const std::string file = folder / "weights";
  const std::string cache = folder / "new/folder/cache.json";
  write_text(file, "some weights");
  const std::string hash = cached_sha256(file, cache);
  CHECK(hash == sha256_file(file));
  falsify(cache);
  CHECK(cached_sha256(file, cache) == "from the cache");

  SECTION("another size gives a new one") {
    write_text(file, "some more weights");
    CHECK(cached_sha256(file, cache) == sha256_file(file));
  }
  SECTION("another time gives a new one") {
    fs::last_write_time(file, fs::last_write_time(file) + std::chrono::nanoseconds(1000));
    CHECK(cached_sha256(file, cache) == hash);
  }
  SECTION("another file of the same size and time gives a new one") {
    const auto time = fs::last_write_time(file);
    write_text(folder / "other", "same weights");
    fs::rename(folder / "other", file);
    fs::last_write_time(file, time);
    CHECK(cached_sha256(file, cache) == sha256_file(file));
  }
  SECTION("other files keep theirs") {
    write_text(folder / "second", "others");
    CHECK(cached_sha256(folder / "second", cache) == sha256_file(folder / "second"));
    CHECK(cached_sha256(file, cache) == "from the cache");
  }
}

TEST_CASE("a cache that is no use is done without", "[hashes]") {
  const TemporaryFolder folder;
  const std::string file = folder / "weights";
  write_text(file, "some weights");
  const std::string hash = sha256_file(file);
  const std::string cache = folder / "cache.json";
  for (const char* broken : {"", "{", "[1, 2]", "7", "{\"x\": 7}"}) {
    write_text(cache, broken);
    CHECK(cached_sha256(file, cache) == hash);
    CHECK(cached_sha256(file, cache) == hash);
  }
  nlohmann::json content;
  content[file] = {{"identity", 7}, {"sha256", 7}};
  write_text(cache, content.dump());
  CHECK(cached_sha256(file, cache) == hash);
  CHECK(cached_sha256(file, "") == hash);
  CHECK(cached_sha256(file, folder / "weights/below/a/file") == hash);
  CHECK_THROWS_AS(cached_sha256(folder / "none", cache), Error);
}

TEST_CASE("hashing ends early where it is asked to", "[hashes]") {
  const TemporaryFolder folder;
  write_text(folder / "weights", "some weights");
  std::stop_source stop;
  stop.request_stop();
  CHECK(cached_sha256(folder / "weights", folder / "cache.json", stop.get_token()).empty());
  CHECK_FALSE(fs::exists(folder / "cache.json"));
}

TEST_CASE("the hasher hands over all hashes and warns of other weights", "[hashes]") {
  const TemporaryFolder folder;
  const CacheHome home(folder / "cache");
  CHECK(hash_cache_file() == folder / "cache/multitalk/weight_hashes.json");
  write_text(folder / "a", "a");
  write_text(folder / "b", "b");
  WeightHasher::Hashes hashes;
  const std::string said = capture_stderr([&] {
    WeightHasher hasher({folder / "a", folder / "b", folder / "none"},
                        {{"a", sha256_file(folder / "a")}, {"b", "another"}});
    hashes = hasher.wait();
  });
  CHECK(hashes[folder / "a"] == sha256_file(folder / "a"));
  CHECK(hashes[folder / "b"] == sha256_file(folder / "b"));
  CHECK(hashes[folder / "none"].empty());
  CHECK_FALSE(mentions(said, folder / "a:"));
  CHECK(mentions(said, folder / "b: not the weights"));
  CHECK(mentions(said, "none"));
  CHECK(fs::exists(hash_cache_file()));
}

}  // namespace multitalk::test
