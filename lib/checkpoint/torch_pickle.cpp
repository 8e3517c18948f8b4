#include "checkpoint/torch_pickle.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/mapped_tensor.h"
#include "checkpoint/unpickler.h"
#include "checkpoint/zip_reader.h"

namespace multitalk {
namespace {

namespace fs = std::filesystem;

// A view may have more elements than its storage only where it repeats them (a stride of 0).
constexpr int64_t kMaxRepeatedElements = int64_t{1} << 24;

/// A tensor of the pickle, with its storage found in the file.
struct StoredTensor {
  TensorInfo info;
  std::vector<int64_t> stride;
  std::uint64_t file_offset = 0;  ///< of the first element
  int64_t extent = 0;             ///< elements from the first to the last, both counted
};

/// 1 + the greatest element index of a view; nothing where it exceeds `limit`.
std::optional<int64_t> view_extent(const pickle::Tensor& tensor, int64_t limit) {
  int64_t last = 0;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    const int64_t steps = tensor.shape[i] - 1;
    const int64_t stride = tensor.stride[i];
    if (stride < 0 || (stride > 0 && steps > (limit - last) / stride)) return std::nullopt;
    last += steps * stride;
  }
  return last < limit ? std::optional(last + 1) : std::nullopt;
}

void check_numel(const pickle::Tensor& tensor, int64_t numel) {
  if (numel > std::max(tensor.storage.numel, kMaxRepeatedElements)) {
    throw weights_error("{} elements over a storage of {}", numel, tensor.storage.numel);
  }
}

StoredTensor place(const pickle::Tensor& tensor, const ZipEntry& storage) {
  const int64_t width = static_cast<int64_t>(c10::elementSize(tensor.storage.dtype));
  const int64_t available = static_cast<int64_t>(storage.size) / width;
  if (tensor.storage.numel < 0 || tensor.storage.numel > available) {
    throw weights_error("truncated: its storage has {} elements of {}", available,
                        tensor.storage.numel);
  }
  const std::optional<int64_t> numel = checked_numel(tensor.shape);
  if (!numel || tensor.stride.size() != tensor.shape.size() || tensor.offset < 0 ||
      tensor.offset > tensor.storage.numel) {
    throw weights_error("its shape, stride and offset do not make sense");
  }
  StoredTensor placed;
  placed.info = {tensor.storage.dtype, tensor.shape};
  placed.stride = tensor.stride;
  placed.file_offset = storage.offset + static_cast<std::uint64_t>(tensor.offset * width);
  if (*numel == 0) return placed;
  check_numel(tensor, *numel);
  const std::optional<int64_t> extent = view_extent(tensor, tensor.storage.numel - tensor.offset);
  if (!extent) {
    throw weights_error("it reaches beyond its storage of {} elements", tensor.storage.numel);
  }
  placed.extent = *extent;
  return placed;
}

/// The files inside the zip, under its one top folder.
class Archive {
 public:
  explicit Archive(const MappedFile& file) : bytes_(file.data(), file.size()) {
    check_format();
    entries_ = read_zip_directory(bytes_);
    constexpr std::string_view kPickleName = "/data.pkl";
    for (const auto& [name, entry] : entries_) {
      if (name.ends_with(kPickleName)) folder_ = name.substr(0, name.size() - 8);
    }
    if (folder_.empty()) throw weights_error("a zip file without a data.pkl, not of torch.save");
    if (text("byteorder").value_or("little") != "little") {
      throw weights_error("saved on a big-endian machine, expected little-endian numbers");
    }
  }

  std::optional<ZipEntry> find(const std::string& name) const {
    const auto found = entries_.find(folder_ + name);
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
  }

  ByteSpan pickle() const { return bytes_of(*find("data.pkl")); }

 private:
  void check_format() const {
    if (is_zip(bytes_)) return;
    if (!bytes_.empty() && bytes_[0] == std::byte{0x80}) {
      throw weights_error("a torch.save file of before PyTorch 1.6, which is not read")
          .with_hint("load it in PyTorch and save it again, or take the safetensors file");
    }
    throw weights_error("not a torch.save file (no zip)");
  }

  ByteSpan bytes_of(const ZipEntry& entry) const {
    return bytes_.subspan(entry.offset, entry.size);
  }

  std::optional<std::string_view> text(const std::string& name) const {
    const std::optional<ZipEntry> entry = find(name);
    return entry ? std::optional(as_text(bytes_of(*entry))) : std::nullopt;
  }

  ByteSpan bytes_;
  std::map<std::string, ZipEntry> entries_;
  std::string folder_;  // with its trailing slash
};

/// The dict that holds the tensors: the root, or what the root has under "state_dict".
const pickle::Dict& state_dict_of(const pickle::Document& document) {
  const auto* root = std::get_if<pickle::Dict>(&document.root->data);
  if (root == nullptr) {
    throw weights_error("holds {}, expected a dict of tensors", pickle::kind_of(*document.root));
  }
  for (const auto& [key, value] : root->items) {
    const auto* name = std::get_if<std::string>(&key->data);
    const auto* nested = std::get_if<pickle::Dict>(&value->data);
    if (name != nullptr && *name == "state_dict" && nested != nullptr) return *nested;
  }
  return *root;
}

class TorchPickleFile : public TensorSource {
 public:
  explicit TorchPickleFile(const fs::path& path) : file_(std::make_shared<const MappedFile>(path)) {
    try {
      const Archive archive(*file_);
      const std::unique_ptr<pickle::Document> document = pickle::parse(archive.pickle());
      for (const auto& [key, value] : state_dict_of(*document).items) add(archive, *key, *value);
    } catch (const Error& error) {
      throw error.within(path.string());
    }
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors_) names.push_back(name);
    return names;
  }

  bool contains(const std::string& name) const override { return tensors_.contains(name); }
  TensorInfo info(const std::string& name) const override { return stored(name).info; }
  std::string origin(const std::string&) const override { return file_->path().string(); }

  at::Tensor tensor(const std::string& name) const override {
    const StoredTensor& found = stored(name);
    if (found.extent == 0) return at::empty(found.info.shape, at::dtype(found.info.dtype));
    return view_mapped(file_, found.file_offset, {found.extent}, found.info.dtype)
        .as_strided(found.info.shape, found.stride)
        .contiguous();
  }

 private:
  void add(const Archive& archive, const pickle::Value& key, const pickle::Value& value) {
    const auto* name = std::get_if<std::string>(&key.data);
    if (name == nullptr) {
      throw weights_error("a key is {}, expected a tensor's name", pickle::kind_of(key));
    }
    const auto* tensor = std::get_if<pickle::Tensor>(&value.data);
    if (tensor == nullptr) {
      throw weights_error("\"{}\" is {}, expected a tensor", *name, pickle::kind_of(value));
    }
    const std::optional<ZipEntry> storage = archive.find("data/" + tensor->storage.key);
    if (!storage) {
      throw weights_error("tensor {}: its storage data/{} is missing", *name, tensor->storage.key);
    }
    try {
      tensors_.insert_or_assign(*name, place(*tensor, *storage));
    } catch (const Error& error) {
      throw error.within("tensor " + *name);
    }
  }

  const StoredTensor& stored(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      throw weights_error("{}: no tensor {}", file_->path().string(), name);
    }
    return found->second;
  }

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, StoredTensor> tensors_;
};

}  // namespace

std::unique_ptr<TensorSource> open_torch_pickle(const fs::path& file) {
  return std::make_unique<TorchPickleFile>(file);
}

}  // namespace multitalk
