// Which sequences of characters hardly ever occur but in text that was decoded wrongly.
#pragma once

#include "models/text_pattern.h"

namespace multitalk {

/// Matches where a text looks like mojibake. The classes and rules are those of ftfy 6.3's
/// "badness" heuristic (Robyn Speer, Apache-2.0).
const TextPattern& mojibake_pattern();

}  // namespace multitalk
