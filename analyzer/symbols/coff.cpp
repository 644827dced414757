// COFF symbol tables.  They have no sizes: a name reaches to the next, within the piece of its
// object file where the table says how far that goes.
//
// "PE Format" has a symbol's value count from its section, and so GNU's linker writes it; in images
// of Microsoft's the value is an rva (measured: drivers for NT 4 on Alpha, MIPS and x86).  The
// values tell: those of the other kind do not lie in their sections.  Microsoft's lines are rvas
// and numbers of the file's lines; with ".bf" symbols numbers count from the function's first line,
// as the specification has it, and are left alone.
#include <algorithm>

#include "formats/coff.h"
#include "symbols/debug_tables.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

class CoffTable {
public:
  CoffTable(const CoffBytes& bytes, NameTable& names)
      : symbols_(bytes.symbols), strings_(bytes.strings.clamp(0, bytes.strings.u32(0).value_or(0))),
        lines_(bytes.lines), names_(names) {}

  void add(CoffValues values) {
    values_ = settle(values);
    each([this](const ImageSymbol& symbol, std::uint64_t at) { add(symbol, at); });
    if (!counted_from_function_) add_lines();
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
  void add_static(const ImageSymbol& symbol, std::uint64_t at, std::uint32_t rva);
  void add_lines();

  ByteView symbols_, strings_, lines_;
  NameTable& names_;
  struct Piece { // of an object file
    std::uint32_t rva = 0, size = 0, file = 0;
  };
  std::vector<Piece> pieces_;
  std::optional<std::uint32_t> file_; // of the symbols that follow
  bool counted_from_function_ = false;
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

// A static symbol that is no function: an object file's section, which has its length behind it, or
// data or a label, which is what stands there when nothing better does.
void CoffTable::add_static(const ImageSymbol& symbol, std::uint64_t at, std::uint32_t rva) {
  const std::string_view name = name_of(symbol, at);
  auto section = symbols_.get<ImageAuxSection>(at + sizeof(ImageSymbol));
  if (symbol.NumberOfAuxSymbols == 1 && section) {
    names_.add_piece(rva, section->Length);
    if (file_ && section->Length != 0) pieces_.push_back({rva, section->Length, *file_});
  } else if (!name.starts_with('.')) {
    names_.add_public(rva, name, 4);
  }
}

// Labels that the default script of GNU's linker puts between pieces (___crt_xc_end__,
// __CTOR_LIST__): the function that happens to begin there has another name, or none.
bool is_script_label(std::string_view name) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"_start__", "_end__", "_LIST__", "_LIST_END__"},
      [name](std::string_view end) { return name.ends_with(end); });
}

void CoffTable::add(const ImageSymbol& symbol, std::uint64_t at) {
  const std::uint64_t behind = at + sizeof(ImageSymbol);
  if (symbol.StorageClass == kSymbolFile)
    file_ = names_.add_file(
        symbols_.c_string(behind, symbol.NumberOfAuxSymbols * std::uint64_t{sizeof(ImageSymbol)}));
  if (symbol.StorageClass == kSymbolFunctionBegin) counted_from_function_ = true;
  auto rva = rva_of(symbol);
  if (!rva) return;
  const bool function = symbol.Type == kSymbolFunction;
  const bool external = symbol.StorageClass == kSymbolExternal;
  if (!external && symbol.StorageClass != kSymbolStatic) return;
  if (!external && !function) return add_static(symbol, at, *rva);
  const std::string_view name = name_of(symbol, at);
  if (!function && is_script_label(name)) return;
  // A cell of an import table, which linkers put before code, is never the function it stands by.
  if (name.starts_with("__imp_") || name.starts_with('\x7F'))
    names_.add_procedure(*rva, static_cast<std::uint32_t>(arch::pointer_size_of(names_.machine)),
                         name);
  auto size = symbols_.get<ImageAuxFunction>(behind);
  if (function && symbol.NumberOfAuxSymbols != 0 && size && size->TotalSize != 0)
    names_.add_procedure(*rva, size->TotalSize, name);
  names_.add_public(*rva, name, (external ? 0 : 1) + (function ? 0 : 2));
}

// Lines do not name their file: it is that of the piece in which their code lies.
void CoffTable::add_lines() {
  std::stable_sort(pieces_.begin(), pieces_.end(),
                   [](const Piece& a, const Piece& b) { return a.rva < b.rva; });
  for (std::uint64_t at = 0; auto line = lines_.get<ImageLinenumber>(at);
       at += sizeof(ImageLinenumber)) {
    const std::uint32_t rva = line->VirtualAddress;
    auto next = std::upper_bound(pieces_.begin(), pieces_.end(), rva,
                                 [](std::uint32_t place, const Piece& p) { return place < p.rva; });
    if (line->Linenumber == 0 || next == pieces_.begin()) continue;
    const Piece& piece = *std::prev(next);
    if (rva - piece.rva < piece.size)
      names_.add_line(rva, piece.rva + (piece.size - 1), line->Linenumber, piece.file);
  }
}

} // namespace

void add_coff(const CoffBytes& bytes, CoffValues values, NameTable& names) {
  names.procedure_source = names.public_source = NameSource::coff;
  CoffTable(bytes, names).add(values);
}

} // namespace dumptriage::symbols
