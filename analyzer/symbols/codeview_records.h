// CodeView symbol records and line tables of before PDB 7, into a NameTable: the part that
// PDB 2.00, NB09 and NB11 have in common.
#pragma once

#include <functional>

#include "base/bytes.h"
#include "symbols/name_table.h"

namespace dumptriage::symbols {

// The rva of an address in the records' own segments.
using RvaOf = std::function<std::optional<std::uint32_t>(std::uint16_t, std::uint32_t)>;

// A run of records: procedures, thunks, publics.
void add_symbols(ByteView records, const RvaOf& rva_of, NameTable& table);
// One record; false when it is none that can be added.
bool add_symbol(ByteView record, const RvaOf& rva_of, NameTable& table);
// A table of line numbers that begins with an OmfSourceModule.
void add_lines(ByteView module, const RvaOf& rva_of, NameTable& table);

} // namespace dumptriage::symbols
