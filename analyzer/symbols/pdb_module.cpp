#include "symbols/pdb_module.h"

#include <algorithm>
#include <tuple>

namespace dumptriage::symbols {
namespace {

using namespace formats;

bool is_procedure(std::uint16_t kind) {
  switch (kind) {
  case kCvLocalProc32:
  case kCvGlobalProc32:
  case kCvLocalProc32Id:
  case kCvGlobalProc32Id:
  case kCvLocalProc32Dpc:
  case kCvLocalProc32DpcId: return true;
  default: return false;
  }
}

std::optional<PdbProcedure> procedure_of(ByteView record) {
  auto prefix = record.get<CvRecordPrefix>(0);
  if (!prefix) return std::nullopt;
  if (is_procedure(prefix->RecordKind)) {
    auto proc = record.get<CvProc32>(0);
    if (!proc) return std::nullopt;
    return PdbProcedure{proc->Segment, proc->CodeOffset, proc->CodeSize,
                        record.c_string(sizeof(CvProc32))};
  }
  if (prefix->RecordKind == kCvThunk32) {
    auto thunk = record.get<CvThunk32>(0);
    if (!thunk) return std::nullopt;
    return PdbProcedure{thunk->Segment, thunk->Offset, thunk->Length,
                        record.c_string(sizeof(CvThunk32))};
  }
  if (prefix->RecordKind == kCvSeparatedCode) {
    auto part = record.get<CvSeparatedCode>(0);
    if (!part) return std::nullopt;
    return PdbProcedure{part->Section, part->Offset,        part->Length,      {}, 0,
                        true,          part->ParentSection, part->ParentOffset};
  }
  return std::nullopt;
}

// The last element of a list sorted by (section, offset) that begins at or before the place.
template <class List>
auto last_before(const List& list, std::uint16_t section, std::uint32_t offset) {
  return std::upper_bound(
      list.begin(), list.end(), std::tuple(section, offset),
      [](const auto& at, const auto& item) { return at < std::tuple(item.section, item.offset); });
}

template <class List> void sort_by_place(List& list) {
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
    return std::tie(a.section, a.offset) < std::tie(b.section, b.offset);
  });
}

} // namespace

PdbModule::PdbModule(std::vector<std::byte> bytes, std::uint32_t symbols, std::uint32_t c11,
                     std::uint32_t c13)
    : bytes_(std::move(bytes)) {
  ByteView all(bytes_);
  records_ = all.clamp(0, symbols);
  read_procedures(records_);
  read_subsections(all.clamp(std::uint64_t{symbols} + c11, c13));
}

void PdbModule::read_procedures(ByteView records) {
  // The first four bytes are the signature; records are not nested as bytes, only by their fields.
  for (std::uint64_t at = 4;;) {
    auto prefix = records.get<CvRecordPrefix>(at);
    if (!prefix || prefix->RecordLength < 2) break;
    std::uint64_t length = std::uint64_t{prefix->RecordLength} + 2;
    auto record = records.slice(at, length);
    if (!record) break;
    auto procedure = procedure_of(*record);
    if (procedure && (procedure->part || !procedure->name.empty())) {
      procedure->record = at;
      procedures_.push_back(*procedure);
    }
    at += length;
  }
  sort_by_place(procedures_);
}

void PdbModule::read_subsections(ByteView c13) {
  for (std::uint64_t at = 0;;) {
    auto header = c13.get<CvSubsectionHeader>(at);
    if (!header) break;
    at += sizeof(CvSubsectionHeader);
    ByteView body = c13.clamp(at, header->Length);
    if (header->Kind == kCvSubsectionFileChecksums && checksums_.empty()) checksums_ = body;
    if (header->Kind == kCvSubsectionInlineeLines) inlinee_lines_.read(body);
    if (header->Kind == kCvSubsectionLines) {
      if (auto lines = body.get<CvLinesHeader>(0))
        tables_.push_back({lines->RelocSegment, lines->RelocOffset, lines->CodeSize,
                           body.clamp(sizeof(CvLinesHeader), body.size())});
    }
    at += (std::uint64_t{header->Length} + 3) & ~std::uint64_t{3};
  }
  sort_by_place(tables_);
  inlinee_lines_.seal();
}

