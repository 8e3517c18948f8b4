// functions/audio/multi.json: two voices on one time line.
#include "pipeline/speech.h"

#include <cmath>

#include "base/error.h"
#include "media/wav_writer.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

using nlohmann::json;

const std::string kFolder = "functions/audio/";

Speaker speaker_of(const std::string& name, const std::string& file) {
  Speaker speaker;
  speaker.name = name;
  if (file != "None") speaker.audio = test::golden_dir() / kFolder / file;
  return speaker;
}

std::optional<Job> job_of(const json& row) {
  Job job;
  job.compat = Compat::kReference;
  job.image = "unused.png";
  job.task = load_task("multitalk-14B");
  job.size = job.task.default_size;
  job.speakers = {speaker_of("person1", row["person1"]), speaker_of("person2", row["person2"])};
  if (row["audio_type"] == "add") {
    job.audio_type = AudioType::kSequential;
  } else if (row["audio_type"] != "para") {
    return std::nullopt;  // no job can hold it; read_input_json refuses it
  }
  return job;
}

constexpr double kTolerance = 1e-5;

/// Sound of video files comes through a decoder, whose first and last samples differ by version.
bool has_lossy_file(const json& row) {
  for (const char* person : {"person1", "person2"}) {
    const auto ending = std::filesystem::path(row[person].get<std::string>()).extension();
    if (!ending.empty() && ending != ".wav" && ending != ".flac") return true;
  }
  return false;
}

void check_row(const json& row, const std::map<std::string, at::Tensor>& tensors) {
  const VoiceTracks speech = prepare_speech(*job_of(row));
  const std::string id = row["id"];
  const bool lossy = has_lossy_file(row);
  const auto check_length = [&](std::size_t ours, const std::string& field) {
    const double difference = static_cast<double>(ours) - row[field].get<double>();
    CHECK(std::abs(difference) <= (lossy ? 0.05 * 16000 : 0));
  };
  CHECK(speech.mix_rate == 16000);
  CHECK(speech.mix_channels == 1);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string number = std::to_string(i + 1);
    INFO("person" << number);
    check_length(speech.tracks[i].size(), "n" + number);
    if (lossy) continue;
    CHECK(speech.frames()[i] == row["frames" + number].get<int>());
    const auto theirs = tensors.find(id + ".p" + number);
    if (theirs == tensors.end()) continue;
    const double difference =
        test::max_abs_difference(at::tensor(speech.tracks[i]), theirs->second);
    CHECK(difference <= kTolerance);
  }
  check_length(speech.mix.size(), "n_sum");
  const auto theirs = tensors.find(id + ".sum_i16");
  if (lossy || theirs == tensors.end()) return;
  std::vector<int> pcm;
  for (const float sample : speech.mix) pcm.push_back(to_pcm16(sample));
  CHECK(test::max_abs_difference(at::tensor(pcm), theirs->second) <= 1);
}

TEST_CASE("speech: audio_prepare_multi, row by row") {
  const json rows = test::golden_json(kFolder + "multi.json")["rows"];
  const auto tensors = test::golden_tensors(kFolder + "multi.safetensors");
  REQUIRE_FALSE(rows.empty());
  for (const json& row : rows) {
    INFO("row " << row.dump());
    if (row["error"].is_null()) {
      check_row(row, tensors);
      continue;
    }
    const std::optional<Job> job = job_of(row);
    if (!job) continue;
    const auto prepare = [&] {
      validate_job(*job);
      prepare_speech(*job);
    };
    CHECK_THROWS_AS(prepare(), Error);
  }
}

}  // namespace
}  // namespace multitalk
