// Pictures to files, and marks drawn into them.
#pragma once

#include <array>
#include <filesystem>

#include "media/image.h"

namespace multitalk {

/// Writes an 8-bit RGB PNG, atomically. Throws as PendingFile does, and a resource error where the
/// disk is full.
void write_png(const std::filesystem::path& path, const Image& image);

/// A half-open rectangle in pixels: columns [left, right), rows [top, bottom).
struct PixelRect {
  int left = 0;
  int top = 0;
  int right = 0;
  int bottom = 0;
};

/// Draws the outline of a box, `thickness` pixels inwards; what lies outside the picture is cut.
void draw_rectangle(Image& image, const PixelRect& box, std::array<std::uint8_t, 3> colour,
                    int thickness = 2);

}  // namespace multitalk
