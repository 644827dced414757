#include "symbols/pdb_ids.h"

#include <algorithm>

#include "base/text.h"
#include "formats/pdb_types.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

// The name of LF_CLASS and its kin stands behind their size, a number.
std::string name_of_class(ByteView record) {
  std::uint64_t at = 2;
  switch (record.u16(0).value_or(0)) {
  case kLeafClass:
  case kLeafStructure:
  case kLeafInterface: at += sizeof(CvStructure); break;
  case kLeafUnion: at += sizeof(CvUnion); break;
  case kLeafEnum: return std::string(record.c_string(at + sizeof(CvEnum)));
  default: return {};
  }
  const std::uint16_t leaf = record.u16(at).value_or(0);
  at += 2;
  if (leaf >= kLeafNumeric) switch (leaf) {
    case kLeafChar: at += 1; break;
    case kLeafShort:
    case kLeafUshort: at += 2; break;
    case kLeafLong:
    case kLeafUlong: at += 4; break;
    case kLeafQuad:
    case kLeafUquad: at += 8; break;
    default: return {};
    }
  return std::string(record.c_string(at));
}

} // namespace

PdbRecords::PdbRecords(MsfFile& msf, std::uint32_t stream) : msf_(msf), stream_(stream) {
  auto header = msf.get<PdbTpiHeader>(stream, 0);
  if (!header) return;
  first_ = header->TypeIndexBegin;
  end_ = header->TypeIndexEnd;
  begin_ = header->HeaderSize;
  auto hash = msf.get<PdbTpiHashHeader>(stream, sizeof(PdbTpiHeader));
  if (!hash || begin_ < sizeof(PdbTpiHeader) + sizeof(PdbTpiHashHeader)) return;
  hash_stream_ = hash->HashStreamIndex;
  index_offsets_ = hash->IndexOffsetBufferOffset;
  const std::uint64_t size = msf.stream_size(hash_stream_);
  const std::uint64_t left = index_offsets_ < size ? size - index_offsets_ : 0;
  index_count_ = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(hash->IndexOffsetBufferLength, left) / sizeof(PdbIndexOffset));
}

// The last known record at or before `index`.
PdbRecords::Place PdbRecords::start_for(std::uint32_t index) const {
  std::uint32_t low = 0, high = index_count_;
  Place place{first_, 0};
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    auto entry =
        msf_.get<PdbIndexOffset>(hash_stream_, index_offsets_ + middle * sizeof(PdbIndexOffset));
    if (!entry) break;
    if (entry->Type > index) {
      high = middle;
    } else {
      if (entry->Type >= first_) place = {entry->Type, entry->Offset};
      low = middle + 1;
    }
  }
  return place;
}

std::vector<std::byte> PdbRecords::record(std::uint32_t index) {
  if (index < first_ || index >= end_) return {};
  auto [at, offset] = start_for(index);
  for (offset += begin_; steps_left_ > 0; --steps_left_, ++at) {
    auto length = msf_.get<le16>(stream_, offset);
    if (!length || *length < 2) return {};
    if (at == index) return msf_.load(stream_, offset + 2, *length);
    offset += 2u + *length;
  }
  return {};
}

PdbIds::PdbIds(MsfFile& msf) : types_(msf, kPdbTpiStream), ids_(msf, kPdbIpiStream) {}

std::string PdbIds::find(std::uint32_t id) {
  const std::vector<std::byte> bytes = ids_.record(id);
  ByteView record(bytes);
  const std::uint16_t kind = record.u16(0).value_or(0);
  auto function = record.get<CvFuncId>(2);
  if ((kind != kLeafFuncId && kind != kLeafMFuncId) || !function) return {};
  std::string scope;
  if (kind == kLeafMFuncId) {
    const std::vector<std::byte> type = types_.record(function->Scope);
    scope = name_of_class(ByteView(type));
  } else if (function->Scope != 0) {
    const std::vector<std::byte> text = ids_.record(function->Scope);
    if (ByteView(text).u16(0) == kLeafStringId) scope = ByteView(text).c_string(2 + 4);
  }
  if (!scope.empty()) scope += "::";
  scope += record.c_string(2 + sizeof(CvFuncId));
  return utf8_from_ansi(scope);
}

const std::string& PdbIds::name(std::uint32_t id) {
  auto [known, fresh] = known_.try_emplace(id);
  if (fresh) known->second = find(id);
  return known->second;
}

} // namespace dumptriage::symbols
