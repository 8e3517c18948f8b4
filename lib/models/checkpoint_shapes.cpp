#include "models/checkpoint_shapes.h"

#include "base/error.h"
#include "base/text.h"

namespace multitalk {

std::vector<int64_t> shape_of(const TensorSource& source, const std::string& name,
                              std::size_t dimensions) {
  const std::vector<int64_t> shape = source.info(name).shape;
  if (shape.size() != dimensions) {
    throw weights_error("{}: {} has the shape {}, expected {} dimensions", source.origin(name),
                        name, format_shape({shape.begin(), shape.end()}), dimensions);
  }
  return shape;
}

int64_t count_blocks(const TensorSource& source, const std::string& prefix,
                     const std::string& suffix) {
  int64_t count = 0;
  while (source.contains(prefix + std::to_string(count) + suffix)) ++count;
  return count;
}

}  // namespace multitalk
