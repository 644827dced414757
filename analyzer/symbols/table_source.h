// The SymbolSource of formats that are read into a NameTable: everything is read at the first
// question, not before.
#pragma once

#include <functional>
#include <memory>

#include "symbols/frame_table.h"
#include "symbols/name_table.h"
#include "symbols/omap.h"
#include "symbols/symbol_source.h"

namespace dumptriage::symbols {

struct ImageTables {
  NameTable names;
  FrameTable frames;
  // The tables speak of the image before it was rearranged.
  Omap to_source, from_source;
};

using FillTables = std::function<void(ImageTables&)>;

// `fill` keeps what it reads from alive; the tables are sealed behind it.
std::shared_ptr<SymbolSource> make_table_source(FillTables fill);

} // namespace dumptriage::symbols
