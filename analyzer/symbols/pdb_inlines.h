// Inlined calls of a PDB 7: the inline sites among a procedure's records, whose binary annotations
// say which code is theirs and from which line it came, counted from the line where the inlined
// function begins.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace dumptriage::symbols {

struct PdbInlineSite {
  std::uint32_t inlinee = 0; // id of the function
  struct Line {
    std::int64_t from_start = 0;       // counted from the function's first line
    std::optional<std::uint32_t> file; // offset in the file checksums; else that of the function
  };
  std::optional<Line> line; // nothing where the site itself has no code at the place
};

// The line of a site at `offset`, which counts from the start of the procedure; nothing when its
// code does not cover the offset.
std::optional<PdbInlineSite::Line> line_of_annotations(ByteView annotations, std::uint32_t offset);

// The sites around `offset` of the procedure whose record begins at `procedure` in `records`,
// innermost first.
std::vector<PdbInlineSite> inline_sites_at(ByteView records, std::uint64_t procedure,
                                           std::uint32_t offset);

// Where inlined functions begin, by id.
class PdbInlineeLines {
public:
  void read(ByteView subsection);
  void seal(); // call once after the last read
  struct Line {
    std::uint32_t inlinee = 0, file = 0, line = 0; // file: offset in the file checksums
  };
  std::optional<Line> find(std::uint32_t inlinee) const;

private:
  std::vector<Line> lines_; // sorted by inlinee
};

} // namespace dumptriage::symbols
