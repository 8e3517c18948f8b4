#include "checkpoint/safetensors_writer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_dtype.h"

namespace multitalk {
namespace {

constexpr const char* kMetadataKey = "__metadata__";
constexpr std::uint64_t kLengthBytes = 8;

/// The header, padded with blanks so that the data starts at a multiple of kTensorAlignment.
std::string make_header(const std::vector<TensorSpec>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  std::uint64_t begin = 0;
  for (const auto& [name, info] : tensors) {
    const std::uint64_t end = begin + byte_size(info);
    header[name] = {{"dtype", safetensors_dtype_name(info.dtype)},
                    {"shape", info.shape},
                    {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::uint64_t data = kLengthBytes + text.size();
  const std::uint64_t aligned = (data + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
  text.resize(aligned - kLengthBytes, ' ');
  return text;
}

std::array<char, kLengthBytes> little_endian_u64(std::uint64_t value) {
  std::array<char, kLengthBytes> bytes{};
  for (char& byte : bytes) {
    byte = static_cast<char>(value & 0xFF);
    value >>= 8;
  }
  return bytes;
}

}  // namespace

std::uint64_t byte_size(const TensorInfo& info) {
  return static_cast<std::uint64_t>(c10::multiply_integers(info.shape)) *
         c10::elementSize(info.dtype);
}

std::uint64_t safetensors_file_bytes(const std::vector<TensorSpec>& tensors) {
  std::uint64_t bytes = kLengthBytes + make_header(tensors, {}).size();
  for (const TensorSpec& tensor : tensors) bytes += byte_size(tensor.info);
  return bytes;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& file,
                                     std::vector<TensorSpec> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : tensors_(std::move(tensors)), writer_(file) {
  const std::string header = make_header(tensors_, metadata);
  writer_.write(little_endian_u64(header.size()).data(), kLengthBytes);
  writer_.write(header.data(), header.size());
  skip_full_tensors();
}

void SafetensorsWriter::skip_full_tensors() {
  while (current_ < tensors_.size() && appended_ == byte_size(tensors_[current_].info)) {
    ++current_;
    appended_ = 0;
  }
}

void SafetensorsWriter::append(const at::Tensor& rows) {
  if (rows.numel() == 0) return;
  MULTITALK_CHECK(current_ < tensors_.size(), "more data than the header announces");
  const auto& [name, info] = tensors_[current_];
  MULTITALK_CHECK(rows.scalar_type() == info.dtype, "{} is {}, announced as {}", name,
                  c10::toString(rows.scalar_type()), c10::toString(info.dtype));
  MULTITALK_CHECK(appended_ + rows.nbytes() <= byte_size(info), "{} gets more than its {} bytes",
                  name, byte_size(info));
  const at::Tensor bytes = rows.to(at::kCPU).contiguous();
  writer_.write(bytes.const_data_ptr(), bytes.nbytes());
  appended_ += bytes.nbytes();
  skip_full_tensors();
}

FileDigest SafetensorsWriter::finish() {
  MULTITALK_CHECK(current_ == tensors_.size(), "{} is not whole", tensors_[current_].name);
  return writer_.finish();
}

void write_safetensors(const std::filesystem::path& file,
                       const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<TensorSpec> specs;
  for (const auto& [name, tensor] : tensors) {
    specs.push_back({name, {tensor.scalar_type(), tensor.sizes().vec()}});
  }
  std::stable_sort(specs.begin(), specs.end(), [](const TensorSpec& a, const TensorSpec& b) {
    return c10::elementSize(a.info.dtype) > c10::elementSize(b.info.dtype);
  });
  SafetensorsWriter writer(file, specs, metadata);
  for (const TensorSpec& spec : specs) writer.append(tensors.at(spec.name));
  writer.finish();
}

}  // namespace multitalk
