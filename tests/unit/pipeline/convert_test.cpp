#include "pipeline/convert.h"

#include "base/error.h"
#include "pipeline/checkpoint_manifest.h"
#include "support/catch.h"
#include "support/error_text.h"
#include "support/process.h"

namespace multitalk {
namespace {

using test::error_text;
using test::mentions;

TEST_CASE("a disk without room is refused with both numbers", "[pipeline]") {
  CHECK_NOTHROW(require_disk_space(100, 100, "folder"));
  try {
    require_disk_space(std::uint64_t{40} << 30, std::uint64_t{30} << 30, "folder");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::kResources);
    CHECK(mentions(error.what(), "folder"));
    CHECK(mentions(error.what(), "40 GiB are needed"));
    CHECK(mentions(error.what(), "30 GiB are free"));
  }
}

TEST_CASE("a manifest survives being written and read", "[pipeline]") {
  const test::TemporaryFolder folder;
  CHECK_FALSE(read_manifest(folder.path()).has_value());
  const CheckpointManifest manifest{
      .complete = true, .dtype = "fp8", .recipe = "r", .files = {{"a/b", {3, "abc"}}}};
  write_manifest(folder.path(), manifest);
  const auto read = read_manifest(folder.path());
  REQUIRE(read.has_value());
  CHECK(read->complete);
  CHECK(read->dtype == "fp8");
  CHECK(read->recipe == "r");
  CHECK((read->files == manifest.files));
}

TEST_CASE("a damaged manifest is named", "[pipeline]") {
  const test::TemporaryFolder folder;
  for (const std::string text : {"", "{", "[]", "{}", R"({"format": "other", "version": 1})",
                                 R"({"format": "multitalk-checkpoint", "version": 1})"}) {
    INFO(text);
    test::write_text(folder / kManifestName, text);
    CHECK(mentions(error_text([&] { read_manifest(folder.path()); }), kManifestName));
  }
}

TEST_CASE("an unknown dtype is refused", "[pipeline]") {
  ConvertRequest request;
  request.dtype = "int4";
  CHECK(mentions(error_text([&] { convert(request); }), "bf16, fp32 and fp8"));
}

}  // namespace
}  // namespace multitalk
