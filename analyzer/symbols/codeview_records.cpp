#include "symbols/codeview_records.h"

#include <algorithm>
#include <array>

#include "formats/codeview_symbols.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

enum class Role : std::uint8_t { procedure, thunk, public_name };

// Where a kind of record has what; a public has no size.
struct Shape {
  std::uint16_t kind;
  Role role;
  std::uint8_t offset, segment, size, name;
  bool counted; // the name's length stands in front of it
};

template <class Record>
constexpr Shape kProcedure{0,
                           Role::procedure,
                           offsetof(Record, off),
                           offsetof(Record, seg),
                           offsetof(Record, len),
                           sizeof(Record),
                           true};
template <>
constexpr Shape kProcedure<CvProc32>{0,
                                     Role::procedure,
                                     offsetof(CvProc32, CodeOffset),
                                     offsetof(CvProc32, Segment),
                                     offsetof(CvProc32, CodeSize),
                                     sizeof(CvProc32),
                                     true};
constexpr Shape kThunk{0, Role::thunk, 0x10, 0x14, 0x16, sizeof(CvThunk32), true};
constexpr Shape kPublic{0, Role::public_name, 8, 12, 0, sizeof(CvPublic32), true};
constexpr Shape kPublicType16{0, Role::public_name, 4, 8, 0, sizeof(CvPublic32Type16), true};
static_assert(offsetof(CvThunk32, Offset) == 0x10 && offsetof(CvThunk32, Length) == 0x16);
static_assert(offsetof(CvPublic32, Offset) == 8 && offsetof(CvPublic32, Segment) == 12);
static_assert(offsetof(CvPublic32Type16, off) == 4 && offsetof(CvPublic32Type16, seg) == 8);

constexpr Shape as(std::uint16_t kind, Shape shape, bool counted = true) {
  shape.kind = kind;
  shape.counted = counted;
  return shape;
}

constexpr Shape kShapes[] = {
    as(kCvPublic32Type16, kPublicType16),
    as(kCvPublic32St, kPublic),
    as(kCvPublic32, kPublic, false),
    as(kCvThunk32St, kThunk),
    as(kCvThunk32, kThunk, false),
    as(kCvLocalProc32Type16, kProcedure<CvProc32Type16>),
    as(kCvGlobalProc32Type16, kProcedure<CvProc32Type16>),
    as(kCvLocalProc32St, kProcedure<CvProc32>),
    as(kCvGlobalProc32St, kProcedure<CvProc32>),
    as(kCvLocalProc32, kProcedure<CvProc32>, false),
    as(kCvGlobalProc32, kProcedure<CvProc32>, false),
    as(kCvLocalProcMipsType16, kProcedure<CvProcMipsType16>),
    as(kCvGlobalProcMipsType16, kProcedure<CvProcMipsType16>),
    as(kCvLocalProcMipsSt, kProcedure<CvProcMips>),
    as(kCvGlobalProcMipsSt, kProcedure<CvProcMips>),
    as(kCvLocalProcMips, kProcedure<CvProcMips>, false),
    as(kCvGlobalProcMips, kProcedure<CvProcMips>, false),
    as(kCvLocalProcIa64St, kProcedure<CvProcIa64>),
    as(kCvGlobalProcIa64St, kProcedure<CvProcIa64>),
    as(kCvLocalProcIa64, kProcedure<CvProcIa64>, false),
    as(kCvGlobalProcIa64, kProcedure<CvProcIa64>, false),
};

const Shape* shape_of(std::uint16_t kind) {
  const auto* found = std::find_if(std::begin(kShapes), std::end(kShapes),
                                   [kind](const Shape& shape) { return shape.kind == kind; });
  return found == std::end(kShapes) ? nullptr : found;
}

// A text with its length in front; empty when it does not fit.
std::string_view counted_text(ByteView bytes, std::uint64_t at) {
  const std::uint64_t length = bytes.u8(at).value_or(0);
  auto text = bytes.slice(at + 1, length);
  return text ? text->chars() : std::string_view();
}

bool is_reference(std::uint16_t kind) {
  return kind == kCvProcRefSt || kind == kCvDataRefSt || kind == kCvLocalProcRefSt;
}

// Whether a record stands at `at`, and no name: a name's letters are no kind of record that follows
// a reference.
bool is_record(ByteView records, std::uint64_t at) {
  auto prefix = records.get<CvRecordPrefix>(at);
  if (!prefix || prefix->RecordLength < 2 || !records.holds(at, prefix->RecordLength + 2ull))
    return false;
  const std::uint16_t kind = prefix->RecordKind;
  return (kind >= 0x0001 && kind <= 0x000E) || (kind >= 0x0201 && kind <= 0x020F) ||
         (kind >= kCvProcRefSt && kind <= 0x0404) || (kind >= 0x1001 && kind <= 0x1029);
}

