// PNG through libpng: reading and writing.
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "base/error.h"
#include "media/image_decoders.h"

namespace multitalk {

namespace {

/// What lives across libpng's jump; freed by its destructor whichever way the decoder ends.
struct Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::string_view rest;
  std::string message;
  std::vector<std::uint8_t> pixels;  // [height, row_bytes]
  std::vector<png_bytep> rows;
  int width = 0;
  int height = 0;
  int channels = 0;
  int depth = 0;
  bool grey16 = false;
  int orientation = 1;

  explicit Decoder(std::string_view bytes);
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  static_cast<Decoder*>(png_get_error_ptr(png))->message = message;
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep target, png_size_t count) {
  auto* decoder = static_cast<Decoder*>(png_get_io_ptr(png));
  if (count > decoder->rest.size()) png_error(png, "the file is cut short");
  std::memcpy(target, decoder->rest.data(), count);
  decoder->rest.remove_prefix(count);
}

Decoder::Decoder(std::string_view bytes) : rest(bytes) {
  png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
  info = png == nullptr ? nullptr : png_create_info_struct(png);
  if (info == nullptr) throw resource_error("out of memory");
  png_set_read_fn(png, this, on_read);
}

/// Every kind of PNG to 8 or 16 bits a channel, with palettes and transparent colours expanded.
/// False where libpng reported an error; no object with a destructor may live in here.
bool read_header(Decoder& decoder) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_read_info(decoder.png, decoder.info);
  decoder.grey16 = png_get_bit_depth(decoder.png, decoder.info) == 16 &&
                   png_get_color_type(decoder.png, decoder.info) == PNG_COLOR_TYPE_GRAY;
  png_set_expand(decoder.png);
  png_set_interlace_handling(decoder.png);
  png_read_update_info(decoder.png, decoder.info);
  decoder.width = static_cast<int>(png_get_image_width(decoder.png, decoder.info));
  decoder.height = static_cast<int>(png_get_image_height(decoder.png, decoder.info));
  decoder.channels = png_get_channels(decoder.png, decoder.info);
  decoder.depth = png_get_bit_depth(decoder.png, decoder.info);
  return true;
}

/// As read_header. The end of the file is read as well: EXIF may follow the pixels.
bool read_pixels(Decoder& decoder) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_read_image(decoder.png, decoder.rows.data());
  png_read_end(decoder.png, decoder.info);
  png_uint_32 size = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(decoder.png, decoder.info, &size, &exif) != 0) {
    decoder.orientation = exif_orientation({reinterpret_cast<const char*>(exif), size});
  }
  return true;
}

/// One channel of one pixel in 8 bits.
std::uint8_t channel_value(const Decoder& decoder, const std::uint8_t* pixel, int channel,
                           DepthRule rule) {
  if (decoder.depth == 8) return pixel[channel];
  const int value = pixel[2 * channel] << 8 | pixel[2 * channel + 1];
  if (rule == DepthRule::kScale) return static_cast<std::uint8_t>((value * 255 + 32767) / 65535);
  return static_cast<std::uint8_t>(decoder.grey16 ? std::min(value, 255) : value >> 8);
}

DecodedImage to_image(const Decoder& decoder, DepthRule rule) {
  const bool colour = decoder.channels >= 3;
  const bool has_alpha = decoder.channels == 2 || decoder.channels == 4;
  DecodedImage image;
  image.orientation = decoder.orientation;
  image.colours = Image(decoder.width, decoder.height);
  const int pixel_bytes = decoder.channels * decoder.depth / 8;
  for (int y = 0; y < decoder.height; ++y) {
    const std::uint8_t* source = decoder.rows[y];
    for (int x = 0; x < decoder.width; ++x, source += pixel_bytes) {
      std::uint8_t* target = image.colours.pixel(x, y);
      for (int c = 0; c < 3; ++c) target[c] = channel_value(decoder, source, colour ? c : 0, rule);
      if (has_alpha) {
        image.alpha.push_back(channel_value(decoder, source, decoder.channels - 1, rule));
      }
    }
  }
  return image;
}

}  // namespace

DecodedImage decode_png(std::string_view bytes, DepthRule depth) {
  Decoder decoder(bytes);
  const auto fail = [&] { throw input_error("damaged PNG: {}", decoder.message); };
  if (!read_header(decoder)) fail();
  check_image_size(decoder.width, decoder.height);
  const std::size_t row_bytes = png_get_rowbytes(decoder.png, decoder.info);
  decoder.pixels.resize(row_bytes * decoder.height);
  for (int y = 0; y < decoder.height; ++y) {
    decoder.rows.push_back(decoder.pixels.data() + row_bytes * y);
  }
  if (!read_pixels(decoder)) fail();
  return to_image(decoder, depth);
}

}  // namespace multitalk
