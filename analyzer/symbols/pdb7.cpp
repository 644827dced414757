// PDB 7: procedures and lines from the compiland that contributed the address, else the nearest
// public.  Only the compilands that are asked for are read.
//
// In an image that was rearranged after linking (OMAP) the PDB speaks of the addresses before: an
// rva is first taken back with the "to source" map, and starts of functions are taken forward
// again.
#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "arch/arch.h"
#include "base/text.h"
#include "formats/pdb7.h"
#include "formats/pe.h"
#include "symbols/frame_table.h"
#include "symbols/msf_file.h"
#include "symbols/omap.h"
#include "symbols/pdb_module.h"
#include "symbols/pdb_open.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

constexpr char kWhat[] = "PDB";
// Compilands kept in memory; hostile ones may share blocks and so add up to more than the file.
constexpr std::size_t kModuleBudget = 128u << 20;
// Publics at one address among which the name is chosen.
constexpr int kMostAliases = 64;

struct SectionRange {
  std::uint32_t rva = 0, size = 0;
};

struct Place {
  std::uint16_t section = 0; // from 1
  std::uint32_t offset = 0;
};

struct Contribution {
  std::uint16_t section = 0;
  std::uint32_t offset = 0, size = 0;
  std::uint16_t module = 0;
};

class Pdb final : public SymbolSource {
public:
  Pdb(std::shared_ptr<const MappedFile> file, std::unique_ptr<MsfFile> msf)
      : file_(std::move(file)), msf_(std::move(msf)) {}

  Result<void> check(const dump::DebugId& wanted);
  std::optional<Symbol> lookup(std::uint32_t rva) override;
  std::optional<arch::FrameData> frame_data(std::uint32_t rva) override;

private:
  struct ModuleInfo {
    std::uint16_t stream = kNoStream;
    std::uint32_t symbols = 0, c11 = 0, c13 = 0;
  };
  struct Public {
    Place place;
    std::uint32_t flags = 0;
    std::string name;
  };

  void prepare();
  void read_modules(std::uint64_t at, std::uint32_t size);
  void read_contributions(std::uint64_t at, std::uint32_t size);
  void read_debug_streams(std::uint64_t at, std::uint32_t size);
  void read_names();
  void read_frames();
  std::vector<SectionRange> read_section_headers(std::uint16_t stream);

  std::optional<Place> place_of(std::uint32_t rva) const;
  std::uint32_t rva_of(Place place) const;
  const Contribution* contribution_at(Place place) const;
  const PdbModule* module(std::uint16_t index);
  std::optional<Public> public_at(std::uint32_t index);
  std::optional<Public> public_before(Place place);
  std::optional<Symbol> procedure(Place place);
  bool is_far(Place from, Place to);
  std::optional<Symbol> nearest_public(Place place);
  std::string name_at(std::uint32_t offset) const;

  std::shared_ptr<const MappedFile> file_; // keeps the bytes; null when the caller does
  std::unique_ptr<MsfFile> msf_;
  PdbDbiHeader dbi_{};
  bool prepared_ = false;
  arch::Machine machine_ = arch::Machine::unknown;
  std::vector<SectionRange> sections_;
  Omap to_source_, from_source_;
  std::vector<ModuleInfo> modules_;
  std::vector<Contribution> contributions_; // sorted by section, offset
  std::uint64_t address_map_ = 0;           // offset in the publics stream
  std::uint32_t public_count_ = 0;
  std::vector<std::byte> names_;
  std::uint16_t fpo_stream_ = kNoStream, frame_stream_ = kNoStream;
  std::optional<FrameTable> frames_; // read when a frame is asked for
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
  read_modules(at, dbi_.ModInfoSize);
  at += dbi_.ModInfoSize;
  read_contributions(at, dbi_.SectionContributionSize);
  at += std::uint64_t{dbi_.SectionContributionSize} + dbi_.SectionMapSize + dbi_.SourceInfoSize +
        dbi_.TypeServerMapSize + dbi_.ECSubstreamSize;
  read_debug_streams(at, dbi_.OptionalDbgHeaderSize);
  if (auto publics = msf_->get<PdbPublicsHeader>(dbi_.PublicStreamIndex, 0)) {
    address_map_ = sizeof(PdbPublicsHeader) + std::uint64_t{publics->SymHash};
    std::uint64_t size = msf_->stream_size(dbi_.PublicStreamIndex);
    std::uint64_t left = address_map_ < size ? size - address_map_ : 0;
    public_count_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(publics->AddrMap, left) / 4);
  }
  read_names();
}

