// One compiland of a PDB 7: its procedures and lines, read on first use.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "formats/pdb7.h"

namespace dumptriage::symbols {

struct PdbProcedure {
  std::uint16_t section = 0;
  std::uint32_t offset = 0, size = 0;
  std::string_view name; // a view of the module's bytes
};

class PdbModule {
public:
  // The module's stream; `symbols`, `c11` and `c13` are the byte sizes of its parts.
  PdbModule(std::vector<std::byte> bytes, std::uint32_t symbols, std::uint32_t c11,
            std::uint32_t c13);

  const PdbProcedure* procedure_at(std::uint16_t section, std::uint32_t offset) const;
  // Where the last procedure at or before the place begins.
  std::optional<std::uint32_t> procedure_start_before(std::uint16_t section,
                                                      std::uint32_t offset) const;
  struct Line {
    std::uint32_t line = 0;
    std::uint32_t name_offset = 0; // in the string table of the PDB
  };
  std::optional<Line> line_at(std::uint16_t section, std::uint32_t offset) const;
  std::size_t byte_count() const { return bytes_.size(); }

private:
  void read_procedures(ByteView records);
  void read_subsections(ByteView c13);
  struct LineTable {
    std::uint16_t section = 0;
    std::uint32_t offset = 0, size = 0;
    ByteView blocks;
  };
  std::vector<std::byte> bytes_;
  std::vector<PdbProcedure> procedures_; // sorted by section, offset
  std::vector<LineTable> tables_;        // sorted by section, offset
  ByteView checksums_;
};

} // namespace dumptriage::symbols
