// PDB 7: procedures, inlined calls and lines from the compiland that contributed the address, else
// the nearest public.  Only the compilands that are asked for are read.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "arch/arch.h"
#include "base/text.h"
#include "formats/pdb7.h"
#include "symbols/frame_table.h"
#include "symbols/msf_file.h"
#include "symbols/pdb_ids.h"
#include "symbols/pdb_module.h"
#include "symbols/pdb_open.h"
#include "symbols/pdb_places.h"
#include "symbols/pdb_publics.h"
#include "symbols/pdb_types.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

constexpr char kWhat[] = "PDB";
// Compilands kept in memory; hostile ones may share blocks and so add up to more than the file.
constexpr std::size_t kModuleBudget = 128u << 20;

class Pdb final : public SymbolSource {
public:
  Pdb(std::shared_ptr<const MappedFile> file, std::unique_ptr<MsfFile> msf)
      : file_(std::move(file)), msf_(std::move(msf)), ids_(*msf_) {}

  Result<void> check(const dump::DebugId& wanted);
  std::optional<Symbol> lookup(std::uint32_t rva) override;
  std::vector<InlineCall> inlines(std::uint32_t rva) override;
  std::optional<arch::FrameData> frame_data(std::uint32_t rva) override;
  const PdbTypes* types() override;

private:
  struct ModuleInfo {
    std::uint16_t stream = kNoStream;
    std::uint32_t symbols = 0, c11 = 0, c13 = 0;
  };
  struct Found {
    const PdbModule* compiland = nullptr;
    const PdbProcedure* procedure = nullptr; // null: none covers the place
  };

  void prepare();
  void read_modules(ByteView substream);
  void find_names();
  void read_frames();

  std::optional<PdbPlace> place_of(std::uint32_t rva);
  const PdbModule* module(std::uint16_t index);
  Found procedure_at(PdbPlace place);
  std::optional<Symbol> procedure(PdbPlace place);
  bool is_far(PdbPlace from, PdbPlace to);
  std::optional<Symbol> nearest_public(PdbPlace place);
  std::string name_at(std::uint32_t offset);

  std::shared_ptr<const MappedFile> file_; // keeps the bytes; null when the caller does
  std::unique_ptr<MsfFile> msf_;
  PdbDbiHeader dbi_{};
  bool prepared_ = false;
  arch::Machine machine_ = arch::Machine::unknown;
  PdbPlaces places_;
  PdbPublics publics_;
  PdbIds ids_;
  std::vector<ModuleInfo> modules_;
  std::uint32_t names_stream_ = kNoStream, names_size_ = 0;
  std::uint16_t fpo_stream_ = kNoStream, frame_stream_ = kNoStream;
  std::optional<FrameTable> frames_; // read when a frame is asked for
  bool types_asked_ = false;
  std::shared_ptr<const PdbTypes> types_;
  std::map<std::uint16_t, std::unique_ptr<PdbModule>> loaded_;
  std::size_t loaded_bytes_ = 0;
};

Result<void> Pdb::check(const dump::DebugId& wanted) {
  auto info = msf_->get<PdbInfoHeader>(kPdbInfoStream, 0);
  if (!info) return fail(Code::truncated, kWhat, "no info stream");
  auto dbi = msf_->get<PdbDbiHeader>(kPdbDbiStream, 0);
  if (!dbi) return fail(Code::truncated, kWhat, "no DBI stream");
  if (dbi->VersionSignature != 0xFFFFFFFF)
    return fail(Code::unsupported, kWhat, "a DBI stream of before PDB 7 is not read");
  dbi_ = *dbi;
  machine_ = arch::machine_of_image_file(dbi_.Machine);
  if (wanted.kind == dump::DebugId::Kind::none) return {};
  // The record in the image carries the age of the DBI stream; tools that rewrite a PDB raise the
  // age of the info stream, and some write that one into the image.
  bool ages = wanted.age == dbi_.Age || wanted.age == info->Age;
  bool same = false;
  if (wanted.kind == dump::DebugId::Kind::rsds)
    same = ages && std::equal(wanted.guid.begin(), wanted.guid.end(), info->Guid);
  else if (wanted.kind == dump::DebugId::Kind::nb10)
    same = ages && wanted.signature == info->Signature;
  if (same) return {};
  dump::DebugId own;
  own.kind = dump::DebugId::Kind::rsds;
  std::copy(std::begin(info->Guid), std::end(info->Guid), own.guid.begin());
  own.age = dbi_.Age;
  return fail(Code::mismatch, kWhat,
              fmt::format("debug id {}, wanted {}", own.key(), wanted.key()));
}

