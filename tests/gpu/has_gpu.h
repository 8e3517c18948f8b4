// Whether the tests of this program can run.
#pragma once

#include "base/device.h"
#include "base/error.h"
#include "support/catch.h"

namespace multitalk::test {

/// Says so where there is no GPU: CTest counts the program as skipped.
inline bool has_gpu() {
  try {
    resolve_device("cuda");
    return true;
  } catch (const Error&) {
    WARN("skipped: no GPU");
    return false;
  }
}

}  // namespace multitalk::test