void Pdb::read_modules(std::uint64_t at, std::uint32_t size) {
  std::vector<std::byte> bytes = msf_->load(kPdbDbiStream, at, size);
  ByteView view(bytes);
  for (std::uint64_t place = 0; auto info = view.get<PdbModuleInfo>(place);) {
    modules_.push_back(
        {info->ModuleSymStream, info->SymByteSize, info->C11ByteSize, info->C13ByteSize});
    place += sizeof(PdbModuleInfo);
    place += view.c_string(place).size() + 1; // module
    place += view.c_string(place).size() + 1; // object file
    place = (place + 3) & ~std::uint64_t{3};
  }
}

void Pdb::read_contributions(std::uint64_t at, std::uint32_t size) {
  std::vector<std::byte> bytes = msf_->load(kPdbDbiStream, at, size);
  ByteView view(bytes);
  std::uint32_t version = view.u32(0).value_or(0);
  std::uint64_t step = sizeof(PdbSectionContribution);
  if (version == kSectionContributionsV2)
    step += 4;
  else if (version != kSectionContributions60)
    return;
  contributions_.reserve(view.left(4) / step);
  for (std::uint64_t place = 4; auto entry = view.get<PdbSectionContribution>(place); place += step)
    contributions_.push_back({entry->Section, entry->Offset, entry->Size, entry->ModuleIndex});
  auto by_place = [](const Contribution& a, const Contribution& b) {
    return std::tie(a.section, a.offset) < std::tie(b.section, b.offset);
  };
  if (!std::is_sorted(contributions_.begin(), contributions_.end(), by_place))
    std::stable_sort(contributions_.begin(), contributions_.end(), by_place);
}

std::vector<SectionRange> Pdb::read_section_headers(std::uint16_t stream) {
  std::vector<SectionRange> sections;
  std::vector<std::byte> bytes = msf_->load(stream);
  ByteView view(bytes);
  for (std::uint64_t at = 0; auto header = view.get<ImageSectionHeader>(at); at += sizeof *header)
    sections.push_back({header->VirtualAddress,
                        std::max<std::uint32_t>(header->VirtualSize, header->SizeOfRawData)});
  return sections;
}

void Pdb::read_debug_streams(std::uint64_t at, std::uint32_t size) {
  std::vector<std::byte> bytes = msf_->load(kPdbDbiStream, at, size);
  ByteView view(bytes);
  auto stream = [&](unsigned index) { return view.u16(index * 2ull).value_or(kNoStream); };
  fpo_stream_ = stream(kPdbFpo);
  frame_stream_ = stream(kPdbNewFpo);
  const auto read_map = [&](Omap& map, unsigned index) {
    const std::vector<std::byte> entries = msf_->load(stream(index));
    map.read(ByteView(entries));
  };
  read_map(to_source_, kPdbOmapToSource);
  read_map(from_source_, kPdbOmapFromSource);
  if (!to_source_.empty()) sections_ = read_section_headers(stream(kPdbSectionHeadersOriginal));
  if (sections_.empty()) sections_ = read_section_headers(stream(kPdbSectionHeaders));
}

// Finds the stream "/names" by the name table of the info stream: a buffer of names, then a hash
// table (size, capacity, two bit vectors, pairs of name offset and stream).
void Pdb::read_names() {
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
    if (header && header->Signature == kPdbNamesSignature)
      names_ = msf_->load(*stream, sizeof(PdbNamesHeader), header->ByteSize);
    return;
  }
}

std::string Pdb::name_at(std::uint32_t offset) const {
  constexpr std::uint64_t kLongest = 4096;
  return utf8_from_ansi(ByteView(names_).c_string(offset, kLongest));
}

std::optional<Place> Pdb::place_of(std::uint32_t rva) const {
  for (std::size_t i = 0; i < sections_.size() && i < UINT16_MAX; ++i)
    if (rva >= sections_[i].rva && rva - sections_[i].rva < sections_[i].size)
      return Place{static_cast<std::uint16_t>(i + 1), rva - sections_[i].rva};
  return std::nullopt;
}

std::uint32_t Pdb::rva_of(Place place) const {
  std::uint32_t rva = sections_[place.section - 1].rva + place.offset;
  return from_source_.map(rva).value_or(0);
}

