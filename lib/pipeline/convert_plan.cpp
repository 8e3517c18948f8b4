#include "pipeline/convert_plan.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "checkpoint/row_scaled.h"
#include "checkpoint/safetensors_writer.h"
#include "pipeline/model_set.h"

namespace multitalk {

namespace {

namespace fs = std::filesystem;

/// Shared with the writing functions, which may outlive the plan.
using Source = std::shared_ptr<const TensorSource>;

/// The tensors of a model as they are with its LoRAs merged: converted to the dtype of the merge,
/// then changed, as at loading (LoadOptions).
class MergedSource : public TensorSource {
 public:
  MergedSource(Source source, const LoadOptions& options)
      : source_(std::move(source)), options_(options) {}

  std::vector<std::string> names() const override { return source_->names(); }
  bool contains(const std::string& name) const override { return source_->contains(name); }
  std::string origin(const std::string& name) const override { return source_->origin(name); }
  TensorInfo info(const std::string& name) const override {
    return {options_.dtype, source_->info(name).shape};
  }
  at::Tensor tensor(const std::string& name) const override {
    return options_.adjust(name, source_->tensor(name).to(options_.dtype));
  }

 private:
  Source source_;
  LoadOptions options_;
};

enum class Form { kConverted, kRowScales, kScaledRows };

/// A tensor of an output file, and how it comes from the source.
struct OutputTensor {
  TensorSpec spec;
  std::string key;  ///< in the source
  Form form = Form::kConverted;
};

/// What the dtype of the command line means for one model.
struct Precision {
  at::ScalarType dtype = at::kFloat;
  bool scaled_blocks = false;  ///< the blocks' linear weights in fp8 with a scale a row
};

Precision precision_of(const std::string& dtype) {
  if (dtype == "bf16") return {at::kBFloat16, false};
  if (dtype == "fp32") return {at::kFloat, false};
  if (dtype == "fp8") return {at::kBFloat16, true};
  throw input_error("dtype \"{}\": expected {}", dtype, join_and(convert_dtypes()));
}

/// A piece of a tensor in its output form. rows: [n, ...], or the whole of a scalar.
at::Tensor in_form(const at::Tensor& rows, const OutputTensor& tensor) try {
  if (tensor.form == Form::kConverted) return rows.to(tensor.spec.info.dtype);
  const at::Tensor weight = rows.to(at::kFloat);
  const at::Tensor scales = row_scales(weight);
  return tensor.form == Form::kRowScales ? scales : quantize_rows(weight, scales);
} catch (const Error& error) {
  throw error.within(tensor.key);
}

/// Converts so many rows at a time that a piece stays below 256 MiB in float32. Every piece is
/// viewed anew, so that the pages of the last one are given back.
void append_tensor(const TensorSource& source, const OutputTensor& tensor,
                   SafetensorsWriter& writer, const BytesDone& done) {
  constexpr int64_t kPieceElements = int64_t{64} << 20;
  const std::vector<int64_t> shape = source.info(tensor.key).shape;
  const int64_t rows = shape.empty() ? 1 : shape[0];
  const int64_t row_elements =
      std::max<int64_t>(c10::multiply_integers(shape) / std::max<int64_t>(rows, 1), 1);
  const int64_t step = std::max<int64_t>(kPieceElements / row_elements, 1);
  for (int64_t first = 0; first < rows; first += step) {
    check_interrupted();
    at::Tensor piece = source.tensor(tensor.key);
    if (!shape.empty()) piece = piece.narrow(0, first, std::min(step, rows - first));
    const at::Tensor written = in_form(piece, tensor);
    writer.append(written);
    if (done) done(written.nbytes());
  }
}

std::vector<TensorSpec> specs_of(const std::vector<OutputTensor>& tensors) {
  std::vector<TensorSpec> specs;
  for (const OutputTensor& tensor : tensors) specs.push_back(tensor.spec);
  return specs;
}

/// Tensors of odd sizes come last, so that the others are aligned.
OutputFile tensor_file(std::string name, Source source, std::vector<OutputTensor> tensors) {
  std::stable_partition(tensors.begin(), tensors.end(), [](const OutputTensor& tensor) {
    return byte_size(tensor.spec.info) % kTensorAlignment == 0;
  });
  const std::uint64_t bytes = safetensors_file_bytes(specs_of(tensors));
  return {std::move(name), bytes,
          [source = std::move(source), tensors = std::move(tensors)](const fs::path& file,
                                                                     const BytesDone& done) {
            SafetensorsWriter writer(file, specs_of(tensors));
            for (const OutputTensor& tensor : tensors) {
              append_tensor(*source, tensor, writer, done);
            }
            return writer.finish();
          }};
}

OutputFile text_file(std::string name, std::string text) {
  return {std::move(name), text.size(), [text](const fs::path& file, const BytesDone& done) {
            HashingWriter writer(file);
            writer.write(text.data(), text.size());
            if (done) done(text.size());
            return writer.finish();
          }};
}

OutputFile copied_file(std::string name, const fs::path& from) {
  return text_file(std::move(name), read_file(from));
}

/// The linear weights of the blocks; not T5's position bias, which is a table.
bool is_block_weight(const std::string& name, const std::vector<int64_t>& shape) {
  return shape.size() == 2 && name.starts_with("blocks.") && name.ends_with(".weight") &&
         name.find("embedding") == std::string::npos;
}

void add_tensor(std::vector<OutputTensor>& tensors, const std::string& name, const std::string& key,
                const std::vector<int64_t>& shape, const Precision& precision) {
  if (precision.scaled_blocks && is_block_weight(name, shape)) {
    tensors.push_back({{scale_name(name), {at::kFloat, {shape[0], 1}}}, key, Form::kRowScales});
    tensors.push_back({{name, {at::kFloat8_e4m3fn, shape}}, key, Form::kScaledRows});
  } else {
    tensors.push_back({{name, {precision.dtype, shape}}, key, Form::kConverted});
  }
}

/// All parameters of a model, by their own names.
template <typename Module>
std::vector<OutputTensor> tensors_of(LazyModel<Module>& model, const Precision& precision) {
  std::vector<OutputTensor> tensors;
  for (const Parameter& parameter : model.parameters()) {
    const auto& key_of = model.options().key_of;
    add_tensor(tensors, parameter.name, key_of ? key_of(parameter.name) : parameter.name,
               parameter.shape, precision);
  }
  return tensors;
}

/// CLIP's vision half whole, with the last block, by which the number of blocks is known.
std::vector<OutputTensor> clip_tensors(const TensorSource& source) {
  std::vector<OutputTensor> tensors;
  for (const std::string& name : source.names()) {
    if (!name.starts_with("visual.")) continue;
    add_tensor(tensors, name, name, source.info(name).shape, {at::kHalf, false});
  }
  return tensors;
}

/// Tensors one after another into files of at most so many bytes; a larger tensor has its own.
std::vector<std::vector<OutputTensor>> split_into_shards(std::vector<OutputTensor> tensors,
                                                         std::uint64_t max_bytes) {
  std::vector<std::vector<OutputTensor>> shards;
  std::uint64_t filled = 0;
  for (OutputTensor& tensor : tensors) {
    const std::uint64_t bytes = byte_size(tensor.spec.info);
    if (shards.empty() || filled + bytes > max_bytes) {
      shards.emplace_back();
      filled = 0;
    }
    filled += bytes;
    shards.back().push_back(std::move(tensor));
  }
  return shards;
}

/// Builds the plan model by model, and keeps account of the files that are read.
class Planner {
 public:
  explicit Planner(const ConvertRequest& request)
      : request_(request), precision_(precision_of(request.dtype)) {
    placement_.checkpoint_dir = request.checkpoint_dir;
    placement_.multitalk_checkpoint = request.multitalk_checkpoint;
    placement_.wav2vec_dir = request.wav2vec_dir.value_or("");
    placement_.dtype = precision_.dtype;
    placement_.widen = true;
    placement_.adaptation.loras = request.loras;
    for (const LoraFile& lora : request.loras) sources_.insert(lora.path.string());
  }

