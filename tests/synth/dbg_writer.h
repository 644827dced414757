// Writes .DBG files, by IMAGE_SEPARATE_DEBUG_HEADER of the public winnt.h.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

struct DbgWriter {
  std::uint16_t machine = 0x14C;
  std::uint32_t timestamp = 0x36B5C0DE, checksum = 0x12345, image_base = 0x80100000;
  std::uint32_t size_of_image = 0x20000;
  struct Section {
    std::string name;
    std::uint32_t rva, size;
  };
  std::vector<Section> sections = {{".text", 0x1000, 0x8000}, {".data", 0x9000, 0x2000}};
  std::vector<std::string> exported_names;
  struct Entry {
    std::uint32_t type;
    Bytes data;
  };
  std::vector<Entry> entries;

  Bytes bytes() const;
};

// FPO_DATA: a frame of `locals` and `parameters` in 4 bytes.
Bytes fpo_record(std::uint32_t start, std::uint32_t size, std::uint32_t locals,
                 std::uint16_t parameters, std::uint16_t bits);
Bytes omap(const std::vector<std::array<std::uint32_t, 2>>& rows);
Bytes nb10(std::uint32_t signature, std::uint32_t age, const std::string& path);

} // namespace dumptriage::synth
