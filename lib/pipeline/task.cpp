#include "pipeline/task.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "pipeline/builtin_tasks.h"
#include "pipeline/json_fields.h"

namespace multitalk {

namespace {

constexpr int kPixelsPerToken = 16;  ///< 8 of the VAE times 2 of the patch

const std::vector<std::string> kTaskKeys = {"name", "negative_prompt", "default_size", "sizes",
                                            "model_sizes"};
const std::vector<std::string> kSizeKeys = {"sample_shift", "teacache_coefficients", "buckets"};

std::optional<double> parse_decimal(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

int parse_side(const Json& value, const std::string& name) {
  if (!value.is_number_integer()) wrong_type(name, "two whole numbers [height, width]", value);
  const auto side = value.get<int64_t>();
  if (side <= 0 || side % kPixelsPerToken != 0 || side > std::numeric_limits<int>::max()) {
    throw input_error("{}: {} is not a positive multiple of {}", name, side, kPixelsPerToken);
  }
  return static_cast<int>(side);
}

/// "0.67": [512, 768], or [[512, 768], 1] as in the reference's tables.
Bucket parse_bucket(const std::string& key, const Json& value, const std::string& name) {
  const std::optional<double> ratio = parse_decimal(key);
  if (!ratio || *ratio <= 0) {
    throw input_error("{}: the key must be a ratio height / width such as \"1.50\"", name);
  }
  const bool nested = value.is_array() && !value.empty() && value.front().is_array();
  const Json& size = nested ? value.front() : value;
  if (!size.is_array() || size.size() != 2) {
    throw input_error("{}: expected [height, width], got {}", name, value.dump());
  }
  return {*ratio, parse_side(size[0], name), parse_side(size[1], name)};
}

SizeClass parse_size_class(const Json& value, const std::string& name) {
  if (!value.is_object()) wrong_type(name, "an object", value);
  warn_unknown_keys(value, kSizeKeys, name);
  SizeClass size;
  const auto field = [&](const std::string& key) -> const Json& {
    return require_field(value, key, kSizeKeys, name);
  };
  size.sample_shift = as_number(field("sample_shift"), name + ".sample_shift");
  if (!(size.sample_shift > 0)) throw input_error("{}.sample_shift must be above 0", name);
  const Json& coefficients = field("teacache_coefficients");
  if (!coefficients.is_array()) wrong_type(name + ".teacache_coefficients", "a list", coefficients);
  for (const Json& coefficient : coefficients) {
    size.teacache_coefficients.push_back(as_number(coefficient, name + ".teacache_coefficients"));
  }
  const Json& buckets = field("buckets");
  if (!buckets.is_object() || buckets.empty()) {
    throw input_error("{}.buckets must be an object with at least one ratio", name);
  }
  for (const auto& [key, bucket] : buckets.items()) {
    size.buckets.push_back(parse_bucket(key, bucket, fmt::format("{}.buckets[\"{}\"]", name, key)));
  }
  return size;
}

ModelSizes parse_model_sizes(const Json& value) {
  const std::string name = "model_sizes";
  if (!value.is_object()) wrong_type(name, "an object", value);
  ModelSizes sizes;
  const std::vector<std::pair<std::string, int64_t*>> fields = {
      {"wav2vec2", &sizes.wav2vec2},
      {"text_encoder", &sizes.text_encoder},
      {"image_encoder", &sizes.image_encoder},
      {"vae", &sizes.vae},
      {"transformer", &sizes.transformer},
      {"dim", &sizes.dim},
      {"ffn_dim", &sizes.ffn_dim},
      {"vae_dim", &sizes.vae_dim}};
  std::vector<std::string> known;
  for (const auto& [key, slot] : fields) known.push_back(key);
  warn_unknown_keys(value, known, name);
  for (const auto& [key, slot] : fields) {
    const Json& number = require_field(value, key, known, name);
    if (!number.is_number_unsigned()) wrong_type(name + "." + key, "a whole number", number);
    *slot = number.get<int64_t>();
  }
  return sizes;
}

Task parse_fields(const Json& root) {
  Task task;
  task.name = as_text(require_field(root, "name", kTaskKeys), "name");
  task.negative_prompt =
      as_text(require_field(root, "negative_prompt", kTaskKeys), "negative_prompt");
  const Json& sizes = require_field(root, "sizes", kTaskKeys);
  if (!sizes.is_object() || sizes.empty()) wrong_type("sizes", "an object of sizes", sizes);
  for (const auto& [key, value] : sizes.items()) {
    task.sizes.emplace(key, parse_size_class(value, "sizes." + key));
  }
  task.default_size = as_text(require_field(root, "default_size", kTaskKeys), "default_size");
  if (!task.sizes.contains(task.default_size)) {
    throw input_error("default_size: \"{}\" is not one of the sizes", task.default_size);
  }
  if (root.contains("model_sizes")) task.model_sizes = parse_model_sizes(root["model_sizes"]);
  return task;
}

template <typename Map>
std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.emplace_back(key);
  return keys;
}

Error unknown_name(std::string_view what, const std::string& name,
                   const std::vector<std::string>& known, std::string_view also) {
  const std::string alike = closest_match(name, known);
  return input_error("{}: unknown name \"{}\"; known are {}, or {}", what, name, join_and(known),
                     also)
      .with_hint(alike.empty() ? "" : fmt::format("did you mean {}?", alike));
}

/// "480x832" to height and width.
std::optional<Bucket> parse_exact_size(const std::string& text) {
  const std::size_t x = text.find('x');
  if (x == std::string::npos) return std::nullopt;
  int height = 0;
  int width = 0;
  const char* begin = text.data();
  const char* end = begin + text.size();
  const auto first = std::from_chars(begin, begin + x, height);
  const auto second = std::from_chars(begin + x + 1, end, width);
  const bool whole = first.ptr == begin + x && second.ptr == end;
  if (first.ec != std::errc() || second.ec != std::errc() || !whole) return std::nullopt;
  return Bucket{static_cast<double>(height) / width, height, width};
}

double mean_area(const SizeClass& size) {
  double sum = 0;
  for (const Bucket& bucket : size.buckets)
    sum += static_cast<double>(bucket.height) * bucket.width;
  return sum / static_cast<double>(size.buckets.size());
}

const SizeClass& nearest_in_area(const Task& task, const Bucket& bucket) {
  const double area = static_cast<double>(bucket.height) * bucket.width;
  const SizeClass* best = nullptr;
  double best_distance = std::numeric_limits<double>::infinity();
  for (const auto& [name, size] : task.sizes) {
    const double distance = std::abs(mean_area(size) - area);
    if (distance < best_distance) {
      best = &size;
      best_distance = distance;
    }
  }
  MULTITALK_CHECK(best != nullptr, "task {} has no sizes", task.name);
  return *best;
}

}  // namespace

Task parse_task(std::string_view text, const std::string& origin) {
  try {
    const Json root = parse_json_object(text);
    warn_unknown_keys(root, kTaskKeys, origin);
    return parse_fields(root);
  } catch (const Error& error) {
    throw error.within(origin);
  }
}

Task load_task(const std::string& name_or_file) {
  if (name_or_file.ends_with(".json")) {
    require_file(name_or_file, "task");
    return parse_task(read_file(name_or_file), name_or_file);
  }
  const std::map<std::string_view, std::string_view>& tasks = builtin_tasks();
  const auto found = tasks.find(name_or_file);
  if (found == tasks.end()) {
    throw unknown_name("task", name_or_file, keys_of(tasks), "a file that ends with .json");
  }
  return parse_task(found->second, "task " + name_or_file);
}

Bucket nearest_bucket(const SizeClass& size, int image_height, int image_width) {
  MULTITALK_CHECK(!size.buckets.empty(), "a size class has no buckets");
  const double ratio = static_cast<double>(image_height) / image_width;
  const Bucket* best = &size.buckets.front();
  for (const Bucket& bucket : size.buckets) {
    if (std::abs(bucket.ratio - ratio) < std::abs(best->ratio - ratio)) best = &bucket;
  }
  return *best;
}

SizeClass resolve_size(const Task& task, const std::string& size) {
  const auto found = task.sizes.find(size);
  if (found != task.sizes.end()) return found->second;
  const std::optional<Bucket> bucket = parse_exact_size(size);
  if (!bucket) {
    throw unknown_name("size", size, keys_of(task.sizes), "HEIGHTxWIDTH such as 480x832");
  }
  for (const int side : {bucket->height, bucket->width}) {
    if (side <= 0 || side % kPixelsPerToken != 0) {
      throw input_error("size: height and width must be positive multiples of {}, got {}",
                        kPixelsPerToken, size);
    }
  }
  SizeClass exact = nearest_in_area(task, *bucket);
  exact.buckets = {*bucket};
  return exact;
}

}  // namespace multitalk