void Pdb::prepare() {
  if (prepared_) return;
  prepared_ = true;
  std::uint64_t at = sizeof(PdbDbiHeader);
  auto substream = [&](std::uint32_t size) {
    std::vector<std::byte> bytes = msf_->load(kPdbDbiStream, at, size);
    at += size;
    return bytes;
  };
  read_modules(ByteView(substream(dbi_.ModInfoSize)));
  places_.read_contributions(ByteView(substream(dbi_.SectionContributionSize)));
  at += std::uint64_t{dbi_.SectionMapSize} + dbi_.SourceInfoSize + dbi_.TypeServerMapSize +
        dbi_.ECSubstreamSize;
  const std::vector<std::byte> header = substream(dbi_.OptionalDbgHeaderSize);
  places_.read_debug_streams(*msf_, ByteView(header));
  fpo_stream_ = ByteView(header).u16(kPdbFpo * 2).value_or(kNoStream);
  frame_stream_ = ByteView(header).u16(kPdbNewFpo * 2).value_or(kNoStream);
  publics_ = PdbPublics(*msf_, dbi_.PublicStreamIndex, dbi_.SymRecordStream);
  find_names();
}

void Pdb::read_modules(ByteView view) {
  for (std::uint64_t place = 0; auto info = view.get<PdbModuleInfo>(place);) {
    modules_.push_back(
        {info->ModuleSymStream, info->SymByteSize, info->C11ByteSize, info->C13ByteSize});
    place += sizeof(PdbModuleInfo);
    place += view.c_string(place).size() + 1; // module
    place += view.c_string(place).size() + 1; // object file
    place = (place + 3) & ~std::uint64_t{3};
  }
}

// Finds the stream "/names" by the name table of the info stream: a buffer of names, then a hash
// table (size, capacity, two bit vectors, pairs of name offset and stream).
void Pdb::find_names() {
  std::vector<std::byte> bytes = msf_->load(kPdbInfoStream);
  ByteView view(bytes);
  std::uint64_t at = sizeof(PdbInfoHeader);
  auto text_size = view.u32(at);
  if (!text_size) return;
  ByteView text = view.clamp(at + 4, *text_size);
  at += 4 + std::uint64_t{*text_size};
  auto count = view.u32(at);
  if (!count) return;
  at += 8;
  for (int vector = 0; vector < 2; ++vector) {
    auto words = view.u32(at);
    if (!words) return;
    at += 4 + 4 * std::uint64_t{*words};
  }
  for (std::uint32_t i = 0; i < *count; ++i, at += 8) {
    auto name = view.u32(at), stream = view.u32(at + 4);
    if (!name || !stream) return;
    if (text.c_string(*name) != "/names") continue;
    auto header = msf_->get<PdbNamesHeader>(*stream, 0);
    if (!header || header->Signature != kPdbNamesSignature) return;
    names_stream_ = *stream;
    names_size_ = header->ByteSize;
    return;
  }
}

std::string Pdb::name_at(std::uint32_t offset) {
  constexpr std::uint32_t kLongest = 4096;
  if (offset >= names_size_) return {};
  const std::vector<std::byte> bytes = msf_->load(names_stream_, sizeof(PdbNamesHeader) + offset,
                                                  std::min(kLongest, names_size_ - offset));
  return utf8_from_ansi(ByteView(bytes).c_string(0));
}

std::optional<PdbPlace> Pdb::place_of(std::uint32_t rva) {
  prepare();
  auto source = places_.to_source().map(rva);
  return source ? places_.place_of(*source) : std::nullopt;
}

const PdbModule* Pdb::module(std::uint16_t index) {
  if (index >= modules_.size()) return nullptr;
  auto [it, fresh] = loaded_.try_emplace(index);
  if (!fresh) return it->second.get();
  const ModuleInfo& info = modules_[index];
  std::uint64_t size = std::uint64_t{info.symbols} + info.c11 + info.c13;
  if (info.stream == kNoStream ||
      loaded_bytes_ + std::min<std::uint64_t>(size, msf_->stream_size(info.stream)) > kModuleBudget)
    return nullptr;
  it->second = std::make_unique<PdbModule>(msf_->load(info.stream, 0, size), info.symbols, info.c11,
                                           info.c13);
  loaded_bytes_ += it->second->byte_count();
  return it->second.get();
}

Pdb::Found Pdb::procedure_at(PdbPlace place) {
  const PdbContribution* contribution = places_.contribution_at(place);
  Found found;
  if (contribution != nullptr) found.compiland = module(contribution->module);
  if (found.compiland != nullptr)
    found.procedure = found.compiland->procedure_at(place.section, place.offset);
  return found;
}

