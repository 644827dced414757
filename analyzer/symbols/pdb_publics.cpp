#include "symbols/pdb_publics.h"

#include <algorithm>
#include <tuple>

#include "formats/pdb7.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

// Publics at one address among which the name is chosen.
constexpr int kMostAliases = 64;
constexpr std::size_t kLongestRecord = 4096;
constexpr std::uint32_t kFunction = 2; // flag

} // namespace

PdbPublics::PdbPublics(MsfFile& msf, std::uint32_t stream, std::uint32_t records)
    : msf_(&msf), stream_(stream), records_(records) {
  auto header = msf.get<PdbPublicsHeader>(stream, 0);
  if (!header) return;
  address_map_ = sizeof(PdbPublicsHeader) + std::uint64_t{header->SymHash};
  const std::uint64_t size = msf.stream_size(stream);
  const std::uint64_t left = address_map_ < size ? size - address_map_ : 0;
  count_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(header->AddrMap, left) / 4);
}

std::optional<std::uint32_t> PdbPublics::record_of(std::uint32_t index) const {
  auto offset = msf_->get<le32>(stream_, address_map_ + index * 4ull);
  if (!offset) return std::nullopt;
  return *offset;
}

std::optional<PdbPublics::Public> PdbPublics::read(std::uint32_t offset) const {
  auto record = msf_->get<CvPublic32>(records_, offset);
  if (!record || record->Prefix.RecordKind != kCvPublic32) return std::nullopt;
  const std::size_t size = std::min<std::size_t>(record->Prefix.RecordLength + 2u, kLongestRecord);
  if (size <= sizeof(CvPublic32)) return std::nullopt;
  auto bytes =
      msf_->load(records_, offset + std::uint64_t{sizeof(CvPublic32)}, size - sizeof(CvPublic32));
  return Public{
      {record->Segment, record->Offset}, record->Flags, std::string(ByteView(bytes).c_string(0))};
}

std::optional<PdbPublics::Public> PdbPublics::last_before(PdbPlace place) const {
  std::uint32_t low = 0, high = count_;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    auto at = record_of(middle);
    auto record = at ? msf_->get<CvPublic32>(records_, *at) : std::nullopt;
    if (!record || record->Prefix.RecordKind != kCvPublic32) return std::nullopt;
    const std::uint16_t section = record->Segment;
    const std::uint32_t offset = record->Offset;
    if (std::tie(place.section, place.offset) < std::tie(section, offset))
      high = middle;
    else
      low = middle + 1;
  }
  std::optional<Public> best;
  for (int i = 0; i < kMostAliases && low-- > 0; ++i) {
    auto at = record_of(low);
    auto entry = at ? read(*at) : std::nullopt;
    if (!entry || entry->place.section != place.section || entry->place.offset > place.offset)
      break;
    if (best && entry->place.offset != best->place.offset) break;
    auto rank = [](const Public& p) {
      return std::tuple(!(p.flags & kFunction), std::string_view(p.name));
    };
    if (!best || rank(*entry) < rank(*best)) best = std::move(entry);
  }
  return best;
}

} // namespace dumptriage::symbols
