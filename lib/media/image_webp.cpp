// WebP through libwebp.
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "base/error.h"
#include "media/image_decoders.h"

namespace multitalk {

namespace {

struct WebPDeleter {
  void operator()(std::uint8_t* pixels) const { WebPFree(pixels); }
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};

int orientation_of(const std::uint8_t* data, std::size_t size) {
  const WebPData file{data, size};
  const std::unique_ptr<WebPDemuxer, WebPDeleter> demuxer(WebPDemux(&file));
  WebPChunkIterator chunk;
  if (!demuxer || WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk) == 0) return 1;
  const int orientation =
      exif_orientation({reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size});
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

}  // namespace

DecodedImage decode_webp(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK) {
    throw input_error("damaged WebP: its header cannot be read");
  }
  if (features.has_animation) {
    throw input_error("an animated WebP, expected a still picture")
        .with_hint("save one of its frames as PNG or JPEG");
  }
  check_image_size(features.width, features.height);
  int width = 0;
  int height = 0;
  const std::unique_ptr<std::uint8_t, WebPDeleter> rgba(
      WebPDecodeRGBA(data, bytes.size(), &width, &height));
  if (!rgba) throw input_error("damaged WebP: its pixels cannot be decoded, or it is cut short");
  DecodedImage image = split_rgba(rgba.get(), width, height);
  image.orientation = orientation_of(data, bytes.size());
  return image;
}

}  // namespace multitalk
