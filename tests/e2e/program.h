// The program on the golden tiny checkpoint, for tests of its command line.
#pragma once

#include <string>
#include <vector>

#include "support/golden.h"
#include "support/process.h"

namespace multitalk::test {

/// `multitalk WORDS`, in the golden data's models folder, on the CPU.
inline ProcessResult run_program(const std::vector<std::string>& words) {
  std::vector<std::string> command = {MULTITALK_BINARY};
  command.insert(command.end(), words.begin(), words.end());
  return run_process(command, golden_dir() / "models");
}

/// `words` and `more`, joined.
inline std::vector<std::string> operator+(std::vector<std::string> words,
                                          const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Flags of a short render of the golden tiny model: 9 frames of 48 x 80, two steps.
inline std::vector<std::string> tiny_render() {
  return {"--ckpt_dir", "checkpoint", "--wav2vec_dir",  "chinese-wav2vec2-base",
          "--size",     "48x80",      "--frame_num",    "9",
          "--device",   "cpu",        "--sample_steps", "2"};
}

}  // namespace multitalk::test
