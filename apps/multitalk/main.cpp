// The command line: parse, run, one catch, exit code.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/text.h"
#include "commands.h"
#include "options.h"

namespace multitalk {
namespace {

/// Flags of the program as a whole; they work before and after the subcommand.
struct GlobalOptions {
  std::string log_format = "text";
  bool verbose = false;
  bool quiet = false;
};

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("--log_format", options.log_format, "text, or json: one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_flag("-v,--verbose", options.verbose, "Say more");
  app.add_flag("-q,--quiet", options.quiet, "Say only what is wrong");
}

void configure_log(const GlobalOptions& options) {
  const log::Level level = options.quiet     ? log::Level::kWarning
                           : options.verbose ? log::Level::kDebug
                                             : log::Level::kInfo;
  log::configure(options.log_format == "json" ? log::Format::kJson : log::Format::kText, level);
}

void report(const Error& error) {
  log::error("{}", error.what());
  if (!error.hint().empty()) log::error("  {}", error.hint());
}

/// `multitalk FLAGS` means `multitalk generate FLAGS`.
void insert_default_command(std::vector<std::string>& args) {
  const std::vector<std::string> own = {"-h", "--help", "--version"};
  if (args.empty() || args[0][0] != '-') return;
  if (std::find(own.begin(), own.end(), args[0]) != own.end()) return;
  args.insert(args.begin(), "generate");
}

/// Names of all long flags, for suggestions.
std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* command : app.get_subcommands({})) {
    for (std::string& name : flag_names(*command)) names.push_back(std::move(name));
  }
  return names;
}

/// CLI11's message, with a suggestion where a flag is unknown.
Error usage_error(const CLI::App& app, const std::vector<std::string>& args,
                  const CLI::ParseError& error) {
  std::string hint = "multitalk --help lists the commands, multitalk generate --help the flags";
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const std::vector<std::string> known = flag_names(app);
    for (const std::string& arg : args) {
      const std::string name = arg.substr(0, arg.find('='));
      if (!name.starts_with("--") || std::find(known.begin(), known.end(), name) != known.end()) {
        continue;
      }
      const std::string near = closest_match(name, known);
      if (!near.empty()) hint = name + ": did you mean " + near + "?";
      break;
    }
  }
  return input_error("{}", error.what()).with_hint(hint);
}

int run(int argc, char** argv) {
  CLI::App app{"From a picture, voices and a prompt to a video of them speaking (MultiTalk)."};
  app.name("multitalk");
  app.set_version_flag("--version", "multitalk " + std::string(version()));
  app.require_subcommand(1);
  app.fallthrough();
  GlobalOptions global;
  add_global_options(app, global);
  GenerateCommand generate(app);
  ProbeCommand probe(app);
  ConvertCommand convert(app);
  InspectCommand inspect(app);
  HelpCommand help(app);

  std::vector<std::string> args = normalize_flags(argc, argv);
  insert_default_command(args);
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    throw usage_error(app, args, error);
  }
  configure_log(global);
  install_interrupt_handler();
  if (generate.chosen()) generate.run();
  if (probe.chosen()) probe.run();
  if (convert.chosen()) convert.run();
  if (inspect.chosen()) inspect.run();
  if (help.chosen()) help.run();
  return static_cast<int>(ExitCode::kDone);
}

/// Out of memory comes as c10::Error or std::bad_alloc; everything else unknown is a bug.
Error as_error(const std::exception& error) {
  const std::string what = error.what();
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      what.find("out of memory") != std::string::npos ||
      what.find("can't allocate memory") != std::string::npos) {
    return resource_error("out of memory: {}", what.substr(0, what.find('\n')))
        .with_hint("a smaller --size or --frame_num needs less");
  }
  return internal_error("{}", what).with_hint("this is a bug in multitalk; please report it");
}

}  // namespace
}  // namespace multitalk

int main(int argc, char** argv) {
  try {
    return multitalk::run(argc, argv);
  } catch (const multitalk::Error& error) {
    multitalk::report(error);
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    const multitalk::Error ours = multitalk::as_error(error);
    multitalk::report(ours);
    return static_cast<int>(ours.code());
  }
}
