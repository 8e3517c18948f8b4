#include "pipeline/speaker_masks.h"

#include "support/catch.h"
#include "support/error_text.h"

namespace multitalk {
namespace {

using test::error_text;
using test::mentions;

std::vector<Speaker> speakers(int count) {
  std::vector<Speaker> result(count);
  for (int i = 0; i < count; ++i) result[i].name = "person" + std::to_string(i + 1);
  return result;
}

TEST_CASE("speaker masks: one speaker has the whole picture, box or not") {
  std::vector<Speaker> one = speakers(1);
  one[0].box = Box{0, 0, 4, 4};
  CHECK(at::equal(speaker_masks(one, 100, 100, 48, 80), at::ones({3, 6, 10})));
  CHECK(effective_boxes(one, 100, 100).empty());
}

TEST_CASE("speaker masks: without boxes the speakers share the picture in columns") {
  for (int count = 2; count <= 5; ++count) {
    INFO(count << " speakers");
    const std::vector<Box> boxes = effective_boxes(speakers(count), 200, 1000);
    REQUIRE(static_cast<int>(boxes.size()) == count);
    const double column = 1000 / count;
    for (int i = 0; i < count; ++i) {
      CHECK(boxes[i].row_min == 10);
      CHECK(boxes[i].row_max == 190);
      CHECK(boxes[i].column_min == Approx(i * column + 0.05 * column).margin(1));
      CHECK(boxes[i].column_max == Approx((i + 1) * column - 0.05 * column).margin(1));
    }
    const at::Tensor masks = speaker_masks(speakers(count), 200, 1000, 64, 320);
    CHECK(masks.size(0) == count + 1);
    CHECK(at::equal(masks.sum(0), at::ones({8, 40})));  // apart, the background elsewhere
    CHECK_NOTHROW(require_visible(speakers(count), masks));
  }
}

/// The same by the reference's steps: draw, resize, crop, resize.
at::Tensor drawn(const Box& box, int height, int width, int target_height, int target_width) {
  at::Tensor mask = at::zeros({1, 1, height, width});
  mask.slice(2, static_cast<int64_t>(box.row_min), static_cast<int64_t>(box.row_max))
      .slice(3, static_cast<int64_t>(box.column_min), static_cast<int64_t>(box.column_max))
      .fill_(1);
  const double scale = std::max(double(target_height) / height, double(target_width) / width);
  const auto tall = static_cast<int64_t>(std::ceil(scale * height));
  const auto wide = static_cast<int64_t>(std::ceil(scale * width));
  mask = at::upsample_nearest2d(mask, {tall, wide});
  const auto top = static_cast<int64_t>(std::nearbyint((tall - target_height) / 2.0));
  const auto left = static_cast<int64_t>(std::nearbyint((wide - target_width) / 2.0));
  mask = mask.slice(2, top, top + target_height).slice(3, left, left + target_width);
  return at::upsample_nearest2d(mask.contiguous(), {target_height / 8, target_width / 8})[0][0];
}

TEST_CASE("speaker masks: as drawing at full size and resizing twice") {
  std::vector<Speaker> two = speakers(2);
  for (const int height : {37, 90, 333}) {
    for (const int width : {41, 128, 500}) {
      INFO(height << " x " << width);
      two[0].box = Box{3.0, 2.0, height * 0.8, width * 0.45};
      two[1].box = Box{height * 0.1, width * 0.4, double(height), double(width)};
      const at::Tensor masks = speaker_masks(two, height, width, 96, 160);
      const at::Tensor first = drawn(*two[0].box, height, width, 96, 160);
      const at::Tensor second = drawn(*two[1].box, height, width, 96, 160);
      CHECK(at::equal(masks[0], first));
      CHECK(at::equal(masks[1], second));
      CHECK(at::equal(masks[2], first.add(second).eq(0).to(at::kFloat)));
    }
  }
}

TEST_CASE("speaker masks: a box that no token sees is refused by name") {
  std::vector<Speaker> two = speakers(2);
  two[0].box = Box{0, 0, 100, 100};
  two[1].box = Box{0, 198, 1, 199};
  const at::Tensor masks = speaker_masks(two, 100, 200, 48, 48);
  CHECK(mentions(error_text([&] { require_visible(two, masks); }), "person2"));
}

}  // namespace
}  // namespace multitalk
