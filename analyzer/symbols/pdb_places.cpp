#include "symbols/pdb_places.h"

#include <algorithm>
#include <tuple>

#include "formats/pdb7.h"
#include "formats/pe.h"

namespace dumptriage::symbols {

using namespace formats;

void PdbPlaces::read_contributions(ByteView substream) {
  std::uint32_t version = substream.u32(0).value_or(0);
  std::uint64_t step = sizeof(PdbSectionContribution);
  if (version == kSectionContributionsV2)
    step += 4;
  else if (version != kSectionContributions60)
    return;
  contributions_.reserve(substream.left(4) / step);
  for (std::uint64_t at = 4; auto entry = substream.get<PdbSectionContribution>(at); at += step)
    contributions_.push_back({entry->Section, entry->Offset, entry->Size, entry->ModuleIndex});
  auto by_place = [](const PdbContribution& a, const PdbContribution& b) {
    return std::tie(a.section, a.offset) < std::tie(b.section, b.offset);
  };
  if (!std::is_sorted(contributions_.begin(), contributions_.end(), by_place))
    std::stable_sort(contributions_.begin(), contributions_.end(), by_place);
}

std::vector<PdbPlaces::Section> PdbPlaces::read_sections(ByteView headers) {
  std::vector<Section> sections;
  for (std::uint64_t at = 0; auto header = headers.get<ImageSectionHeader>(at);
       at += sizeof *header)
    sections.push_back({header->VirtualAddress,
                        std::max<std::uint32_t>(header->VirtualSize, header->SizeOfRawData)});
  return sections;
}

void PdbPlaces::read_debug_streams(MsfFile& msf, ByteView header) {
  auto load = [&](unsigned index) {
    return msf.load(header.u16(index * 2ull).value_or(kNoStream));
  };
  to_source_.read(ByteView(load(kPdbOmapToSource)));
  from_source_.read(ByteView(load(kPdbOmapFromSource)));
  if (!to_source_.empty()) sections_ = read_sections(ByteView(load(kPdbSectionHeadersOriginal)));
  if (sections_.empty()) sections_ = read_sections(ByteView(load(kPdbSectionHeaders)));
}

std::optional<PdbPlace> PdbPlaces::place_of(std::uint32_t rva) const {
  for (std::size_t i = 0; i < sections_.size() && i < UINT16_MAX; ++i)
    if (rva >= sections_[i].rva && rva - sections_[i].rva < sections_[i].size)
      return PdbPlace{static_cast<std::uint16_t>(i + 1), rva - sections_[i].rva};
  return std::nullopt;
}

std::uint32_t PdbPlaces::rva_of(PdbPlace place) const {
  if (place.section == 0 || place.section > sections_.size()) return 0;
  return from_source_.map(sections_[place.section - 1].rva + place.offset).value_or(0);
}

const PdbContribution* PdbPlaces::contribution_at(PdbPlace place) const {
  auto next =
      std::upper_bound(contributions_.begin(), contributions_.end(), place,
                       [](const PdbPlace& at, const PdbContribution& c) {
                         return std::tie(at.section, at.offset) < std::tie(c.section, c.offset);
                       });
  if (next == contributions_.begin()) return nullptr;
  const PdbContribution& found = *std::prev(next);
  if (found.section != place.section || place.offset - found.offset >= found.size) return nullptr;
  return &found;
}

} // namespace dumptriage::symbols
