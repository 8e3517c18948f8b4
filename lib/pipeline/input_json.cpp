// The reference's input JSON.
#include <algorithm>
#include <charconv>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "pipeline/job.h"
#include "pipeline/json_fields.h"

namespace multitalk {

namespace {

const std::vector<std::string> kKeys = {"prompt", "cond_image",  "audio_type", "cond_audio",
                                        "bbox",   "bbox_format", "tts_audio",  "video_audio"};
constexpr std::string_view kSilent = "None";

const Json& field(const Json& root, const std::string& key) {
  return require_field(root, key, kKeys);
}

std::filesystem::path as_path(const Json& value, const std::string& name) {
  if (!value.is_string()) wrong_type(name, "a path in quotes", value);
  const auto path = value.get<std::string>();
  if (path.empty()) throw input_error("{} is empty, expected the path of a file", name);
  return path;
}

/// 3 for "person3"; 0 for a name of another form.
int person_number(const std::string& name) {
  constexpr std::string_view kPrefix = "person";
  if (!name.starts_with(kPrefix) || name == kPrefix || name[kPrefix.size()] == '0') return 0;
  int number = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, number);
  return error == std::errc() && stop == end && number > 0 ? number : 0;
}

/// The persons by number, which must be 1, 2, ... without a gap.
std::map<int, const Json*> persons_by_number(const Json& audio) {
  std::map<int, const Json*> persons;
  for (const auto& item : audio.items()) {
    const int number = person_number(item.key());
    if (number == 0) {
      throw input_error("cond_audio: \"{}\" is not the name of a person", item.key())
          .with_hint("they are called person1, person2, ...");
    }
    persons.emplace(number, &item.value());
  }
  const int count = static_cast<int>(persons.size());
  for (int number = 1; number <= count; ++number) {
    if (persons.contains(number)) continue;
    throw input_error("cond_audio: person{} is missing; {} persons are numbered 1 to {}", number,
                      count, count);
  }
  return persons;
}

std::vector<Speaker> read_speakers(const Json& root) {
  const Json& audio = field(root, "cond_audio");
  if (!audio.is_object()) {
    wrong_type("cond_audio", "an object such as {\"person1\": \"voice.wav\"}", audio);
  }
  if (audio.empty()) {
    const bool speech_from_text = root.contains("tts_audio");
    throw input_error(
        "cond_audio names no person{}",
        speech_from_text ? ", and speech from text (tts_audio) is not in this version" : "")
        .with_hint("give each speaker a sound file: {\"person1\": \"voice.wav\"}");
  }
  std::vector<Speaker> speakers;
  for (const auto& [number, value] : persons_by_number(audio)) {
    Speaker speaker;
    speaker.name = fmt::format("person{}", number);
    const std::string name = "cond_audio." + speaker.name;
    if (value->is_null()) {
      throw input_error("{} is null, expected a path", name)
          .with_hint("write \"None\", in quotes, for a speaker who is silent");
    }
    const std::filesystem::path path = as_path(*value, name);
    if (path != kSilent) speaker.audio = path;
    speakers.push_back(std::move(speaker));
  }
  return speakers;
}

AudioType read_audio_type(const Json& root) {
  constexpr std::string_view kExpected =
      "\"para\" (all speak from the start) or \"add\" (one after the other)";
  if (!root.contains("audio_type")) {
    throw input_error("audio_type is missing: several persons need {}", kExpected);
  }
  const std::string type = as_text(field(root, "audio_type"), "audio_type");
  if (type == "para") return AudioType::kParallel;
  if (type == "add") return AudioType::kSequential;
  throw input_error("audio_type must be {}, got \"{}\"", kExpected, type);
}

Box read_box(const Json& value, const std::string& name, bool xyxy) {
  constexpr std::string_view kExpected = "a list of four numbers";
  if (!value.is_array()) wrong_type(name, kExpected, value);
  if (value.size() != 4) {
    throw input_error("{} must be {}, got {} of them", name, kExpected, value.size());
  }
  const auto number = [&](std::size_t i) {
    return as_number(value[i], fmt::format("{}[{}]", name, i));
  };
  if (xyxy) return {number(1), number(0), number(3), number(2)};
  return {number(0), number(1), number(2), number(3)};
}

bool read_xyxy(const Json& root) {
  const auto found = root.find("bbox_format");
  if (found == root.end()) return false;
  const std::string format = as_text(*found, "bbox_format");
  if (format == "xyxy") return true;
  throw input_error("bbox_format: unknown format \"{}\", expected \"xyxy\"", format)
      .with_hint("without bbox_format a box is [row_min, column_min, row_max, column_max]");
}

/// The speaker that each box of the object is for. The reference goes by the order in the object;
/// we by the names, where they are the persons'.
std::vector<std::size_t> box_owners(const Json& boxes, const std::vector<Speaker>& speakers,
                                    Compat compat) {
  std::vector<std::size_t> by_order;
  std::vector<std::size_t> by_name;
  for (const auto& item : boxes.items()) {
    by_order.push_back(by_order.size());
    const auto owner = std::find_if(speakers.begin(), speakers.end(), [&](const Speaker& speaker) {
      return speaker.name == item.key();
    });
    if (owner != speakers.end()) by_name.push_back(owner - speakers.begin());
  }
  if (compat == Compat::kReference || by_name == by_order) return by_order;
  if (by_name.size() == by_order.size()) return by_name;
  log::warning("bbox: its names are not those of cond_audio; the boxes are taken in their order");
  return by_order;
}

void read_boxes(const Json& root, Compat compat, std::vector<Speaker>& speakers) {
  const auto boxes = root.find("bbox");
  if (boxes == root.end()) return;
  if (speakers.size() == 1) {
    log::info("bbox has no effect with one person, whose voice moves the whole picture");
    return;
  }
  if (!boxes->is_object()) {
    wrong_type("bbox", "an object such as {\"person1\": [0, 0, 480, 400]}", *boxes);
  }
  if (boxes->size() != speakers.size()) {
    throw input_error("bbox has {} boxes for {} persons: give one for each, or none", boxes->size(),
                      speakers.size());
  }
  const bool xyxy = read_xyxy(root);
  const std::vector<std::size_t> owners = box_owners(*boxes, speakers, compat);
  std::size_t i = 0;
  for (const auto& [key, value] : boxes->items()) {
    speakers[owners[i++]].box = read_box(value, "bbox." + key, xyxy);
  }
}

void read_fields(const Json& root, Job& job) {
  job.prompt = as_text(field(root, "prompt"), "prompt");
  job.image = as_path(field(root, "cond_image"), "cond_image");
  job.speakers = read_speakers(root);
  if (job.speakers.size() > 1) job.audio_type = read_audio_type(root);
  read_boxes(root, job.compat, job.speakers);
  if (root.contains("tts_audio")) {
    log::warning("tts_audio ignored: speech from text is not in this version; cond_audio is used");
  }
}

}  // namespace

void read_input_json(const std::filesystem::path& file, Job& job) {
  require_file(file, "input_json");
  job.input_json = file;
  try {
    const Json root = parse_json_object(read_file(file));
    warn_unknown_keys(root, kKeys, file.string());
    read_fields(root, job);
  } catch (const Error& error) {
    throw error.within(file.string());
  }
}

}  // namespace multitalk
