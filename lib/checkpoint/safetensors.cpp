#include "checkpoint/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "checkpoint/byte_reader.h"
#include "checkpoint/mapped_tensor.h"
#include "checkpoint/safetensors_dtype.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the official reader
constexpr const char* kMetadataKey = "__metadata__";

/// A tensor of the header; offsets count from the end of the header.
struct Entry {
  TensorInfo info;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

json parse_json(std::string_view text, const std::string& what) {
  try {
    return json::parse(text);
  } catch (const json::exception& error) {
    throw weights_error("{} is not valid JSON: {}", what, error.what());
  }
}

std::vector<std::uint64_t> unsigned_list(const json& fields, const char* key) {
  const auto found = fields.find(key);
  if (found == fields.end() || !found->is_array()) {
    throw weights_error("\"{}\" is not a list of whole numbers", key);
  }
  std::vector<std::uint64_t> values;
  for (const json& value : *found) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > INT64_MAX) {
      throw weights_error("\"{}\" is not a list of whole numbers", key);
    }
    values.push_back(value.get<std::uint64_t>());
  }
  return values;
}

Entry parse_entry(const json& fields) {
  if (!fields.is_object() || !fields.contains("dtype") || !fields["dtype"].is_string()) {
    throw weights_error("the header has no dtype for it");
  }
  Entry entry;
  entry.info.dtype = safetensors_dtype(fields["dtype"].get<std::string>());
  const std::vector<std::uint64_t> shape = unsigned_list(fields, "shape");
  entry.info.shape.assign(shape.begin(), shape.end());
  const std::vector<std::uint64_t> offsets = unsigned_list(fields, "data_offsets");
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    throw weights_error("\"data_offsets\" is not [begin, end]");
  }
  entry.begin = offsets[0];
  entry.end = offsets[1];

  const std::uint64_t width = c10::elementSize(entry.info.dtype);
  const std::optional<int64_t> numel = checked_numel(entry.info.shape);
  const std::uint64_t bytes = entry.end - entry.begin;
  if (!numel || bytes % width != 0 || static_cast<std::uint64_t>(*numel) != bytes / width) {
    throw weights_error("shape {} of {} does not fit its {} bytes",
                        format_shape({entry.info.shape.begin(), entry.info.shape.end()}),
                        fields["dtype"].get<std::string>(), bytes);
  }
  return entry;
}

/// The tensors must fill the data exactly: without holes, overlaps or trailing bytes.
void check_layout(const std::map<std::string, Entry>& entries, std::uint64_t data_bytes) {
  std::vector<std::pair<std::string_view, const Entry*>> by_offset;
  for (const auto& [name, entry] : entries) by_offset.emplace_back(name, &entry);
  std::stable_sort(by_offset.begin(), by_offset.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  std::uint64_t expected = 0;
  for (const auto& [name, entry] : by_offset) {
    if (entry->begin != expected) {
      throw weights_error("tensor {} begins at byte {} of the data, expected {}", name,
                          entry->begin, expected);
    }
    if (entry->end > data_bytes) {
      throw weights_error("truncated: tensor {} ends at byte {} of the data, which has {}", name,
                          entry->end, data_bytes);
    }
    expected = entry->end;
  }
  if (expected != data_bytes) {
    throw weights_error("{} bytes follow the last tensor", data_bytes - expected);
  }
}

class SafetensorsFile : public TensorSource {
 public:
  explicit SafetensorsFile(const fs::path& path) : file_(std::make_shared<const MappedFile>(path)) {
    try {
      read_header();
    } catch (const Error& error) {
      throw error.within(path.string());
    }
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, entry] : entries_) names.push_back(name);
    return names;
  }

  bool contains(const std::string& name) const override { return entries_.contains(name); }
  TensorInfo info(const std::string& name) const override { return entry(name).info; }
  std::string origin(const std::string&) const override { return file_->path().string(); }

  at::Tensor tensor(const std::string& name) const override {
    const Entry& found = entry(name);
    return view_mapped(file_, data_offset_ + found.begin, found.info.shape, found.info.dtype);
  }

 private:
  void read_header() {
    ByteReader reader({file_->data(), file_->size()}, "safetensors header");
    const std::uint64_t header_bytes = reader.u64();
    if (header_bytes > kMaxHeaderBytes) {
      throw weights_error("not a safetensors file: a header of {} bytes", header_bytes);
    }
    const json header = parse_json(as_text(reader.take(header_bytes)), "the safetensors header");
    if (!header.is_object()) throw weights_error("the safetensors header is not an object");
    data_offset_ = reader.offset();
    for (const auto& [name, fields] : header.items()) {
      if (name == kMetadataKey) continue;
      try {
        entries_.emplace(name, parse_entry(fields));
      } catch (const Error& error) {
        throw error.within("tensor " + name);
      }
    }
    check_layout(entries_, reader.remaining());
  }

  const Entry& entry(const std::string& name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) {
      throw weights_error("{}: no tensor {}", file_->path().string(), name);
    }
    return found->second;
  }

  std::shared_ptr<const MappedFile> file_;
  std::uint64_t data_offset_ = 0;
  std::map<std::string, Entry> entries_;
};

