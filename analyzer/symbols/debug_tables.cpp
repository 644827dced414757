#include "symbols/debug_tables.h"

#include "formats/coff.h"

namespace dumptriage::symbols {
namespace {

void add_debug_coff(ByteView bytes, NameTable& names) {
  auto header = bytes.get<formats::ImageCoffSymbolsHeader>(0);
  if (!header) return;
  const std::uint64_t size = std::uint64_t{header->NumberOfSymbols} * sizeof(formats::ImageSymbol);
  const std::uint64_t first = header->LvaToFirstSymbol;
  const std::uint64_t lines =
      std::uint64_t{header->NumberOfLinenumbers} * sizeof(formats::ImageLinenumber);
  add_coff({bytes.clamp(first, size), bytes.clamp(first + size, bytes.size()),
            bytes.clamp(header->LvaToFirstLinenumber, lines)},
           CoffValues::rvas, names);
}

} // namespace

void add_debug_tables(const DebugTables& from, ImageTables& tables) {
  tables.to_source.read(from.omap_to_source);
  tables.from_source.read(from.omap_from_source);
  if (tables.names.machine == arch::Machine::x86) tables.frames.add_fpo(from.fpo);
  add_codeview(from.codeview, tables.names);
  if (tables.names.empty()) add_debug_coff(from.coff, tables.names);
}

} // namespace dumptriage::symbols