std::optional<Symbol> Pdb::procedure(PdbPlace place) {
  auto [compiland, found] = procedure_at(place);
  if (found == nullptr) return std::nullopt;
  // A part that lies behind its function is named by the distance from that one's start.
  const PdbProcedure* named = found->part ? compiland->whole_of(*found) : found;
  if (named == nullptr) return std::nullopt;
  const bool behind = named->section == found->section && named->offset <= found->offset;
  const PdbPlace start{found->section, behind ? named->offset : found->offset};
  Symbol symbol;
  symbol.decorated = utf8_from_ansi(named->name);
  symbol.function = undecorate(symbol.decorated);
  symbol.rva = places_.rva_of(start);
  symbol.offset = place.offset - start.offset;
  symbol.size = found->size + (found->offset - start.offset);
  symbol.source = NameSource::pdb;
  const PdbPlace entry{named->section, named->offset};
  auto same = publics_.last_before(entry);
  if (same && same->place.offset == entry.offset) {
    std::string decorated = utf8_from_ansi(same->name);
    // An assembler's procedure has the decorated name itself.
    if (decorated == symbol.decorated) symbol.function = undecorate(decorated, machine_);
    symbol.decorated = std::move(decorated);
  }
  if (auto line = compiland->line_at(place.section, place.offset)) {
    symbol.line = line->line;
    symbol.file = name_at(line->name_offset);
  }
  return symbol;
}

std::vector<InlineCall> Pdb::inlines(std::uint32_t rva) {
  auto place = place_of(rva);
  auto found = place ? procedure_at(*place) : Found{};
  std::vector<InlineCall> calls;
  if (found.procedure == nullptr) return calls;
  const std::uint32_t offset = place->offset - found.procedure->offset;
  for (const PdbModule::Inlined& site : found.compiland->inlined_at(*found.procedure, offset)) {
    InlineCall call;
    call.function = ids_.name(site.inlinee);
    if (site.line) {
      call.line = site.line->line;
      call.file = name_at(site.line->name_offset);
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

// A public has no size.  What the linker placed in one piece belongs together; across the border of
// such a piece lies another object's code, and behind a procedure of known size lies nothing of it.
bool Pdb::is_far(PdbPlace from, PdbPlace to) {
  if (to.offset - from.offset >= kFarthestPublic) return true;
  if (!places_.knows_contributions()) return false;
  const PdbContribution* contribution = places_.contribution_at(to);
  if (contribution == nullptr || contribution != places_.contribution_at(from)) return true;
  const PdbModule* compiland = module(contribution->module);
  auto start = compiland != nullptr ? compiland->procedure_start_before(to.section, to.offset)
                                    : std::nullopt;
  return start && *start >= from.offset; // it does not hold `to`, or it would have been the answer
}

std::optional<Symbol> Pdb::nearest_public(PdbPlace place) {
  auto found = publics_.last_before(place);
  if (!found || found->name.empty()) return std::nullopt;
  Symbol symbol;
  symbol.decorated = utf8_from_ansi(found->name);
  symbol.function = undecorate(symbol.decorated, machine_);
  symbol.rva = places_.rva_of(found->place);
  symbol.offset = place.offset - found->place.offset;
  symbol.source = NameSource::pdb_public;
  symbol.far = is_far(found->place, place);
  return symbol;
}

std::optional<Symbol> Pdb::lookup(std::uint32_t rva) {
  auto place = place_of(rva);
  if (!place) return std::nullopt;
  if (auto symbol = procedure(*place)) return symbol;
  return nearest_public(*place);
}

void Pdb::read_frames() {
  frames_.emplace();
  if (machine_ != arch::Machine::x86) return;
  std::vector<std::byte> fpo = msf_->load(fpo_stream_), frames = msf_->load(frame_stream_);
  frames_->add_fpo(ByteView(fpo));
  frames_->add_frame_data(ByteView(frames), [this](std::uint32_t at) { return name_at(at); });
  frames_->seal();
}

std::optional<arch::FrameData> Pdb::frame_data(std::uint32_t rva) {
  prepare();
  if (!frames_) read_frames();
  return through_omap(*frames_, places_.to_source(), places_.from_source(), rva);
}

const PdbTypes* Pdb::types() {
  if (!types_asked_) types_ = PdbTypes::open(*msf_, true).value_or(nullptr);
  types_asked_ = true;
  return types_.get();
}

} // namespace

Result<std::shared_ptr<SymbolSource>> open_pdb7(std::shared_ptr<const MappedFile> file,
                                                ByteView bytes, const dump::DebugId& wanted) {
  auto msf = MsfFile::open(bytes);
  if (!msf) return std::unexpected(msf.error());
  auto pdb = std::make_shared<Pdb>(std::move(file), std::move(*msf));
  if (auto checked = pdb->check(wanted); !checked) return std::unexpected(checked.error());
  return pdb;
}

} // namespace dumptriage::symbols
