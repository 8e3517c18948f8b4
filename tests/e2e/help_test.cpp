// The manual page and the completions have every flag that --help has.
#include <regex>
#include <set>

#include "program.h"
#include "support/catch.h"

namespace multitalk::test {
namespace {

std::set<std::string> flags_in_help(const std::string& command) {
  const ProcessResult help = run_program({command, "--help"});
  REQUIRE(help.exit_code == 0);
  std::set<std::string> flags;
  const std::regex flag("(^|[ ,])--([a-z][a-z0-9_]*)");
  for (std::sregex_iterator at(help.out.begin(), help.out.end(), flag), end; at != end; ++at) {
    flags.insert((*at)[2]);
  }
  REQUIRE(flags.size() > 5);
  return flags;
}

void check_all_flags(const std::vector<std::string>& words, const std::string& before) {
  const ProcessResult result = run_program(words);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  for (const std::string command : {"generate", "probe"}) {
    const std::set<std::string> flags = flags_in_help(command);
    for (std::string flag : flags) {
      INFO(command << " --" << flag);
      CHECK(std::regex_search(result.out, std::regex(before + flag + "([^a-z0-9_]|$)")));
    }
  }
}

}  // namespace

TEST_CASE("the manual page names every flag", "[e2e]") { check_all_flags({"man"}, R"(\\-\\-)"); }

TEST_CASE("the completions name every flag", "[e2e]") {
  check_all_flags({"completion", "bash"}, "--");
  check_all_flags({"completion", "zsh"}, "--");
  check_all_flags({"completion", "fish"}, "-l ");
  CHECK(run_program({"completion", "tcsh"}).exit_code == 2);
}

TEST_CASE("bash takes the completions and completes", "[e2e]") {
  const std::string script = R"(
    source <("$0" completion bash)
    COMP_WORDS=(multitalk --sample_st) COMP_CWORD=1; _multitalk; echo "${COMPREPLY[*]}"
    COMP_WORDS=(multitalk probe --wav) COMP_CWORD=2; _multitalk; echo "${COMPREPLY[*]}"
    COMP_WORDS=(multitalk pro) COMP_CWORD=1; _multitalk; echo "${COMPREPLY[*]}")";
  const ProcessResult result =
      run_process({"/bin/bash", "-c", script, MULTITALK_BINARY}, golden_dir());
  INFO(result.err);
  CHECK(result.out == "--sample_steps\n--wav2vec_dir\nprobe\n");
}

}  // namespace multitalk::test
