// PDB 2.00, as VC 2 to VC 6 wrote it: procedures and lines of the compilands, publics, FPO.  Which
// publics count is said by the address map of their stream: the records of an incremental link
// outlive what they name.
#include <algorithm>

#include <fmt/format.h>

#include "formats/pdb20.h"
#include "formats/pdb7.h"
#include "formats/pe.h"
#include "symbols/codeview_records.h"
#include "symbols/msf20.h"
#include "symbols/pdb_open.h"
#include "symbols/table_source.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

constexpr char kWhat[] = "PDB 2.00";

struct ModuleInfo {
  std::uint16_t stream = kNoStream;
  std::uint32_t symbols = 0, lines = 0;
};

class Pdb20 {
public:
  Pdb20(std::shared_ptr<const MappedFile> file, Msf20 msf)
      : file_(std::move(file)), msf_(std::move(msf)), dbi_(msf_.load(kPdbDbiStream)) {}

  Result<void> check(const dump::DebugId& wanted);
  Result<void> find_sections(const image::Image* image);
  void fill(ImageTables& tables);

private:
  Result<void> read_dbi();
  std::vector<ModuleInfo> modules() const;
  void add_pieces(NameTable& names) const;
  void add_publics(NameTable& names);
  void add_compilands(NameTable& names);
  std::uint16_t debug_stream(unsigned index) const;
  ByteView part(std::uint64_t at, std::uint32_t size) const {
    return ByteView(dbi_).clamp(at, size);
  }

  std::shared_ptr<const MappedFile> file_; // keeps the bytes; null when the caller does
  Msf20 msf_;
  std::vector<std::byte> dbi_;
  Pdb20InfoHeader info_{};
  // Old headers in the shape of the new one; `start_`: where the substreams begin.
  PdbDbiHeader header_{};
  std::uint64_t start_ = 0;
  std::uint32_t version_ = 0; // of the DBI stream; 0: before there was one
  arch::Machine machine_ = arch::Machine::unknown;
  std::vector<NameTable::Section> sections_;
};

Result<void> Pdb20::read_dbi() {
  const ByteView dbi(dbi_);
  if (dbi.u32(0) == 0xFFFFFFFFu) {
    auto header = dbi.get<PdbDbiHeader>(0);
    if (!header) return fail(Code::truncated, kWhat, "no DBI stream");
    header_ = *header;
    start_ = sizeof(PdbDbiHeader);
    version_ = header_.VersionHeader;
    return {};
  }
  auto old = dbi.get<PdbOldDbiHeader>(0);
  if (!old) return fail(Code::truncated, kWhat, "no DBI stream");
  header_.GlobalStreamIndex = old->GlobalStreamIndex;
  header_.PublicStreamIndex = old->PublicStreamIndex;
  header_.SymRecordStream = old->SymRecordStream;
  header_.ModInfoSize = old->ModInfoSize;
  header_.SectionContributionSize = old->SectionContributionSize;
  start_ = sizeof(PdbOldDbiHeader);
  return {};
}

Result<void> Pdb20::check(const dump::DebugId& wanted) {
  const std::vector<std::byte> bytes = msf_.load(kPdbInfoStream);
  auto info = ByteView(bytes).get<Pdb20InfoHeader>(0);
  if (!info) return fail(Code::truncated, kWhat, "no info stream");
  info_ = *info;
  if (auto read = read_dbi(); !read) return read;
  if (wanted.kind == dump::DebugId::Kind::none) return {};
  // Before VC 5 the DBI stream had no age of its own.
  const bool ages = wanted.age == info_.Age || (version_ != 0 && wanted.age == header_.Age);
  if (wanted.kind == dump::DebugId::Kind::nb10 && ages && wanted.signature == info_.Signature)
    return {};
  dump::DebugId own;
  own.kind = dump::DebugId::Kind::nb10;
  own.signature = info_.Signature;
  own.age = info_.Age;
  return fail(Code::mismatch, kWhat,
              fmt::format("debug id {}, wanted {}", own.key(), wanted.key()));
}

std::uint16_t Pdb20::debug_stream(unsigned index) const {
  if (version_ == 0) return kNoStream;
  const std::uint64_t at = start_ + header_.ModInfoSize + header_.SectionContributionSize +
                           header_.SectionMapSize + header_.SourceInfoSize +
                           header_.TypeServerMapSize + header_.ECSubstreamSize;
  return part(at, header_.OptionalDbgHeaderSize).u16(2 * index).value_or(kNoStream);
}

Result<void> Pdb20::find_sections(const image::Image* image) {
  if (image != nullptr) machine_ = image->machine;
  for (unsigned index : {unsigned{kPdbSectionHeadersOriginal}, unsigned{kPdbSectionHeaders}}) {
    const std::vector<std::byte> bytes = msf_.load(debug_stream(index));
    const ByteView view(bytes);
    for (std::uint64_t at = 0; auto header = view.get<ImageSectionHeader>(at); at += sizeof *header)
      sections_.push_back({header->VirtualAddress,
                           std::max<std::uint32_t>(header->VirtualSize, header->SizeOfRawData)});
    if (!sections_.empty()) return {};
  }
  if (image != nullptr)
    for (const image::Section& section : image->sections)
      sections_.push_back({section.rva, std::max(section.virtual_size, section.raw_size)});
  if (!sections_.empty()) return {};
  return fail(Code::absent, kWhat,
              "it does not say where the image's sections lie, and the image is not at hand");
}

