// The part of Python's pickle format (protocols 2 to 4) that a saved state dict needs. A pickle is
// a program; this machine knows a fixed list of harmless callables and refuses to run any other.
// The opcodes: Lib/pickletools.py of CPython.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "checkpoint/byte_reader.h"

namespace multitalk::pickle {

struct Value;

/// Values live in the Document and are shared by address, as Python's are.
using Ref = const Value*;

struct None {};
struct Sequence {  ///< a tuple or a list
  std::vector<Ref> items;
};
struct Dict {
  std::vector<std::pair<Ref, Ref>> items;
};
struct Global {  ///< "torch.FloatStorage"
  std::string name;
};
struct Storage {
  std::string key;  ///< the zip entry under data/
  at::ScalarType dtype = at::kFloat;
  int64_t numel = 0;
};
struct Tensor {
  Storage storage;
  int64_t offset = 0;  ///< in elements
  std::vector<int64_t> shape;
  std::vector<int64_t> stride;  ///< in elements
};

struct Value {
  std::variant<None, bool, int64_t, double, std::string, Sequence, Dict, Global, Storage, Tensor>
      data;
};

/// What a value is, for messages: "a string".
const char* kind_of(const Value& value);

/// A pickle's values; `root` is what pickle.load would return.
struct Document {
  std::deque<Value> values;
  Ref root = nullptr;
};

/// Throws a weights error where the pickle is truncated or malformed, or asks for a class or
/// function that is not on the list, which it names.
std::unique_ptr<Document> parse(ByteSpan pickle);

}  // namespace multitalk::pickle
