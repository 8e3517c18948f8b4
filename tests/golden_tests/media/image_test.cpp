// functions/images: pictures through Pillow and torchvision.
#include "base/error.h"
#include "media/image_reader.h"
#include "media/image_resize.h"
#include "support/catch.h"
#include "support/golden.h"

namespace multitalk {
namespace {

using test::golden_dir;
using test::golden_json;
using test::golden_tensors;

const std::string kFolder = "functions/images/";

at::Tensor as_tensor(const Image& image) {
  return at::tensor(at::ArrayRef<std::uint8_t>(image.rgb), at::kByte)
      .view({image.height, image.width, 3});
}

/// Formats whose decoders all give the same bytes.
bool exact_format(const std::string& file) {
  return file.ends_with(".png") || file.ends_with(".bmp") || file.ends_with(".gif") ||
         file.find("lossless") != std::string::npos;
}

void compare(const Image& ours, const at::Tensor& theirs, double tolerance, double mean_tolerance) {
  const double worst = test::max_abs_difference(as_tensor(ours), theirs);
  CAPTURE(worst);
  REQUIRE(worst <= tolerance);
  const double shift =
      (as_tensor(ours).to(at::kDouble).mean() - theirs.to(at::kDouble).mean()).item<double>();
  CHECK(std::abs(shift) <= mean_tolerance);
}

Image resize_and_crop(const Image& image, const nlohmann::json& row) {
  const Image resized =
      resize_bilinear(image, row.at("resized_hw").at(1), row.at("resized_hw").at(0));
  const auto& shape = row.at("tensor_shape");
  return center_crop(resized, shape.at(4), shape.at(3));
}

TEST_CASE("images: decoded, resized and cropped as the reference does", "[golden]") {
  const auto tensors = golden_tensors(kFolder + "images.safetensors");
  int cases = 0;
  const auto all = golden_json(kFolder + "images.json");
  for (const auto& row : all.at("rows")) {
    if (!row.at("error").is_null()) continue;
    const std::string file = row.at("file");
    CAPTURE(file);
    const Image image = read_image(golden_dir() / kFolder / file, ImageOptions::reference());
    CHECK(image.width == row.at("size_wh").at(0));
    CHECK(image.height == row.at("size_wh").at(1));
    const bool exact = exact_format(file);
    if (const auto rgb = tensors.find(file + ".rgb"); rgb != tensors.end()) {
      compare(image, rgb->second, exact ? 0 : 3, exact ? 0 : 0.5);
    }
    const Image ours = resize_and_crop(image, row);
    if (const auto u8 = tensors.find(file + ".u8"); u8 != tensors.end()) {
      compare(ours, u8->second, exact ? 1 : 3, 0.5);
    }
    const auto result = golden_dir() / kFolder / (file.substr(0, file.rfind('.')) + ".result.png");
    if (std::filesystem::exists(result)) {
      compare(ours, as_tensor(read_image(result, ImageOptions::reference())), exact ? 1 : 3, 0.5);
    }
    ++cases;
  }
  REQUIRE(cases > 0);
}

TEST_CASE("images: what the reference cannot read is refused", "[golden]") {
  int cases = 0;
  const auto all = golden_json(kFolder + "images.json");
  for (const auto& row : all.at("rows")) {
    if (row.at("error").is_null()) continue;
    const auto path = golden_dir() / kFolder / row.at("file").get<std::string>();
    CAPTURE(path);
    CHECK_THROWS_AS(read_image(path), Error);
    CHECK_THROWS_AS(read_image(path, ImageOptions::reference()), Error);
    ++cases;
  }
  REQUIRE(cases > 0);
}

TEST_CASE("images: the value of each byte", "[golden]") {
  const at::Tensor theirs =
      golden_tensors(kFolder + "u8_to_unit.safetensors").at("value_of_byte").contiguous();
  REQUIRE(theirs.numel() == 256);
  for (int byte = 0; byte < 256; ++byte) {
    const float value = theirs.const_data_ptr<float>()[byte];
    CAPTURE(byte, value);
    CHECK(std::abs(from_byte(static_cast<std::uint8_t>(byte)) - value) <=
          std::abs(std::nextafter(value, 2.0f) - value));
  }
}

}  // namespace
}  // namespace multitalk