  ConvertPlan plan() {
    add_transformer();
    add_text_encoder();
    add_image_encoder();
    add_vae();
    if (request_.wav2vec_dir) add_wav2vec2();
    add_copies();
    plan_.recipe = recipe();
    return std::move(plan_);
  }

 private:
  /// Opens a model and hands out its source, which keeps the model alive.
  template <typename Module>
  std::pair<std::shared_ptr<LazyModel<Module>>, Source> open(LazyModel<Module> found) {
    auto model = std::make_shared<LazyModel<Module>>(std::move(found));
    const Source source(model, &model->source());
    for (const std::string& name : source->names()) sources_.insert(source->origin(name));
    return {model, source};
  }

  void add_transformer() {
    auto [model, source] = open(find_wan_dit(placement_));
    if (model->options().adjust) {
      source = std::make_shared<MergedSource>(std::move(source), model->options());
    }
    const auto shards = split_into_shards(tensors_of(*model, precision_), request_.max_shard_bytes);
    nlohmann::json weight_map = nlohmann::json::object();
    std::uint64_t total_bytes = 0;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const std::string name =
          fmt::format("diffusion_pytorch_model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
      for (const OutputTensor& tensor : shards[i]) {
        weight_map[tensor.spec.name] = name;
        total_bytes += byte_size(tensor.spec.info);
      }
      plan_.files.push_back(tensor_file(name, source, shards[i]));
    }
    const nlohmann::ordered_json index = {{"metadata", {{"total_size", total_bytes}}},
                                          {"weight_map", weight_map}};
    plan_.files.push_back(
        text_file("diffusion_pytorch_model.safetensors.index.json", index.dump(2) + "\n"));
  }

