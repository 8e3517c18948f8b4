#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "commands.h"
#include "pipeline/adaptation.h"

namespace multitalk {

ConvertCommand::ConvertCommand(CLI::App& app)
    : command_(app.add_subcommand("convert", "Write a checkpoint anew, compact and checked")) {
  CLI::App& c = *command_;
  c.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  c.add_option("--ckpt_dir", checkpoint_dir_, "The checkpoint folder")->required();
  c.add_option("--multitalk_ckpt", multitalk_checkpoint_,
               "multitalk.safetensors, where it does not lie in --ckpt_dir");
  c.add_option("--wav2vec_dir", wav2vec_dir_, "The wav2vec2 folder, to become OUTPUT/wav2vec2");
  c.add_option("--lora_dir", lora_dir_, "LoRA files to merge into the transformer")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->take_all();
  c.add_option("--lora_scale", lora_scale_, "One scale for all LoRAs, or one for each")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->take_all()
      ->capture_default_str();
  c.add_option("-o,--output", output_, "The new folder, or one that was begun")->required();
  c.add_option("--dtype", request_.dtype, "Of the transformer and the text encoder")
      ->check(CLI::IsMember(convert_dtypes()))
      ->capture_default_str();
  c.add_option("--max_shard_gb", max_shard_gb_, "Largest file of the transformer, in 10^9 bytes")
      ->check(CLI::Range(1e-6, 1e6))
      ->capture_default_str();
}

void ConvertCommand::run() {
  request_.checkpoint_dir = checkpoint_dir_;
  if (!multitalk_checkpoint_.empty()) request_.multitalk_checkpoint = multitalk_checkpoint_;
  if (!wav2vec_dir_.empty()) request_.wav2vec_dir = wav2vec_dir_;
  request_.loras = pair_lora_scales(lora_dir_, lora_scale_, LoraRules::kAll);
  request_.output_dir = output_;
  request_.max_shard_bytes = static_cast<std::uint64_t>(max_shard_gb_ * 1e9);
  const ConvertResult result = convert(request_);
  log::info("{}: {} files, {} ({} written, {} kept)", output_, result.written + result.kept,
            format_bytes(result.bytes), result.written, result.kept);
  log::event("converted", {{"output", output_},
                           {"dtype", request_.dtype},
                           {"bytes", result.bytes},
                           {"written", result.written},
                           {"kept", result.kept}});
}

}  // namespace multitalk