class MergedSource : public TensorSource {
 public:
  explicit MergedSource(std::vector<std::unique_ptr<TensorSource>> sources)
      : sources_(std::move(sources)) {
    for (const auto& source : sources_) {
      for (const std::string& name : source->names()) owner_[name] = source.get();
    }
  }

  /// Has `name` come from source number `index`, which contains it.
  void prefer(const std::string& name, std::size_t index) { owner_[name] = sources_[index].get(); }

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, source] : owner_) names.push_back(name);
    return names;
  }

  bool contains(const std::string& name) const override { return owner_.contains(name); }
  TensorInfo info(const std::string& name) const override { return owner(name).info(name); }
  at::Tensor tensor(const std::string& name) const override { return owner(name).tensor(name); }
  std::string origin(const std::string& name) const override { return owner(name).origin(name); }

 private:
  const TensorSource& owner(const std::string& name) const {
    const auto found = owner_.find(name);
    if (found == owner_.end()) {
      throw weights_error("none of the {} checkpoint files has a tensor {}", sources_.size(), name);
    }
    return *found->second;
  }

  std::vector<std::unique_ptr<TensorSource>> sources_;
  std::map<std::string, const TensorSource*> owner_;
};

/// "weight_map" of an index file: tensor name to the name of a file in the same folder.
std::map<std::string, std::string> read_weight_map(const fs::path& index) {
  const MappedFile file(index);
  const json content =
      parse_json(as_text({file.data(), file.size()}), index.string() + ": the index");
  if (!content.is_object() || !content.contains("weight_map") ||
      !content["weight_map"].is_object() || content["weight_map"].empty()) {
    throw weights_error("{}: the index has no \"weight_map\"", index.string());
  }
  std::map<std::string, std::string> weight_map;
  for (const auto& [name, shard] : content["weight_map"].items()) {
    const std::string shard_name = shard.is_string() ? shard.get<std::string>() : "";
    if (shard_name.empty() || shard_name != fs::path(shard_name).filename()) {
      throw weights_error("{}: tensor {} is mapped to {}, which is no file name", index.string(),
                          name, shard.dump(-1, ' ', true, json::error_handler_t::replace));
    }
    weight_map.emplace(name, shard_name);
  }
  return weight_map;
}

std::vector<std::string> require_shards(const fs::path& index,
                                        const std::map<std::string, std::string>& weight_map) {
  std::set<std::string> shards;
  for (const auto& [name, shard] : weight_map) shards.insert(shard);
  std::vector<std::string> missing;
  for (const std::string& shard : shards) {
    std::error_code ec;
    if (!fs::exists(index.parent_path() / shard, ec)) missing.push_back(shard);
  }
  if (!missing.empty()) {
    throw weights_error("{}: the index names {}, which {} missing from its folder", index.string(),
                        join_and(missing), missing.size() == 1 ? "is" : "are")
        .with_hint("download the checkpoint's remaining files");
  }
  return {shards.begin(), shards.end()};
}

}  // namespace

std::unique_ptr<TensorSource> open_safetensors(const fs::path& file) {
  return std::make_unique<SafetensorsFile>(file);
}

std::unique_ptr<TensorSource> open_safetensors_index(const fs::path& index) {
  const std::map<std::string, std::string> weight_map = read_weight_map(index);
  const std::vector<std::string> shards = require_shards(index, weight_map);
  std::vector<std::unique_ptr<TensorSource>> sources;
  std::map<std::string, std::size_t> position;
  for (const std::string& shard : shards) {
    position[shard] = sources.size();
    sources.push_back(open_safetensors(index.parent_path() / shard));
  }
  for (const auto& [name, shard] : weight_map) {
    if (!sources[position[shard]]->contains(name)) {
      throw weights_error("{}: the index places tensor {} in {}, which lacks it", index.string(),
                          name, shard);
    }
  }
  auto merged = std::make_unique<MergedSource>(std::move(sources));
  for (const auto& [name, shard] : weight_map) merged->prefer(name, position[shard]);
  return merged;
}

std::unique_ptr<TensorSource> merge_sources(std::vector<std::unique_ptr<TensorSource>> sources) {
  return std::make_unique<MergedSource>(std::move(sources));
}

std::map<std::string, at::Tensor> read_safetensors(const fs::path& file) {
  const std::unique_ptr<TensorSource> source = open_safetensors(file);
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& name : source->names()) {
    tensors.emplace(name, source->tensor(name).clone());
  }
  return tensors;
}

}  // namespace multitalk
