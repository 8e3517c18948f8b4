// Builds small files byte by byte for the tests of the checkpoint room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/temporary_folder.h"

namespace multitalk::test {

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// `value` in `width` little-endian bytes.
inline std::string le(std::uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) {
    bytes += static_cast<char>(value & 0xFF);
    value >>= 8;
  }
  return bytes;
}

/// The parts one after another.
inline std::string join(std::initializer_list<std::string_view> parts) {
  std::string bytes;
  for (const std::string_view part : parts) bytes += part;
  return bytes;
}

/// A stored zip of the entries; `zip64` writes sizes and offsets into the zip64 records only.
inline std::string make_zip(const std::vector<std::pair<std::string, std::string>>& entries,
                            bool zip64 = false) {
  const auto narrow = [&](std::uint64_t value) { return le(zip64 ? 0xFFFFFFFF : value, 4); };
  std::string file;
  std::string directory;
  for (const auto& [name, data] : entries) {
    const std::string size = le(data.size(), 8);
    const std::string offset = le(file.size(), 8);
    const std::string extra = zip64 ? join({le(1, 2), le(24, 2), size, size, offset}) : "";
    directory +=
        join({"PK\1\2", le(0, 16), narrow(data.size()), narrow(data.size()), le(name.size(), 2),
              le(extra.size(), 2), le(0, 10), narrow(file.size()), name, extra});
    file += join({"PK\3\4", le(0, 14), size.substr(0, 4), size.substr(0, 4), le(name.size(), 2),
                  le(0, 2), name, data});
  }
  const std::uint64_t start = file.size();
  file += directory;
  const std::string count = le(entries.size(), 8);
  if (zip64) {
    const std::uint64_t record = file.size();
    file +=
        join({"PK\6\6", le(44, 8), le(0, 12), count, count, le(directory.size(), 8), le(start, 8)});
    file += join({"PK\6\7", le(0, 4), le(record, 8), le(1, 4)});
  }
  return join({file, "PK\5\6", le(0, 4), count.substr(0, 2), count.substr(0, 2),
               le(directory.size(), 4), narrow(start), le(0, 2)});
}

// Opcodes of a pickle as torch.save writes them.

inline std::string text(std::string_view value) { return join({"X", le(value.size(), 4), value}); }
inline std::string integer(std::int32_t value) {
  return join({"J", le(static_cast<std::uint32_t>(value), 4)});
}
inline std::string global(std::string_view module, std::string_view name) {
  return join({"c", module, "\n", name, "\n"});
}
inline std::string tuple(const std::vector<std::int32_t>& values) {
  std::string bytes = "(";
  for (const std::int32_t value : values) bytes += integer(value);
  return bytes + "t";
}

/// The call that rebuilds a tensor over storage "data/<key>" of `numel` elements.
inline std::string tensor(std::string_view storage_class, std::string_view key, int numel,
                          int offset, const std::vector<std::int32_t>& shape,
                          const std::vector<std::int32_t>& stride) {
  return join({global("torch._utils", "_rebuild_tensor_v2"), "((", text("storage"),
               global("torch", storage_class), text(key), text("cpu"), integer(numel), "tQ",
               integer(offset), tuple(shape), tuple(stride), "\x89",
               global("collections", "OrderedDict"), ")RtR"});
}

/// A pickle of protocol 2.
inline std::string pickle_of(std::string_view opcodes) { return join({"\x80\x02", opcodes, "."}); }

/// A pickle of a plain dict.
inline std::string dict_pickle(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string bytes = "}(";
  for (const auto& [key, value] : items) bytes += text(key) + value;
  return pickle_of(bytes + "u");
}

/// The zip around a pickle, with one storage "data/0" of the given bytes.
inline std::string torch_file(const std::string& pickle, const std::string& storage,
                              const std::string& byteorder = "little", bool zip64 = false) {
  return make_zip({{"archive/data.pkl", pickle},
                   {"archive/byteorder", byteorder},
                   {"archive/data/0", storage},
                   {"archive/version", "3\n"}},
                  zip64);
}

}  // namespace multitalk::test
