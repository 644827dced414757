// The symbols among the entries of a debug directory, be it an image's or that of a .DBG file.
#pragma once

#include "base/bytes.h"
#include "symbols/table_source.h"

namespace dumptriage::symbols {

struct DebugTables {
  ByteView codeview; // NB09 or NB11
  ByteView coff;     // with its IMAGE_COFF_SYMBOLS_HEADER
  ByteView fpo;
  ByteView omap_to_source, omap_from_source;
};

// CodeView says more than COFF, which is read when there is no CodeView.  `tables` knows machine
// and sections already and holds views of the bytes.
void add_debug_tables(const DebugTables& from, ImageTables& tables);

bool is_embedded_codeview(ByteView bytes);
void add_codeview(ByteView bytes, NameTable& names);

// Where the value of a symbol counts from, when the values themselves do not tell.
enum class CoffValues { section_offsets, rvas };
// `symbols`: records of 18 bytes; `strings` begins with its size; `lines`: records of 6 bytes.
struct CoffBytes {
  ByteView symbols, strings, lines;
};
void add_coff(const CoffBytes& bytes, CoffValues values, NameTable& names);

} // namespace dumptriage::symbols