const Contribution* Pdb::contribution_at(Place place) const {
  auto next =
      std::upper_bound(contributions_.begin(), contributions_.end(), place,
                       [](const Place& at, const Contribution& c) {
                         return std::tie(at.section, at.offset) < std::tie(c.section, c.offset);
                       });
  if (next == contributions_.begin()) return nullptr;
  const Contribution& found = *std::prev(next);
  if (found.section != place.section || place.offset - found.offset >= found.size) return nullptr;
  return &found;
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

std::optional<Pdb::Public> Pdb::public_at(std::uint32_t index) {
  constexpr std::size_t kLongestRecord = 4096;
  auto offset = msf_->get<le32>(dbi_.PublicStreamIndex, address_map_ + index * 4ull);
  if (!offset) return std::nullopt;
  std::uint32_t stream = dbi_.SymRecordStream;
  auto record = msf_->get<CvPublic32>(stream, *offset);
  if (!record || record->Prefix.RecordKind != kCvPublic32) return std::nullopt;
  std::size_t size = std::min<std::size_t>(record->Prefix.RecordLength + 2u, kLongestRecord);
  if (size <= sizeof(CvPublic32)) return std::nullopt;
  auto bytes =
      msf_->load(stream, *offset + std::uint64_t{sizeof(CvPublic32)}, size - sizeof(CvPublic32));
  return Public{
      {record->Segment, record->Offset}, record->Flags, std::string(ByteView(bytes).c_string(0))};
}

// The nearest public at or below `place` in its section; of several at one address the one that is
// a function, then the first by name.
std::optional<Pdb::Public> Pdb::public_before(Place place) {
  std::uint32_t low = 0, high = public_count_;
  while (low < high) {
    std::uint32_t middle = low + (high - low) / 2;
    auto entry = public_at(middle);
    if (!entry) return std::nullopt;
    bool beyond =
        std::tie(place.section, place.offset) < std::tie(entry->place.section, entry->place.offset);
    if (beyond)
      high = middle;
    else
      low = middle + 1;
  }
  std::optional<Public> best;
  for (int i = 0; i < kMostAliases && low-- > 0; ++i) {
    auto entry = public_at(low);
    if (!entry || entry->place.section != place.section || entry->place.offset > place.offset)
      break;
    if (best && entry->place.offset != best->place.offset) break;
    constexpr std::uint32_t kFunction = 2;
    auto rank = [](const Public& p) {
      return std::tuple(!(p.flags & kFunction), std::string_view(p.name));
    };
    if (!best || rank(*entry) < rank(*best)) best = std::move(entry);
  }
  return best;
}

std::optional<Symbol> Pdb::procedure(Place place) {
  const Contribution* contribution = contribution_at(place);
  const PdbModule* compiland = contribution != nullptr ? module(contribution->module) : nullptr;
  const PdbProcedure* found =
      compiland != nullptr ? compiland->procedure_at(place.section, place.offset) : nullptr;
  if (found == nullptr) return std::nullopt;
  Symbol symbol;
  Place start{place.section, found->offset};
  symbol.decorated = utf8_from_ansi(found->name);
  symbol.function = undecorate(symbol.decorated);
  symbol.rva = rva_of(start);
  symbol.offset = place.offset - found->offset;
  symbol.size = found->size;
  symbol.source = NameSource::pdb;
  auto same = public_before(start);
  if (same && same->place.offset == start.offset) {
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

// A public has no size.  What the linker placed in one piece belongs together; across the border of
// such a piece lies another object's code, and behind a procedure of known size lies nothing of it.
bool Pdb::is_far(Place from, Place to) {
  if (to.offset - from.offset >= kFarthestPublic) return true;
  if (contributions_.empty()) return false;
  const Contribution* contribution = contribution_at(to);
  if (contribution == nullptr || contribution != contribution_at(from)) return true;
  const PdbModule* compiland = module(contribution->module);
  auto start = compiland != nullptr ? compiland->procedure_start_before(to.section, to.offset)
                                    : std::nullopt;
  return start && *start >= from.offset; // it does not hold `to`, or it would have been the answer
}

std::optional<Symbol> Pdb::nearest_public(Place place) {
  auto found = public_before(place);
  if (!found || found->name.empty()) return std::nullopt;
  Symbol symbol;
  symbol.decorated = utf8_from_ansi(found->name);
  symbol.function = undecorate(symbol.decorated, machine_);
  symbol.rva = rva_of(found->place);
  symbol.offset = place.offset - found->place.offset;
  symbol.source = NameSource::pdb_public;
  symbol.far = is_far(found->place, place);
  return symbol;
}

std::optional<Symbol> Pdb::lookup(std::uint32_t rva) {
  prepare();
  auto source = to_source_.map(rva);
  auto place = source ? place_of(*source) : std::nullopt;
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
  auto source = to_source_.map(rva);
  auto found = source ? frames_->find(*source) : std::nullopt;
  // What was taken apart after linking has no frame that one record describes.
  if (found && rva != *source) {
    auto start = from_source_.map(static_cast<std::uint32_t>(found->start));
    if (!start || rva - *start != *source - found->start) return std::nullopt;
    auto function = from_source_.map(static_cast<std::uint32_t>(found->function));
    found->function = found->function != 0 ? function.value_or(0) : 0;
    found->start = *start;
  }
  return found;
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
