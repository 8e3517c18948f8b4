// Reading JSON that people write: errors that name the field, say what was expected, and suggest.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace multitalk {

/// Keeps the order of the keys; of a key given twice the last value counts.
using Json = nlohmann::ordered_json;

/// Parses text (UTF-8, a byte order mark is skipped) that must hold one JSON object. Throws an
/// input error with line and column.
Json parse_json_object(std::string_view text);

/// The field's value. Throws an input error where it is missing, suggesting a key that is not in
/// `known` and looks like it. `place` names the object ("bbox"); the file's own is "".
const Json& require_field(const Json& object, const std::string& key,
                          const std::vector<std::string>& known, const std::string& place = "");

/// Throws an input error "<name> must be <expected>, got a number".
[[noreturn]] void wrong_type(const std::string& name, std::string_view expected, const Json& value);

/// The value as text or as a number; `name` is for the error.
std::string as_text(const Json& value, const std::string& name);
double as_number(const Json& value, const std::string& name);

/// Warns of each key of `object` that is not in `known`, with a suggestion where one is near.
void warn_unknown_keys(const Json& object, const std::vector<std::string>& known,
                       const std::string& place);

}  // namespace multitalk
