// The names and lines of one image, by rva, out of formats that say all they know in one piece:
// PDB 2.00, NB09/NB11, COFF.  A reader fills the table, then it is sealed and asked.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "arch/arch.h"
#include "base/bytes.h"
#include "symbols/symbol_source.h"

namespace dumptriage::symbols {

class NameTable {
public:
  arch::Machine machine = arch::Machine::unknown;
  NameSource procedure_source = NameSource::codeview;
  NameSource public_source = NameSource::codeview_public;

  struct Section {
    std::uint32_t rva = 0, size = 0;
  };
  std::vector<Section> sections; // by number, which begins at 1
  // Nothing for numbers and offsets that no section has.
  std::optional<std::uint32_t> rva_of(std::uint32_t section, std::uint32_t offset) const;

  // Bytes that names and files are views of.
  ByteView keep(std::vector<std::byte> bytes);
  void add_procedure(std::uint32_t rva, std::uint32_t size, std::string_view name);
  // Of several at one rva the one of lowest rank is the name.
  void add_public(std::uint32_t rva, std::string_view name, unsigned rank = 0);
  // What the linker placed in one piece: code of one object file.
  void add_piece(std::uint32_t rva, std::uint32_t size);
  std::uint32_t add_file(std::string_view name);
  // A line's code begins at `rva`; that of its file goes on up to `last`.
  void add_line(std::uint32_t rva, std::uint32_t last, std::uint32_t line, std::uint32_t file);

  void seal(); // once, after the last add
  bool empty() const { return procedures_.empty() && publics_.empty(); }
  std::optional<Symbol> find(std::uint32_t rva) const;

private:
  struct Procedure {
    std::uint32_t rva = 0, size = 0;
    std::string_view name;
  };
  struct Public {
    std::uint32_t rva = 0, rank = 0;
    std::string_view name;
  };
  struct Line {
    std::uint32_t rva = 0, last = 0, line = 0, file = 0;
  };
  const Procedure* procedure_at(std::uint32_t rva) const;
  const Public* public_before(std::uint32_t rva) const;
  bool is_far(std::uint32_t from, std::uint32_t to) const;
  void set_line(std::uint32_t rva, Symbol& symbol) const;

  std::deque<std::vector<std::byte>> kept_;
  std::vector<Procedure> procedures_;
  std::vector<Public> publics_;
  std::vector<Section> pieces_;
  std::vector<std::string_view> files_;
  std::vector<Line> lines_;
};

} // namespace dumptriage::symbols
