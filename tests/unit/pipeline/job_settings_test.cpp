#include "pipeline/job_settings.h"

#include "support/catch.h"
#include "support/error_text.h"

namespace multitalk::test {

TEST_CASE("settings become words", "[settings]") {
  const Json settings = Json::parse(R"({"prompt": "-x y", "empty": "", "steps": 4, "scale": 2.5,
      "flag": true, "audio": ["/a b.wav", "None"], "seed": -1})");
  CHECK(words_of(settings) ==
        std::vector<std::string>{"--prompt=-x y", "--empty", "", "--steps=4", "--scale=2.5",
                                 "--flag=true", "--audio=/a b.wav", "--audio=None", "--seed=-1"});
  CHECK(mentions(error_text([] { words_of(Json{{"size", nullptr}}); }), "size"));
  CHECK(mentions(error_text([] { words_of(Json{{"box", {{1, 2}}}}); }), "box"));
}

TEST_CASE("a job's settings are those that the plan settled", "[settings]") {
  Job job;
  job.prompt = "a face";
  job.image = "folder/../face.png";
  job.speakers = {{"person1", "a.wav", Box{0, 0.5, 10, 20}},
                  {"person2", std::nullopt, Box{1, 2, 3, 4}}};
  job.size = "multitalk-480";
  job.sampling.seed = -1;
  Plan plan;
  plan.seed = 77;
  plan.shift = 7;
  plan.dtype = at::kBFloat16;
  const Json settings = settings_of(job, plan);
  CHECK(settings["base_seed"] == 77);
  CHECK(settings["sample_shift"] == 7.0);
  CHECK(settings["dtype"] == "bf16");
  CHECK(settings["device"] == "cpu");
  CHECK(settings["image"] == absolute_path("face.png"));
  CHECK(settings["audio"] == Json{absolute_path("a.wav"), "None"});
  CHECK(settings["box"] == Json{"0,0.5,10,20", "1,2,3,4"});
  CHECK_FALSE(settings.contains("max_frames"));
  CHECK_FALSE(settings.contains("output"));
}

}  // namespace multitalk::test