// Compilands of VC 2 have another form, which no source tells.
std::vector<ModuleInfo> Pdb20::modules() const {
  std::vector<ModuleInfo> list;
  if (info_.Version < kPdbVersionVc4) return list;
  const ByteView view = part(start_, header_.ModInfoSize);
  for (std::uint64_t at = 0;;) {
    if (version_ >= kDbiVersion60) {
      auto info = view.get<PdbModuleInfo>(at);
      if (!info) break;
      list.push_back({info->ModuleSymStream, info->SymByteSize, info->C11ByteSize});
      at += sizeof(PdbModuleInfo);
    } else {
      auto info = view.get<PdbModuleInfo50>(at);
      if (!info) break;
      list.push_back({info->ModuleSymStream, info->SymByteSize, info->C11ByteSize});
      at += sizeof(PdbModuleInfo50);
    }
    at += view.c_string(at).size() + 1; // module
    at += view.c_string(at).size() + 1; // object file
    at = (at + 3) & ~std::uint64_t{3};
  }
  return list;
}

void Pdb20::add_pieces(NameTable& names) const {
  if (info_.Version < kPdbVersionVc4) return;
  const ByteView view = part(start_ + header_.ModInfoSize, header_.SectionContributionSize);
  const auto add = [&](const auto& piece) {
    if (auto rva = names.rva_of(piece.Section, piece.Offset)) names.add_piece(*rva, piece.Size);
  };
  const std::uint32_t version = view.u32(0).value_or(0);
  if (version == kSectionContributions60)
    for (std::uint64_t at = 4; auto piece = view.get<PdbSectionContribution>(at);
         at += sizeof *piece)
      add(*piece);
  else
    for (std::uint64_t at = 0; auto piece = view.get<PdbSectionContribution40>(at);
         at += sizeof *piece)
      add(*piece);
}

void Pdb20::add_publics(NameTable& names) {
  const std::vector<std::byte> index = msf_.load(header_.PublicStreamIndex);
  const ByteView records = names.keep(msf_.load(header_.SymRecordStream));
  const RvaOf rva_of = [&](std::uint16_t section, std::uint32_t offset) {
    return names.rva_of(section, offset);
  };
  auto header = ByteView(index).get<PdbPublicsHeader>(0);
  if (!header) return;
  const ByteView map = ByteView(index).clamp(
      sizeof(PdbPublicsHeader) + std::uint64_t{header->SymHash}, header->AddrMap);
  for (std::uint64_t at = 0; auto offset = map.u32(at); at += 4) {
    auto prefix = records.get<CvRecordPrefix>(*offset);
    auto record = prefix ? records.slice(*offset, prefix->RecordLength + 2ull) : std::nullopt;
    if (record) add_symbol(*record, rva_of, names);
  }
}

void Pdb20::add_compilands(NameTable& names) {
  constexpr std::uint64_t kSignature = 4;
  const RvaOf rva_of = [&](std::uint16_t section, std::uint32_t offset) {
    return names.rva_of(section, offset);
  };
  for (const ModuleInfo& module : modules()) {
    if (module.stream == kNoStream) continue;
    const ByteView bytes = names.keep(msf_.load(module.stream));
    if (module.symbols > kSignature)
      add_symbols(bytes.clamp(kSignature, module.symbols - kSignature), rva_of, names);
    add_lines(bytes.clamp(module.symbols, module.lines), rva_of, names);
  }
}

void Pdb20::fill(ImageTables& tables) {
  tables.names.sections = sections_;
  tables.names.machine = machine_;
  const std::vector<std::byte> to_source = msf_.load(debug_stream(kPdbOmapToSource));
  const std::vector<std::byte> from_source = msf_.load(debug_stream(kPdbOmapFromSource));
  const std::vector<std::byte> fpo = msf_.load(debug_stream(kPdbFpo));
  tables.to_source.read(ByteView(to_source));
  tables.from_source.read(ByteView(from_source));
  if (!fpo.empty() && tables.names.machine == arch::Machine::unknown)
    tables.names.machine = arch::Machine::x86; // no other CPU has such records
  if (tables.names.machine == arch::Machine::x86) tables.frames.add_fpo(ByteView(fpo));
  add_pieces(tables.names);
  add_compilands(tables.names);
  add_publics(tables.names);
}

} // namespace

bool is_pdb20(ByteView bytes) { return bytes.chars().starts_with(kMsf20Magic); }

Result<std::shared_ptr<SymbolSource>> open_pdb20(std::shared_ptr<const MappedFile> file,
                                                 ByteView bytes, const dump::DebugId& wanted,
                                                 const image::Image* image) {
  auto msf = Msf20::open(bytes);
  if (!msf) return std::unexpected(msf.error());
  auto pdb = std::make_shared<Pdb20>(std::move(file), std::move(*msf));
  if (auto checked = pdb->check(wanted); !checked) return std::unexpected(checked.error());
  if (auto found = pdb->find_sections(image); !found) return std::unexpected(found.error());
  return make_table_source([pdb](ImageTables& tables) { pdb->fill(tables); });
}

} // namespace dumptriage::symbols
