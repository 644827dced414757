// COFF symbol tables.  They have no sizes: a name reaches to the next, within the piece of its
// object file where the table says how far that goes.
//
// "PE Format" has a symbol's value count from its section, and so GNU's linker writes it; in images
// of Microsoft's the value is an rva (measured: drivers for NT 4 on Alpha, MIPS and x86).  The
// values tell: those of the other kind do not lie in their sections.
#include "formats/coff.h"
#include "symbols/debug_tables.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

class CoffTable {
public:
  CoffTable(ByteView symbols, ByteView strings, NameTable& names)
      : symbols_(symbols), strings_(strings), names_(names) {}

  void add(CoffValues values) {
    values_ = settle(values);
    each([this](const ImageSymbol& symbol, std::uint64_t at) { add(symbol, at); });
  }

private:
  template <class Visit> void each(Visit visit) const {
    for (std::uint64_t at = 0;;) {
      auto symbol = symbols_.get<ImageSymbol>(at);
      if (!symbol) break;
      visit(*symbol, at);
      at += sizeof(ImageSymbol) * (1ull + symbol->NumberOfAuxSymbols);
    }
  }
  const NameTable::Section* section_of(const ImageSymbol& symbol) const {
    const std::uint16_t number = symbol.SectionNumber;
    return number == 0 || number > names_.sections.size() ? nullptr : &names_.sections[number - 1];
  }
  CoffValues settle(CoffValues values) const;
  std::optional<std::uint32_t> rva_of(const ImageSymbol& symbol) const;
  std::string_view name_of(const ImageSymbol& symbol, std::uint64_t at) const;
  void add(const ImageSymbol& symbol, std::uint64_t at);

  ByteView symbols_, strings_;
  NameTable& names_;
  CoffValues values_ = CoffValues::section_offsets;
};

CoffValues CoffTable::settle(CoffValues values) const {
  std::uint64_t bad_offsets = 0, bad_rvas = 0;
  each([&](const ImageSymbol& symbol, std::uint64_t) {
    const NameTable::Section* section = section_of(symbol);
    if (section == nullptr) return;
    if (symbol.Value > section->size) ++bad_offsets;
    if (symbol.Value < section->rva || symbol.Value - section->rva > section->size) ++bad_rvas;
  });
  if (bad_offsets == bad_rvas) return values;
  return bad_offsets < bad_rvas ? CoffValues::section_offsets : CoffValues::rvas;
}

std::optional<std::uint32_t> CoffTable::rva_of(const ImageSymbol& symbol) const {
  const NameTable::Section* section = section_of(symbol);
  if (section == nullptr) return std::nullopt;
  std::uint32_t offset = symbol.Value;
  if (values_ == CoffValues::rvas) {
    if (offset < section->rva) return std::nullopt;
    offset -= section->rva;
  }
  return names_.rva_of(symbol.SectionNumber, offset);
}

std::string_view CoffTable::name_of(const ImageSymbol& symbol, std::uint64_t at) const {
  if (symbol.Short != 0) return symbols_.c_string(at, 8);
  if (symbol.Long < 4) return {}; // the size of the string table
  return strings_.c_string(symbol.Long);
}

void CoffTable::add(const ImageSymbol& symbol, std::uint64_t at) {
  auto rva = rva_of(symbol);
  if (!rva) return;
  const bool function = symbol.Type == kSymbolFunction;
  const bool external = symbol.StorageClass == kSymbolExternal;
  const bool is_static = symbol.StorageClass == kSymbolStatic;
  const std::uint64_t behind = at + sizeof(ImageSymbol);
  if (is_static && !function) { // an object file's section, a label, data
    auto piece = symbols_.get<ImageAuxSection>(behind);
    if (symbol.NumberOfAuxSymbols == 1 && piece) names_.add_piece(*rva, piece->Length);
    return;
  }
  if (!external && !is_static) return;
  const std::string_view name = name_of(symbol, at);
  // A cell of an import table, which linkers put before code, is never the function it stands by.
  if (name.starts_with("__imp_") || name.starts_with('\x7F'))
    names_.add_procedure(*rva, static_cast<std::uint32_t>(arch::pointer_size_of(names_.machine)),
                         name);
  auto size = symbols_.get<ImageAuxFunction>(behind);
  if (function && symbol.NumberOfAuxSymbols != 0 && size && size->TotalSize != 0)
    names_.add_procedure(*rva, size->TotalSize, name);
  names_.add_public(*rva, name, (external ? 0 : 1) + (function ? 0 : 2));
}

} // namespace

void add_coff(ByteView symbols, ByteView strings, CoffValues values, NameTable& names) {
  names.procedure_source = names.public_source = NameSource::coff;
  CoffTable(symbols, strings.clamp(0, strings.u32(0).value_or(0)), names).add(values);
}

} // namespace dumptriage::symbols
