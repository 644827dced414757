#include "symbols/name_table.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

// Behind the last element that begins at or before `rva`.
template <class List> auto behind(const List& list, std::uint32_t rva) {
  return std::upper_bound(list.begin(), list.end(), rva,
                          [](std::uint32_t at, const auto& item) { return at < item.rva; });
}

template <class List> const typename List::value_type* holder(const List& list, std::uint32_t rva) {
  auto next = behind(list, rva);
  if (next == list.begin() || rva - std::prev(next)->rva >= std::prev(next)->size) return nullptr;
  return &*std::prev(next);
}

} // namespace

std::optional<std::uint32_t> NameTable::rva_of(std::uint32_t section, std::uint32_t offset) const {
  if (section == 0 || section > sections.size()) return std::nullopt;
  const Section& found = sections[section - 1];
  if (offset >= found.size || offset > UINT32_MAX - found.rva) return std::nullopt;
  return found.rva + offset;
}

ByteView NameTable::keep(std::vector<std::byte> bytes) {
  return ByteView(kept_.emplace_back(std::move(bytes)));
}

void NameTable::add_procedure(std::uint32_t rva, std::uint32_t size, std::string_view name) {
  if (!name.empty() && size != 0) procedures_.push_back({rva, size, name});
}

void NameTable::add_public(std::uint32_t rva, std::string_view name, unsigned rank) {
  if (!name.empty()) publics_.push_back({rva, rank, name});
}

void NameTable::add_piece(std::uint32_t rva, std::uint32_t size) {
  if (size != 0) pieces_.push_back({rva, size});
}

std::uint32_t NameTable::add_file(std::string_view name) {
  files_.push_back(name);
  return static_cast<std::uint32_t>(files_.size() - 1);
}

void NameTable::add_line(std::uint32_t rva, std::uint32_t last, std::uint32_t line,
                         std::uint32_t file) {
  if (line != 0) lines_.push_back({rva, last, line, file});
}

void NameTable::seal() {
  const auto by_rva = [](const auto& a, const auto& b) { return a.rva < b.rva; };
  std::stable_sort(procedures_.begin(), procedures_.end(), by_rva);
  std::stable_sort(pieces_.begin(), pieces_.end(), by_rva);
  std::stable_sort(lines_.begin(), lines_.end(), by_rva);
  std::sort(publics_.begin(), publics_.end(), [](const Public& a, const Public& b) {
    return std::tie(a.rva, a.rank, a.name) < std::tie(b.rva, b.rank, b.name);
  });
}

// Of several that begin together the first in the file that is long enough.
const NameTable::Procedure* NameTable::procedure_at(std::uint32_t rva) const {
  auto next = behind(procedures_, rva);
  if (next == procedures_.begin()) return nullptr;
  const std::uint32_t start = std::prev(next)->rva;
  const Procedure* found = nullptr;
  while (next != procedures_.begin() && std::prev(next)->rva == start)
    if ((--next)->size > rva - start) found = &*next;
  return found;
}

// The best of those at the nearest address below, in the same section.
const NameTable::Public* NameTable::public_before(std::uint32_t rva) const {
  auto next = behind(publics_, rva);
  if (next == publics_.begin()) return nullptr;
  const std::uint32_t start = std::prev(next)->rva;
  const auto here = std::find_if(sections.begin(), sections.end(), [&](const Section& section) {
    return rva >= section.rva && rva - section.rva < section.size;
  });
  if (here == sections.end() || start < here->rva) return nullptr;
  auto first = std::lower_bound(publics_.begin(), next, start,
                                [](const Public& p, std::uint32_t at) { return p.rva < at; });
  return &*first;
}

// A public has no size.  What the linker placed in one piece belongs together; across the border of
// such a piece lies another object's code, and behind a procedure of known size lies nothing of it.
bool NameTable::is_far(std::uint32_t from, std::uint32_t to) const {
  if (to - from >= kFarthestPublic) return true;
  auto next = behind(procedures_, to);
  if (next != procedures_.begin() && std::prev(next)->rva >= from) return true;
  if (pieces_.empty()) return false;
  const Section* piece = holder(pieces_, to);
  return piece == nullptr || piece != holder(pieces_, from);
}

void NameTable::set_line(std::uint32_t rva, Symbol& symbol) const {
  auto next = behind(lines_, rva);
  if (next == lines_.begin()) return;
  const Line& line = *std::prev(next);
  if (rva > line.last || line.rva < symbol.rva) return;
  symbol.line = line.line;
  symbol.file = utf8_from_ansi(files_[line.file]);
}

std::optional<Symbol> NameTable::find(std::uint32_t rva) const {
  Symbol symbol;
  if (const Procedure* procedure = procedure_at(rva)) {
    symbol.decorated = utf8_from_ansi(procedure->name);
    symbol.rva = procedure->rva;
    symbol.size = procedure->size;
    symbol.source = procedure_source;
    const Public* same = public_before(procedure->rva);
    if (same != nullptr && same->rva != procedure->rva) same = nullptr;
    // A compiler writes a procedure's plain name, an assembler the decorated one; COFF has no
    // other.
    const bool decorated =
        procedure_source == NameSource::coff || (same != nullptr && same->name == procedure->name);
    symbol.function = undecorate(symbol.decorated, decorated ? machine : arch::Machine::unknown);
    if (same != nullptr) symbol.decorated = utf8_from_ansi(same->name);
  } else if (const Public* found = public_before(rva)) {
    symbol.decorated = utf8_from_ansi(found->name);
    symbol.function = undecorate(symbol.decorated, machine);
    symbol.rva = found->rva;
    symbol.source = public_source;
    symbol.far = is_far(found->rva, rva);
  } else {
    return std::nullopt;
  }
  symbol.offset = rva - symbol.rva;
  if (!symbol.far) set_line(rva, symbol);
  return symbol;
}

} // namespace dumptriage::symbols
