#include "checkpoint/mapped_tensor.h"

#include "archive_builder.h"
#include "support/catch.h"

namespace multitalk {
namespace {

TEST_CASE("shapes whose product overflows have no size") {
  CHECK(checked_numel({}) == 1);
  CHECK(checked_numel({2, 3}) == 6);
  CHECK(checked_numel({2, 0}) == 0);
  CHECK_FALSE(checked_numel({-1}));
  CHECK_FALSE(checked_numel({int64_t{1} << 40, int64_t{1} << 40}));
  CHECK_FALSE(checked_numel({0, int64_t{1} << 40, int64_t{1} << 40}));
  CHECK_FALSE(checked_numel(std::vector<int64_t>(100, 1)));
}

TEST_CASE("a view outlives its file object, and unaligned data is copied") {
  const test::TemporaryFolder folder;
  const auto path = folder.write("x", std::string("\x00\x01\x00\x02\x00\x03", 6));
  auto file = std::make_shared<const MappedFile>(path);
  const std::byte* start = file->data();
  const at::Tensor view = view_mapped(file, 0, {3}, at::kShort);
  const at::Tensor copy = view_mapped(file, 1, {2}, at::kShort);
  file.reset();
  CHECK(view.const_data_ptr() == start);
  CHECK(view.equal(at::tensor({0x0100, 0x0200, 0x0300}, at::kShort)));
  CHECK(copy.equal(at::tensor({1, 2}, at::kShort)));
}

}  // namespace
}  // namespace multitalk
