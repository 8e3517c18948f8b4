// The manual page and the completions of shells, made from the table of flags.
#include <fmt/format.h>

#include <iostream>

#include "base/text.h"
#include "commands.h"

namespace multitalk {

namespace {

/// The subcommands of `root` whose flags a person would look up.
std::vector<const CLI::App*> commands_of(const CLI::App& root) {
  return root.get_subcommands([](const CLI::App*) { return true; });
}

/// The long name of a flag, "" for a positional argument.
std::string long_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? "" : option.get_lnames().front();
}

bool takes_value(const CLI::Option& option) { return option.get_expected_min() > 0; }

std::string escaped(const std::string& text, const std::string& special, const char* escape) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string::npos) result += escape;
    result += c;
  }
  return result;
}

/// "--a --b" of the program's own flags and the command's.
std::string flag_words(const CLI::App& root, const CLI::App& command) {
  std::string words;
  for (const CLI::App* app : {&command, &root}) {
    const std::vector<const CLI::Option*> options = app->get_options();
    for (const CLI::Option* option : options) {
      const std::string name = long_name(*option);
      if (!name.empty() && words.find("--" + name + " ") == std::string::npos) {
        words += "--" + name + " ";
      }
    }
  }
  return words;
}

std::string bash_completion(const CLI::App& root) {
  std::string names;
  std::string cases;
  for (const CLI::App* command : commands_of(root)) {
    names += command->get_name() + " ";
    cases +=
        fmt::format("    {}) flags=\"{}\" ;;\n", command->get_name(), flag_words(root, *command));
  }
  return fmt::format(R"(_multitalk() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} command=generate flags=
  if [[ $COMP_CWORD -gt 1 && ${{COMP_WORDS[1]}} != -* ]]; then command=${{COMP_WORDS[1]}}; fi
  case $command in
{}  esac
  COMPREPLY=()
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "{}" -- "$word"))
  fi
}}
complete -o default -F _multitalk multitalk
)",
                     cases, names);
}

/// zsh reads bash's completions.
std::string zsh_completion(const CLI::App& root) {
  return "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n" +
         bash_completion(root);
}

std::string fish_completion(const CLI::App& root) {
  std::string others;  // without a command, the flags are those of generate
  std::string text;
  for (const CLI::App* command : commands_of(root)) {
    const std::string name = command->get_name();
    if (name != "generate") others += " " + name;
    text += fmt::format("complete -c multitalk -n __fish_use_subcommand -a {} -d '{}'\n", name,
                        escaped(command->get_description(), "'\\", "\\"));
  }
  for (const CLI::App* command : commands_of(root)) {
    const std::string name = command->get_name();
    const std::string when = name == "generate" ? "not __fish_seen_subcommand_from" + others
                                                : "__fish_seen_subcommand_from " + name;
    const std::vector<const CLI::Option*> options = command->get_options();
    for (const CLI::Option* option : options) {
      if (long_name(*option).empty()) continue;
      text += fmt::format("complete -c multitalk -n '{}' -l {}{} -d '{}'\n", when,
                          long_name(*option), takes_value(*option) ? " -r" : "",
                          escaped(option->get_description(), "'\\", "\\"));
    }
  }
  return text;
}

/// Text for roff, whose hyphens and backslashes have meanings of their own.
std::string roff(const std::string& text) {
  std::string line = escaped(text, "\\-", "\\");
  return line.starts_with('.') || line.starts_with('\'') ? "\\&" + line : line;
}

std::string man_flags(const CLI::App& app) {
  std::string text;
  const std::vector<const CLI::Option*> options = app.get_options();
  for (const CLI::Option* option : options) {
    const std::string value = takes_value(*option) ? roff(option->get_type_name()) : "";
    text +=
        fmt::format(".TP\n\\fB{}\\fR {}\n{}", roff(option->get_name(false, true)),
                    value.empty() ? "" : "\\fI" + value + "\\fR", roff(option->get_description()));
    if (!option->get_default_str().empty()) {
      text += fmt::format(" [default: {}]", roff(option->get_default_str()));
    }
    text += "\n";
  }
  return text;
}

std::string man_page(const CLI::App& root) {
  std::string text = fmt::format(
      ".TH MULTITALK 1 \"\" \"multitalk {}\" \"User Commands\"\n"
      ".SH NAME\nmultitalk \\- {}\n"
      ".SH SYNOPSIS\n.B multitalk\n[\\fICOMMAND\\fR] \\fIFLAGS\\fR\n"
      ".SH OPTIONS\n{}",
      version(), roff(root.get_description()), man_flags(root));
  for (const CLI::App* command : commands_of(root)) {
    text += fmt::format(".SH \"COMMAND {}\"\n{}.\n{}", command->get_name(),
                        roff(command->get_description()), man_flags(*command));
  }
  return text;
}

}  // namespace

HelpCommand::HelpCommand(CLI::App& app)
    : root_(app),
      man_(app.add_subcommand("man", "Print the manual page")),
      completion_(app.add_subcommand("completion", "Print the completions of a shell")) {
  completion_->add_option("shell", shell_, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->required();
}

void HelpCommand::run() const {
  if (man_->parsed()) {
    std::cout << man_page(root_);
  } else if (shell_ == "bash") {
    std::cout << bash_completion(root_);
  } else if (shell_ == "zsh") {
    std::cout << zsh_completion(root_);
  } else {
    std::cout << fish_completion(root_);
  }
}

}  // namespace multitalk
