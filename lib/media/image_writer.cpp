#include "media/image_writer.h"

#include <png.h>

#include <string>

#include "base/error.h"
#include "base/file.h"

namespace multitalk {

void write_png(const std::filesystem::path& path, const Image& image) {
  MULTITALK_CHECK(image.width > 0 && image.height > 0, "an empty picture for {}", path.string());
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&header, bytes.data(), &size, 0, image.rgb.data(), 0, nullptr) ==
      0) {
    throw resource_error("{}: cannot encode the PNG: {}", path.string(), header.message);
  }
  bytes.resize(size);
  write_file_atomically(path, bytes);
}

void draw_rectangle(Image& image, const PixelRect& box, std::array<std::uint8_t, 3> colour,
                    int thickness) {
  for (int y = std::max(box.top, 0); y < std::min(box.bottom, image.height); ++y) {
    for (int x = std::max(box.left, 0); x < std::min(box.right, image.width); ++x) {
      const int depth = std::min(std::min(x - box.left, box.right - 1 - x),
                                 std::min(y - box.top, box.bottom - 1 - y));
      if (depth < thickness) std::copy(colour.begin(), colour.end(), image.pixel(x, y));
    }
  }
}

}  // namespace multitalk
