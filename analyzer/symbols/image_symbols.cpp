// The symbols that an image carries itself: CodeView or COFF by its debug directory, FPO, and the
// COFF table that its file header names, which GNU's linker writes.
#include <algorithm>

#include "formats/coff.h"
#include "formats/pe.h"
#include "symbols/debug_tables.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

const image::DebugEntry* entry_of(const image::Image& image, std::uint32_t type) {
  for (const image::DebugEntry& entry : image.debug_entries())
    if (entry.type == type) return &entry;
  return nullptr;
}

std::vector<std::byte> bytes_of(const image::Image& image, std::uint32_t type) {
  const image::DebugEntry* entry = entry_of(image, type);
  return entry != nullptr ? image.debug_data(*entry) : std::vector<std::byte>();
}

std::vector<std::byte> raw_bytes(const image::Image& image, std::uint64_t at, std::uint64_t size) {
  if (at == 0 || at > UINT32_MAX || size > UINT32_MAX) return {};
  image::DebugEntry place;
  place.raw_offset = static_cast<std::uint32_t>(at);
  place.size = static_cast<std::uint32_t>(size);
  return image.debug_data(place);
}

bool has_codeview(const image::Image& image) {
  const image::DebugEntry* entry = entry_of(image, kDebugTypeCodeView);
  return entry != nullptr && is_embedded_codeview(ByteView(image.debug_data(*entry, 4)));
}

bool has_coff_table(const image::Image& image) {
  return image.symbol_count != 0 && !raw_bytes(image, image.symbol_table, 1).empty();
}

void add_coff_table(const image::Image& image, NameTable& names) {
  const std::uint64_t size = std::uint64_t{image.symbol_count} * sizeof(ImageSymbol);
  const ByteView symbols = names.keep(raw_bytes(image, image.symbol_table, size));
  const std::uint64_t strings = image.symbol_table + size;
  const std::vector<std::byte> length = raw_bytes(image, strings, 4);
  const std::uint32_t size_of_strings = ByteView(length).u32(0).value_or(0);
  add_coff({symbols, names.keep(raw_bytes(image, strings, size_of_strings)), {}},
           CoffValues::section_offsets, names);
}

void fill(const image::Image& image, ImageTables& tables) {
  tables.names.machine = image.machine;
  for (const image::Section& section : image.sections)
    tables.names.sections.push_back(
        {section.rva, std::max(section.virtual_size, section.raw_size)});
  const auto view = [&](std::uint32_t type) { return tables.names.keep(bytes_of(image, type)); };
  DebugTables from;
  if (has_codeview(image)) from.codeview = view(kDebugTypeCodeView);
  from.coff = view(kDebugTypeCoff);
  from.fpo = view(kDebugTypeFpo);
  from.omap_to_source = view(kDebugTypeOmapToSource);
  from.omap_from_source = view(kDebugTypeOmapFromSource);
  add_debug_tables(from, tables);
  if (tables.names.empty()) add_coff_table(image, tables.names);
}

} // namespace

std::shared_ptr<SymbolSource> image_symbols(const image::Image& image) {
  const bool frames =
      image.machine == arch::Machine::x86 && entry_of(image, kDebugTypeFpo) != nullptr;
  if (!has_codeview(image) && !has_coff_table(image) && !frames &&
      entry_of(image, kDebugTypeCoff) == nullptr)
    return nullptr;
  return make_table_source([&image](ImageTables& tables) { fill(image, tables); });
}

} // namespace dumptriage::symbols
