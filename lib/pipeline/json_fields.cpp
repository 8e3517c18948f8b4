#include "pipeline/json_fields.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace multitalk {

namespace {

/// The part of the parser's message that helps a person: "line 1, column 37: unexpected ...". What
/// the parser last read may be half a character and is left out.
std::string explain(const Json::parse_error& error) {
  const std::string what = error.what();
  if (what.find("ill-formed UTF-8") != std::string::npos) {
    return fmt::format("the file is not UTF-8 text (near byte {})", error.byte);
  }
  constexpr std::string_view kStart = "parse error at ";
  std::size_t start = what.find(kStart);
  start = start == std::string::npos ? 0 : start + kStart.size();
  const std::size_t end = what.find("; last read", start);
  return "not valid JSON: " +
         what.substr(start, end == std::string::npos ? std::string::npos : end - start);
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

Json parse_json_object(std::string_view text) {
  Json value;
  try {
    value = Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw input_error("{}", explain(error));
  }
  if (!value.is_object()) {
    throw input_error("the file must hold one JSON object, got {}", value.type_name())
        .with_hint("it starts with { and ends with }");
  }
  return value;
}

const Json& require_field(const Json& object, const std::string& key,
                          const std::vector<std::string>& known, const std::string& place) {
  const auto found = object.find(key);
  if (found != object.end()) return *found;
  std::vector<std::string> strangers;
  for (const auto& item : object.items()) {
    if (!contains(known, item.key())) strangers.push_back(item.key());
  }
  const std::string alike = closest_match(key, strangers);
  throw input_error("{}{}{} is missing", place, place.empty() ? "" : ".", key)
      .with_hint(alike.empty() ? "" : fmt::format("there is \"{}\": did you mean {}?", alike, key));
}

void wrong_type(const std::string& name, std::string_view expected, const Json& value) {
  throw input_error(
      "{} must be {}, got {}", name, expected,
      value.is_null() ? "null" : fmt::format("a value of type {}", value.type_name()));
}

std::string as_text(const Json& value, const std::string& name) {
  if (!value.is_string()) wrong_type(name, "text in quotes", value);
  return value.get<std::string>();
}

double as_number(const Json& value, const std::string& name) {
  if (!value.is_number()) wrong_type(name, "a number", value);
  return value.get<double>();
}

void warn_unknown_keys(const Json& object, const std::vector<std::string>& known,
                       const std::string& place) {
  for (const auto& item : object.items()) {
    if (contains(known, item.key())) continue;
    const std::string alike = closest_match(item.key(), known);
    log::warning("{}: unknown key \"{}\" ignored{}", place, item.key(),
                 alike.empty() ? "" : fmt::format("; did you mean \"{}\"?", alike));
  }
}

}  // namespace multitalk
