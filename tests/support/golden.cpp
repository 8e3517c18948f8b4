#include "support/golden.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "checkpoint/safetensors.h"
#include "support/catch.h"

namespace multitalk::test {

namespace fs = std::filesystem;

fs::path golden_dir() {
  const char* named = std::getenv("MULTITALK_GOLDEN");
  return named != nullptr && *named != '\0' ? fs::path(named)
                                            : fs::path(MULTITALK_SOURCE_DIR) / "tests" / "golden";
}

std::vector<fs::path> golden_files(const std::string& folder, const std::string& prefix,
                                   const std::string& suffix) {
  std::vector<fs::path> files;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(golden_dir() / folder, ec)) {
    const std::string name = entry.path().filename().string();
    if (name.size() >= prefix.size() + suffix.size() && name.starts_with(prefix) &&
        name.ends_with(suffix)) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  INFO("golden folder " << (golden_dir() / folder) << ", " << prefix << "*" << suffix);
  REQUIRE_FALSE(files.empty());
  return files;
}

nlohmann::json golden_json(const std::string& file) {
  const fs::path path = golden_dir() / file;
  INFO(path);
  std::ifstream stream(path);
  REQUIRE(stream.good());
  return nlohmann::json::parse(stream);
}

std::map<std::string, at::Tensor> golden_tensors(const std::string& file) {
  return read_safetensors(golden_dir() / file);
}

Tolerance golden_tolerance(const std::string& file) {
  const nlohmann::json manifest = golden_json("models/manifest.json");
  for (const auto& entry : manifest) {
    if (entry.value("file", "") == file) return {entry.at("tol_abs"), entry.at("tol_rel")};
  }
  FAIL("models/manifest.json does not list " << file);
  return {};
}

double relative_l2(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return 1e30;
  const at::Tensor wide_a = a.cpu().to(at::kDouble);
  const at::Tensor wide_b = b.cpu().to(at::kDouble);
  const double norm = std::max(wide_b.norm().item<double>(), 1e-30);
  return (wide_a - wide_b).norm().item<double>() / norm;
}

double max_abs_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return 1e30;
  if (a.numel() == 0) return 0;
  return (a.cpu().to(at::kDouble) - b.cpu().to(at::kDouble)).abs().max().item<double>();
}

}  // namespace multitalk::test
