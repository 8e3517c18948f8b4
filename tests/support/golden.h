// The golden data: official outputs at tiny size, in the folder that MULTITALK_GOLDEN names
// (tests/golden where unset). Tests take every case that they find there.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace multitalk::test {

/// The folder of the golden data.
std::filesystem::path golden_dir();

/// The files of golden_dir()/folder whose names match: they start with `prefix` and end with
/// `suffix`; sorted. Fails the running test where there is none.
std::vector<std::filesystem::path> golden_files(const std::string& folder,
                                                const std::string& prefix,
                                                const std::string& suffix);

/// A JSON file below the golden folder.
nlohmann::json golden_json(const std::string& file);

/// All tensors of a safetensors file below the golden folder.
std::map<std::string, at::Tensor> golden_tensors(const std::string& file);

struct Tolerance {
  double absolute = 0;
  double relative = 0;  ///< of the L2 norm
};

/// What models/manifest.json states for a file below models/. Fails where it does not list it.
Tolerance golden_tolerance(const std::string& file);

/// |a - b|_2 / |b|_2, in double. NaN where a has one; 1e30 where the shapes differ.
double relative_l2(const at::Tensor& a, const at::Tensor& b);

/// max |a - b|. 1e30 where the shapes differ.
double max_abs_difference(const at::Tensor& a, const at::Tensor& b);

}  // namespace multitalk::test
