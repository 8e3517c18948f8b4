// BMP and GIF through stb_image.
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STB_IMAGE_STATIC
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image.h>

#include <limits>
#include <memory>

#include "base/error.h"
#include "media/image_decoders.h"

namespace multitalk {

namespace {

struct StbDeleter {
  void operator()(stbi_uc* pixels) const { stbi_image_free(pixels); }
};

}  // namespace

DecodedImage decode_with_stb(std::string_view bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw input_error("the file is larger than 2 GiB");
  }
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0;
  int height = 0;
  int channels = 0;
  if (stbi_info_from_memory(data, size, &width, &height, &channels) == 0) {
    throw input_error("damaged picture: {}", stbi_failure_reason());
  }
  check_image_size(width, height);
  const std::unique_ptr<stbi_uc, StbDeleter> rgba(
      stbi_load_from_memory(data, size, &width, &height, &channels, 4));
  if (!rgba) throw input_error("damaged picture: {}", stbi_failure_reason());
  return split_rgba(rgba.get(), width, height);
}

}  // namespace multitalk
