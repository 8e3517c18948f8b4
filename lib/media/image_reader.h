// Picture files into memory.
#pragma once

#include <filesystem>

#include "media/image.h"

namespace multitalk {

enum class AlphaRule {
  kOverWhite,  ///< composited over white, as viewers show it
  kDrop,       ///< the colours beneath as they are stored
};

/// How 16-bit channels come down to 8.
enum class DepthRule {
  kScale,   ///< 65535 becomes 255, rounded
  kPillow,  ///< grey above 255 becomes 255; colour keeps its high byte
};

struct ImageOptions {
  bool apply_exif_orientation = true;
  AlphaRule alpha = AlphaRule::kOverWhite;
  DepthRule depth = DepthRule::kScale;

  /// What the reference does (Pillow's open and convert("RGB")).
  static ImageOptions reference() { return {false, AlphaRule::kDrop, DepthRule::kPillow}; }
};

/// Larger pictures are refused.
inline constexpr long long kMaxPixels = 200'000'000;

/// Reads PNG, JPEG, WebP, BMP or GIF (its first frame), told apart by content. Colour profiles are
/// not applied. Throws an input error that names the file where it is missing, a folder, empty, of
/// another kind, damaged or cut short, or has more than kMaxPixels.
Image read_image(const std::filesystem::path& path, const ImageOptions& options = {});

}  // namespace multitalk
