// Resizing and cropping with the arithmetic of Pillow and torchvision, bit for bit.
#pragma once

#include "media/image.h"

namespace multitalk {

/// Bilinear with antialiasing, as Pillow's Image.resize(BILINEAR): a triangle filter that widens
/// with the reduction, 22-bit fixed-point weights, 8 bits between the two passes. The horizontal
/// pass comes first, unless more than twice as many rows as columns go away (as in Pillow 13).
/// `width` and `height` must be positive.
Image resize_bilinear(const Image& image, int width, int height);

/// The middle part, as torchvision's center_crop: the first row and column are half of what is cut
/// away, rounded half to even. The part must fit into the picture.
Image center_crop(const Image& image, int width, int height);

}  // namespace multitalk
