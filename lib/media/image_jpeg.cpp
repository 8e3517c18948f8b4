// JPEG through libjpeg(-turbo).
#include <cstdio>  // jpeglib.h needs FILE
//
#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>
#include <utility>

#include "base/error.h"
#include "media/image_decoders.h"

namespace multitalk {

namespace {

/// libjpeg reports errors by a callback that must not return: it jumps back to the decoder.
struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  info->err->format_message(info, manager->message);
  std::longjmp(manager->back, 1);
}

/// Where data is missing libjpeg warns and goes on with grey; that is an error here.
void on_message(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) on_error(info);
}

/// CMYK as Adobe stores it, inverted, to RGB: each ink multiplied by black.
void cmyk_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb, int width) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - cmyk[c]) * cmyk[3] + 128;
      rgb[c] = static_cast<std::uint8_t>(cmyk[3] - (((product >> 8) + product) >> 8));
    }
  }
}

/// What lives across the jump; freed by its destructor whichever way the decoder ends.
struct Decoder {
  jpeg_decompress_struct info{};
  ErrorManager errors{};
  std::vector<std::uint8_t> row;
  DecodedImage image;

  Decoder() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = on_error;
    errors.base.emit_message = on_message;
  }
  ~Decoder() { jpeg_destroy_decompress(&info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
};

void read_orientation(Decoder& decoder) {
  for (auto* marker = decoder.info.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (data.starts_with("Exif")) decoder.image.orientation = exif_orientation(data);
  }
}

/// False where libjpeg reported an error. No object with a destructor may live in here.
bool read_header(Decoder& decoder, std::string_view bytes) {
  if (setjmp(decoder.errors.back) != 0) return false;
  jpeg_create_decompress(&decoder.info);
  jpeg_mem_src(&decoder.info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_save_markers(&decoder.info, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&decoder.info, TRUE);
  return true;
}

/// As read_header.
bool read_pixels(Decoder& decoder, bool cmyk) {
  if (setjmp(decoder.errors.back) != 0) return false;
  jpeg_decompress_struct& info = decoder.info;
  info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    std::uint8_t* target = decoder.image.colours.pixel(0, static_cast<int>(info.output_scanline));
    JSAMPROW row = cmyk ? decoder.row.data() : target;
    jpeg_read_scanlines(&info, &row, 1);
    if (cmyk) cmyk_to_rgb(row, target, decoder.image.colours.width);
  }
  jpeg_finish_decompress(&info);
  return true;
}

}  // namespace

DecodedImage decode_jpeg(std::string_view bytes) {
  Decoder decoder;
  const auto fail = [&] { throw input_error("damaged JPEG: {}", decoder.errors.message); };
  if (!read_header(decoder, bytes)) fail();
  check_image_size(decoder.info.image_width, decoder.info.image_height);
  const bool cmyk = decoder.info.num_components == 4;
  decoder.image.colours = Image(static_cast<int>(decoder.info.image_width),
                                static_cast<int>(decoder.info.image_height));
  decoder.row.resize(static_cast<std::size_t>(decoder.info.image_width) * 4);
  if (!read_pixels(decoder, cmyk)) fail();
  read_orientation(decoder);
  return std::move(decoder.image);
}

}  // namespace multitalk
