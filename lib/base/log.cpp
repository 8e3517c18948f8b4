#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

namespace multitalk::log {

namespace {

struct State {
  Format format = Format::kText;
  spdlog::logger logger{"multitalk", std::make_shared<spdlog::sinks::stderr_sink_mt>()};

  State() { logger.set_pattern("%v"); }
};

State& state() {
  static State instance;
  return instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      break;
  }
  return spdlog::level::err;
}

std::string_view level_name(Level level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
  return kNames[static_cast<int>(level)];
}

double seconds_since_epoch() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

/// Text lines carry their level only where it is news: "multitalk: warning: ...".
std::string text_line(Level level, std::string_view message) {
  if (level == Level::kInfo) return std::string(message);
  return fmt::format("multitalk: {}: {}", level_name(level), message);
}

std::string json_line(nlohmann::json fields) {
  fields["time"] = seconds_since_epoch();
  return fields.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void configure(Format format, Level level) {
  state().format = format;
  state().logger.set_level(to_spdlog(level));
}

Format format() { return state().format; }

void write(Level level, std::string_view message) {
  const std::string line =
      state().format == Format::kText
          ? text_line(level, message)
          : json_line({{"level", level_name(level)}, {"message", std::string(message)}});
  state().logger.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void event(std::string_view name, const nlohmann::json& fields) {
  if (state().format != Format::kJson) return;
  nlohmann::json line = fields;
  line["event"] = std::string(name);
  const std::string text = json_line(std::move(line));
  state().logger.log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace multitalk::log