// What lies behind the reference that ends at `at`: its name, padded to 4, which its length does
// not count.
std::uint64_t behind_hidden_name(ByteView records, std::uint64_t at) {
  auto length = records.u8(at);
  if (!length || is_record(records, at)) return at;
  return at + ((*length + 1ull + 3) & ~std::uint64_t{3});
}

} // namespace

bool add_symbol(ByteView record, const RvaOf& rva_of, NameTable& table) {
  auto prefix = record.get<CvRecordPrefix>(0);
  if (!prefix) return false;
  if (prefix->RecordKind == kCvCompile && table.machine == arch::Machine::unknown)
    if (auto compile = record.get<CvCompile>(0); compile && compile->machine <= kCvLastX86)
      table.machine = arch::Machine::x86;
  const Shape* shape = shape_of(prefix->RecordKind);
  auto segment = shape != nullptr ? record.u16(shape->segment) : std::nullopt;
  auto offset = shape != nullptr ? record.u32(shape->offset) : std::nullopt;
  auto rva = segment && offset ? rva_of(*segment, *offset) : std::nullopt;
  if (!rva) return false;
  const std::string_view name =
      shape->counted ? counted_text(record, shape->name) : record.c_string(shape->name);
  switch (shape->role) {
  case Role::procedure: table.add_procedure(*rva, record.u32(shape->size).value_or(0), name); break;
  case Role::thunk: table.add_procedure(*rva, record.u16(shape->size).value_or(0), name); break;
  case Role::public_name: table.add_public(*rva, name); break;
  }
  return !name.empty();
}

void add_symbols(ByteView records, const RvaOf& rva_of, NameTable& table) {
  for (std::uint64_t at = 0;;) {
    auto prefix = records.get<CvRecordPrefix>(at);
    if (!prefix || prefix->RecordLength < 2) break;
    auto record = records.slice(at, prefix->RecordLength + 2ull);
    if (!record) break;
    add_symbol(*record, rva_of, table);
    at += record->size();
    if (is_reference(prefix->RecordKind)) at = behind_hidden_name(records, at);
  }
}

namespace {

struct LineReader {
  ByteView module;
  const RvaOf& rva_of;
  NameTable& table;
  // Tables that share bytes could say more than the bytes there are.
  std::uint64_t budget;

  bool spend(std::uint64_t bytes) {
    if (bytes > budget) return false;
    budget -= bytes;
    return true;
  }
  // The lines of one file in one segment; `end`: the offset of its last byte.
  void segment(std::uint64_t at, std::uint32_t end, std::uint32_t file) {
    auto header = module.get<OmfSourceLine>(at);
    if (!header) return;
    const std::uint64_t count = header->cLnOff, offsets = at + sizeof(OmfSourceLine);
    const std::uint64_t lines = offsets + 4 * count;
    if (!module.holds(offsets, 6 * count) || !spend(6 * count)) return;
    auto last = rva_of(header->Seg, end);
    for (std::uint64_t i = 0; last && i < count; ++i)
      if (auto rva = rva_of(header->Seg, *module.u32(offsets + 4 * i)))
        table.add_line(*rva, *last, *module.u16(lines + 2 * i), file);
  }
  void file(std::uint64_t at) {
    auto header = module.get<OmfSourceFile>(at);
    if (!header) return;
    const std::uint64_t count = header->cSeg, bases = at + sizeof(OmfSourceFile);
    const std::uint64_t ranges = bases + 4 * count;
    if (!module.holds(bases, 12 * count) || !spend(sizeof(OmfSourceFile) + 12 * count)) return;
    const std::uint32_t number = table.add_file(counted_text(module, ranges + 8 * count));
    for (std::uint64_t i = 0; i < count; ++i)
      segment(*module.u32(bases + 4 * i), *module.u32(ranges + 8 * i + 4), number);
  }
};

} // namespace

void add_lines(ByteView module, const RvaOf& rva_of, NameTable& table) {
  auto header = module.get<OmfSourceModule>(0);
  if (!header) return;
  LineReader reader{module, rva_of, table, module.size()};
  for (std::uint64_t i = 0; i < header->cFile; ++i)
    if (auto at = module.u32(sizeof(OmfSourceModule) + 4 * i)) reader.file(*at);
}

} // namespace dumptriage::symbols
