// The subcommands: each adds itself to the program's parser and runs where it was chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "options.h"
#include "pipeline/convert.h"
#include "pipeline/inspect.h"
#include "pipeline/probe.h"

namespace multitalk {

/// multitalk [generate] FLAGS: renders a video, or with --dry_run prints the plan.
class GenerateCommand {
 public:
  explicit GenerateCommand(CLI::App& app);
  bool chosen() const { return command_->parsed(); }
  void run() const;

 private:
  void repeat() const;

  CLI::App* command_;
  GenerateOptions options_;
};

/// multitalk probe MODULE --input IN --output OUT: one module on given tensors.
class ProbeCommand {
 public:
  explicit ProbeCommand(CLI::App& app);
  bool chosen() const { return command_->parsed(); }
  void run();

 private:
  CLI::App* command_;
  ProbeRequest request_;
  std::vector<std::string> inputs_;
  std::string output_;
  std::string checkpoint_dir_;
  std::string wav2vec_dir_;
  std::string task_ = "multitalk-14B";
  std::vector<std::string> lora_dir_;
  std::vector<double> lora_scale_ = {LoraFile{}.scale};
  std::string quant_dir_;
  std::string compat_ = "none";
};

/// multitalk convert --ckpt_dir DIR --output NEWDIR: a checkpoint as one compact folder.
class ConvertCommand {
 public:
  explicit ConvertCommand(CLI::App& app);
  bool chosen() const { return command_->parsed(); }
  void run();

 private:
  CLI::App* command_;
  ConvertRequest request_;
  std::string checkpoint_dir_;
  std::string multitalk_checkpoint_;
  std::string wav2vec_dir_;
  std::vector<std::string> lora_dir_;
  std::vector<double> lora_scale_ = {LoraFile{}.scale};
  std::string output_;
  double max_shard_gb_ = 5;
};

/// multitalk inspect PATH: what a checkpoint is.
class InspectCommand {
 public:
  explicit InspectCommand(CLI::App& app);
  bool chosen() const { return command_->parsed(); }
  void run();

 private:
  CLI::App* command_;
  InspectRequest request_;
  std::string path_;
  std::string multitalk_checkpoint_;
  bool json_ = false;
  bool tensors_ = false;
};

/// multitalk man, multitalk completion SHELL: the flags of all commands, for `man` and for shells.
class HelpCommand {
 public:
  explicit HelpCommand(CLI::App& app);
  bool chosen() const { return man_->parsed() || completion_->parsed(); }
  void run() const;

 private:
  const CLI::App& root_;
  CLI::App* man_;
  CLI::App* completion_;
  std::string shell_;
};

}  // namespace multitalk
