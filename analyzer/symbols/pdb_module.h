// One compiland of a PDB 7: its procedures, inlined calls and lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "formats/pdb7.h"
#include "symbols/pdb_inlines.h"

namespace dumptriage::symbols {

struct PdbProcedure {
  std::uint16_t section = 0;
  std::uint32_t offset = 0, size = 0;
  std::string_view name;    // a view of the module's bytes
  std::uint64_t record = 0; // where its record begins
  // A part of a procedure that was put elsewhere has no name, but the place of that one.
  bool part = false;
  std::uint16_t parent_section = 0;
  std::uint32_t parent_offset = 0;
};

class PdbModule {
public:
  // The module's stream; `symbols`, `c11` and `c13` are the byte sizes of its parts.
  PdbModule(std::vector<std::byte> bytes, std::uint32_t symbols, std::uint32_t c11,
            std::uint32_t c13);

  const PdbProcedure* procedure_at(std::uint16_t section, std::uint32_t offset) const;
  // The procedure that `part` was taken from.
  const PdbProcedure* whole_of(const PdbProcedure& part) const;
  // Where the last procedure at or before the place begins.
  std::optional<std::uint32_t> procedure_start_before(std::uint16_t section,
                                                      std::uint32_t offset) const;
  struct Line {
    std::uint32_t line = 0;
    std::uint32_t name_offset = 0; // in the string table of the PDB
  };
  std::optional<Line> line_at(std::uint16_t section, std::uint32_t offset) const;
  struct Inlined {
    std::uint32_t inlinee = 0; // id of the function
    std::optional<Line> line;
  };
  // The inlined calls around `offset` bytes from the start of `procedure`, innermost first.
  std::vector<Inlined> inlined_at(const PdbProcedure& procedure, std::uint32_t offset) const;
  std::size_t byte_count() const { return bytes_.size(); }

private:
  void read_procedures(ByteView records);
  void read_subsections(ByteView c13);
  struct LineTable {
    std::uint16_t section = 0;
    std::uint32_t offset = 0, size = 0;
    ByteView blocks;
  };
  std::optional<Line> line_of(const PdbInlineSite& site) const;
  std::vector<std::byte> bytes_;
  ByteView records_;
  std::vector<PdbProcedure> procedures_; // sorted by section, offset
  std::vector<LineTable> tables_;        // sorted by section, offset
  ByteView checksums_;
  PdbInlineeLines inlinee_lines_;
};

} // namespace dumptriage::symbols
