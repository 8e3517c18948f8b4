#include "base/text.h"
#include "commands.h"

namespace multitalk {

ProbeCommand::ProbeCommand(CLI::App& app)
    : command_(app.add_subcommand("probe", "Run one module of a checkpoint on given tensors")) {
  CLI::App& c = *command_;
  c.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  c.add_option("module", request_.module, join_and(probe_modules()))->required();
  c.add_option("--input", inputs_, "Tensors as .safetensors; for umt5 also prompts as .json")
      ->required()
      ->take_all();
  c.add_option("--output", output_, "The .safetensors to write")->required();
  c.add_option("--ckpt_dir", checkpoint_dir_, "The checkpoint folder");
  c.add_option("--wav2vec_dir", wav2vec_dir_, "The wav2vec2 folder");
  c.add_option("--device", request_.device, "cpu, cuda, cuda:N or auto")->capture_default_str();
  c.add_option("--dtype", request_.dtype, "fp32 or bf16")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->capture_default_str();
  c.add_option("--lora_dir", lora_dir_, "dit, teacache: LoRA files")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->take_all();
  c.add_option("--lora_scale", lora_scale_, "dit, teacache: one scale for all, or one for each")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->take_all()
      ->capture_default_str();
  c.add_option("--quant", request_.adaptation.quant, "dit, teacache, umt5: int8 or fp8")
      ->check(CLI::IsMember({"int8", "fp8"}));
  c.add_option("--quant_dir", quant_dir_, "With --quant: the folder that holds quant_models");
  c.add_option("--compat", compat_, "reference: LoRAs as in the official code")
      ->check(CLI::IsMember({"none", "reference"}))
      ->capture_default_str();
  c.add_option("--task", task_, "teacache: the task")->capture_default_str();
  c.add_option("--size", request_.size, "teacache: the size whose coefficients are used");
  c.add_option("--sample_steps", request_.steps, "teacache: steps")->capture_default_str();
  c.add_option("--sample_shift", request_.shift, "teacache: schedule shift [default: the size's]");
  c.add_option("--teacache_thresh", request_.teacache_thresh, "teacache: the threshold")
      ->capture_default_str();
}

void ProbeCommand::run() {
  request_.inputs.assign(inputs_.begin(), inputs_.end());
  request_.output = output_;
  request_.checkpoint_dir = checkpoint_dir_;
  request_.wav2vec_dir = wav2vec_dir_;
  AdaptationOptions& adaptation = request_.adaptation;
  adaptation.quant_dir = quant_dir_;
  adaptation.lora_rules = compat_ == "reference" ? LoraRules::kReference : LoraRules::kAll;
  adaptation.loras = pair_lora_scales(lora_dir_, lora_scale_, adaptation.lora_rules);
  request_.task = load_task(task_);
  if (request_.size.empty()) request_.size = request_.task.default_size;
  probe(request_);
}

}  // namespace multitalk
