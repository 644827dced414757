// NB09 (CodeView 4) and NB11 (CodeView 5): directory and subsections.
#include <functional>
#include <map>

#include "base/budget.h"
#include "formats/codeview.h"
#include "formats/codeview_directory.h"
#include "symbols/codeview_records.h"
#include "symbols/debug_tables.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

constexpr std::uint64_t kMostDirectories = 64;
constexpr std::uint64_t kSignature = 4; // in front of a module's records

class CodeView {
public:
  CodeView(ByteView bytes, NameTable& names)
      : bytes_(bytes), names_(names), budget_(bytes.size()) {}

  void add() {
    each_entry([this](const OmfDirEntry& entry) {
      if (entry.SubSection == kOmfSegMap) read_segments(body(entry));
    });
    each_entry([this](const OmfDirEntry& entry) { add_subsection(entry); });
  }

private:
  // A segment is a section, or a part of one.
  struct Segment {
    std::uint16_t section = 0;
    std::uint32_t offset = 0;
  };

  ByteView body(const OmfDirEntry& entry) const { return bytes_.clamp(entry.lfo, entry.cb); }
  void each_entry(const std::function<void(const OmfDirEntry&)>& visit) const;
  void read_segments(ByteView map);
  void add_subsection(const OmfDirEntry& entry);
  void add_pieces(ByteView module);

  ByteView bytes_;
  NameTable& names_;
  std::uint64_t budget_; // subsections do not overlap, so they are at most all bytes
  std::map<std::uint16_t, Segment> segments_; // by number, from 1
  RvaOf rva_of_ = [this](std::uint16_t number, std::uint32_t offset) {
    auto segment = segments_.find(number);
    if (segment == segments_.end()) return names_.rva_of(number, offset);
    if (offset > UINT32_MAX - segment->second.offset) return std::optional<std::uint32_t>();
    return names_.rva_of(segment->second.section, segment->second.offset + offset);
  };
};

void CodeView::each_entry(const std::function<void(const OmfDirEntry&)>& visit) const {
  auto signature = bytes_.get<OmfSignature>(0);
  if (!signature) return;
  std::uint64_t entries = bytes_.size() / sizeof(OmfDirEntry); // in all directories
  Budget directories(kMostDirectories);
  for (std::uint64_t at = signature->lfoDir;
       at != 0 && directories.step(at) == Budget::Answer::go_on;) {
    auto header = bytes_.get<OmfDirHeader>(at);
    if (!header || header->cbDirEntry < sizeof(OmfDirEntry)) return;
    std::uint64_t place = at + header->cbDirHeader;
    for (std::uint64_t i = 0; i < header->cDir && entries > 0; ++i, --entries) {
      auto entry = bytes_.get<OmfDirEntry>(place);
      if (!entry) break;
      visit(*entry);
      place += header->cbDirEntry;
    }
    at = header->lfoNextDir;
  }
}

// A frame that is no section of the image (absolute symbols have one) leaves the number as it is,
// which is what numbers are without a map.
void CodeView::read_segments(ByteView map) {
  auto header = map.get<OmfSegMap>(0);
  if (!header || !segments_.empty()) return;
  for (std::uint16_t i = 0; i < header->cSeg; ++i) {
    auto segment = map.get<OmfSegMapDesc>(sizeof(OmfSegMap) + i * sizeof(OmfSegMapDesc));
    if (!segment) return;
    if (segment->frame == 0 || segment->frame > names_.sections.size()) continue;
    segments_[static_cast<std::uint16_t>(i + 1)] = Segment{segment->frame, segment->offset};
  }
}

void CodeView::add_pieces(ByteView module) {
  auto header = module.get<OmfModule>(0);
  if (!header) return;
  for (std::uint64_t i = 0; i < header->cSeg; ++i) {
    auto piece = module.get<OmfSegDesc>(sizeof(OmfModule) + i * sizeof(OmfSegDesc));
    if (!piece) return;
    if (auto rva = rva_of_(piece->Seg, piece->Off)) names_.add_piece(*rva, piece->cbSeg);
  }
}

void CodeView::add_subsection(const OmfDirEntry& entry) {
  const ByteView view = body(entry);
  if (view.size() > budget_) return;
  budget_ -= view.size();
  switch (entry.SubSection) {
  case kOmfModule: add_pieces(view); break;
  case kOmfPublicSym:
  case kOmfSymbols:
  case kOmfAlignSym: add_symbols(view.clamp(kSignature, view.size()), rva_of_, names_); break;
  case kOmfSrcModule: add_lines(view, rva_of_, names_); break;
  case kOmfGlobalSym:
  case kOmfGlobalPub:
  case kOmfStaticSym:
    if (auto hash = view.get<OmfSymHash>(0))
      add_symbols(view.clamp(sizeof(OmfSymHash), hash->cbSymbol), rva_of_, names_);
    break;
  }
}

} // namespace

bool is_embedded_codeview(ByteView bytes) {
  const std::uint32_t signature = bytes.u32(0).value_or(0);
  return signature == kCvSignatureNb09 || signature == kCvSignatureNb11;
}

void add_codeview(ByteView bytes, NameTable& names) {
  if (is_embedded_codeview(bytes)) CodeView(bytes, names).add();
}

} // namespace dumptriage::symbols
