// The worst figure of each kind, printed for docs/parity.md.
#pragma once

#include <algorithm>
#include <iostream>
#include <map>
#include <string>

namespace multitalk::test {

class WorstFigures {
 public:
  /// `run` says what was compared: "cuda bf16".
  explicit WorstFigures(std::string run) : run_(std::move(run)) {}
  ~WorstFigures() {
    for (const auto& [kind, figure] : worst_) {
      std::cout << run_ << " " << kind << ": worst relative L2 " << figure << "\n";
    }
  }
  WorstFigures(const WorstFigures&) = delete;
  WorstFigures& operator=(const WorstFigures&) = delete;

  void note(const std::string& kind, double figure) {
    double& worst = worst_[kind];
    worst = std::max(worst, figure);
  }

 private:
  std::string run_;
  std::map<std::string, double> worst_;
};

}  // namespace multitalk::test