const PdbProcedure* PdbModule::procedure_at(std::uint16_t section, std::uint32_t offset) const {
  auto next = last_before(procedures_, section, offset);
  if (next == procedures_.begin()) return nullptr;
  // Of several at one place the first in the stream is taken, for a stable answer.
  const PdbProcedure* found = nullptr;
  std::uint32_t start = std::prev(next)->offset;
  while (next != procedures_.begin()) {
    --next;
    if (next->section != section || next->offset != start) break;
    if (offset - next->offset < next->size) found = &*next;
  }
  return found;
}

const PdbProcedure* PdbModule::whole_of(const PdbProcedure& part) const {
  const PdbProcedure* whole = procedure_at(part.parent_section, part.parent_offset);
  return whole != nullptr && !whole->part ? whole : nullptr;
}

std::optional<PdbModule::Line> PdbModule::line_of(const PdbInlineSite& site) const {
  auto start = inlinee_lines_.find(site.inlinee);
  if (!start || !site.line) return std::nullopt;
  const std::int64_t line = start->line + site.line->from_start;
  if (line <= 0 || line >= kCvFirstSpecialLine) return std::nullopt;
  auto name = checksums_.u32(site.line->file.value_or(start->file));
  return Line{static_cast<std::uint32_t>(line), name.value_or(0)};
}

std::vector<PdbModule::Inlined> PdbModule::inlined_at(const PdbProcedure& procedure,
                                                      std::uint32_t offset) const {
  std::vector<Inlined> calls;
  if (procedure.part) return calls; // annotations count from the start of the whole
  for (const PdbInlineSite& site : inline_sites_at(records_, procedure.record, offset))
    calls.push_back({site.inlinee, line_of(site)});
  return calls;
}

std::optional<std::uint32_t> PdbModule::procedure_start_before(std::uint16_t section,
                                                               std::uint32_t offset) const {
  auto next = last_before(procedures_, section, offset);
  if (next == procedures_.begin() || std::prev(next)->section != section) return std::nullopt;
  return std::prev(next)->offset;
}

std::optional<PdbModule::Line> PdbModule::line_at(std::uint16_t section,
                                                  std::uint32_t offset) const {
  auto next = last_before(tables_, section, offset);
  if (next == tables_.begin()) return std::nullopt;
  // Of several at one place the first in the stream, as with procedures: functions whose code is
  // the same were made one.
  const LineTable* covering = nullptr;
  const std::uint32_t start = std::prev(next)->offset;
  while (next != tables_.begin()) {
    --next;
    if (next->section != section || next->offset != start) break;
    if (offset - start < next->size) covering = &*next;
  }
  if (covering == nullptr) return std::nullopt;
  const LineTable& table = *covering;
  std::uint32_t wanted = offset - table.offset;
  bool found = false;
  std::uint32_t best_offset = 0, best_line = 0, best_name = 0;
  for (std::uint64_t at = 0;;) {
    auto block = table.blocks.get<CvLinesBlock>(at);
    if (!block || block->BlockSize < sizeof(CvLinesBlock)) break;
    std::uint64_t lines = at + sizeof(CvLinesBlock);
    std::uint64_t count =
        std::min<std::uint64_t>(block->NumLines, table.blocks.left(lines) / sizeof(CvLine));
    for (std::uint64_t i = 0; i < count; ++i) {
      CvLine line = *table.blocks.get<CvLine>(lines + i * sizeof(CvLine));
      if (line.Offset > wanted || (found && line.Offset < best_offset)) continue;
      found = true;
      best_offset = line.Offset;
      best_line = line.Flags & 0xFFFFFF;
      best_name = block->NameIndex;
    }
    at += block->BlockSize;
  }
  if (!found || best_line == 0 || best_line >= kCvFirstSpecialLine) return std::nullopt;
  auto name = checksums_.u32(best_name); // a checksum entry begins with the offset of the name
  return Line{best_line, name.value_or(0)};
}

} // namespace dumptriage::symbols