  void add_text_encoder() {
    const auto [model, source] = open(find_umt5(placement_));
    plan_.files.push_back(tensor_file("models_t5_umt5-xxl-enc-bf16.safetensors", source,
                                      tensors_of(*model, precision_)));
  }

  void add_image_encoder() {
    const auto [model, source] = open(find_clip_vision(placement_));
    plan_.files.push_back(
        tensor_file("models_clip_open-clip-xlm-roberta-large-vit-huge-14.safetensors", source,
                    clip_tensors(*source)));
  }

  void add_vae() {
    const auto [model, source] = open(find_wan_vae(placement_));
    plan_.files.push_back(
        tensor_file("Wan2.1_VAE.safetensors", source, tensors_of(*model, {at::kFloat, false})));
  }

  void add_wav2vec2() {
    const auto [model, source] = open(find_wav2vec2(placement_));
    plan_.files.push_back(
        tensor_file("wav2vec2/model.safetensors", source, tensors_of(*model, {at::kFloat, false})));
    for (const char* name : {"config.json", "preprocessor_config.json"}) {
      const fs::path from = *request_.wav2vec_dir / name;
      if (fs::exists(from)) add_copy("wav2vec2/" + std::string(name), from);
    }
  }

  void add_copies() {
    find_tokenizer(placement_);
    const fs::path tokenizer = request_.checkpoint_dir / "google" / "umt5-xxl";
    std::set<fs::path> files;
    for (const auto& entry : fs::directory_iterator(tokenizer)) {
      const bool hidden = entry.path().filename().string().starts_with(".");
      if (entry.is_regular_file() && !hidden) files.insert(entry.path());
    }
    for (const fs::path& file : files) {
      add_copy("google/umt5-xxl/" + file.filename().string(), file);
    }
    add_copy("config.json", request_.checkpoint_dir / "config.json");
  }

  void add_copy(const std::string& name, const fs::path& from) {
    sources_.insert(from.string());
    plan_.files.push_back(copied_file(name, from));
  }

  /// Sources by name, size and time of their last change, and the files that are made of them.
  std::string recipe() const {
    std::string text = request_.dtype + "\n";
    for (const LoraFile& lora : request_.loras) text += fmt::format("LoRA at {}\n", lora.scale);
    for (const fs::path file : sources_) {
      text += fmt::format("from {} {} {}\n", file.filename().string(), fs::file_size(file),
                          fs::last_write_time(file).time_since_epoch().count());
    }
    for (const OutputFile& file : plan_.files)
      text += fmt::format("{} {}\n", file.name, file.bytes);
    return sha256(text);
  }

  const ConvertRequest& request_;
  Precision precision_;
  ModelPlacement placement_;
  ConvertPlan plan_;
  std::set<std::string> sources_;
};

}  // namespace

ConvertPlan plan_conversion(const ConvertRequest& request) { return Planner(request).plan(); }

}  // namespace multitalk
