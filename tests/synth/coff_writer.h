// Writes COFF symbol tables, by the "PE Format" specification.
#pragma once

#include <string>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

struct CoffWriter {
  // Long names go to the string table.
  void add(const std::string& name, std::uint32_t value, int section, std::uint16_t type,
           std::uint8_t storage, const std::vector<Bytes>& auxiliary = {});
  void function(const std::string& name, std::uint32_t value, int section, bool is_static = false) {
    add(name, value, section, 0x20, is_static ? 3 : 2);
  }
  // An object file's section: a static symbol with its length behind it.
  void piece(const std::string& name, std::uint32_t value, int section, std::uint32_t length);

  void line(std::uint32_t rva, std::uint16_t number);

  std::size_t count() const { return symbols.size() / 18; }
  Bytes table() const;      // symbols, then strings
  Bytes debug_data() const; // the same and the lines behind an IMAGE_COFF_SYMBOLS_HEADER

  Bytes symbols, strings = {0, 0, 0, 0}, lines;
};

} // namespace dumptriage::synth
