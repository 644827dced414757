#include "symbols/frame_table.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "formats/fpo.h"

namespace dumptriage::symbols {
namespace {

using arch::FrameData;

// Records that begin at or before an rva and are looked at for the innermost one: a function has
// a handful.
constexpr int kMostNested = 64;

FrameData::Kind kind_of(unsigned frame, bool& known) {
  switch (frame) {
  case formats::kFrameFpo: return FrameData::Kind::fpo;
  case formats::kFrameTrap: return FrameData::Kind::trap;
  case formats::kFrameTss: return FrameData::Kind::tss;
  case formats::kFrameNonFpo: return FrameData::Kind::frame_pointer;
  }
  known = false;
  return FrameData::Kind::fpo;
}

} // namespace

void FrameTable::add_fpo(ByteView records) {
  for (std::uint64_t at = 0; auto record = records.get<formats::FpoData>(at);
       at += sizeof(formats::FpoData)) {
    const unsigned bits = record->Bits;
    bool known = true;
    FrameData data;
    data.kind = kind_of(bits >> 14, known);
    if (!known || record->cdwLocals > UINT32_MAX / 4) continue;
    data.start = data.function = record->ulOffStart;
    data.size = record->cbProcSize;
    data.prologue = bits & 0xFF;
    data.locals = record->cdwLocals * 4;
    data.parameters = record->cdwParams * 4u;
    data.saved_registers = (bits >> 8 & 7) * 4;
    data.saves_ebp = bits >> 12 & 1;
    records_.push_back({std::move(data), 0});
  }
}

void FrameTable::add_frame_data(ByteView stream,
                                const std::function<std::string(std::uint32_t)>& name_at) {
  std::map<std::uint32_t, std::uint32_t> known; // offset of a program -> index
  std::uint32_t function = 0; // records of one function follow the one that begins it
  std::uint64_t at = stream.size() % sizeof(formats::FrameDataRecord) == 0 ? 0 : 4;
  for (; auto record = stream.get<formats::FrameDataRecord>(at);
       at += sizeof(formats::FrameDataRecord)) {
    auto [program, fresh] = known.try_emplace(record->FrameFunc, programs_.size());
    if (fresh) programs_.push_back(name_at(record->FrameFunc));
    if (programs_[program->second].empty()) continue;
    FrameData data;
    data.start = record->RvaStart;
    if (record->Flags & formats::kFrameStartsFunction) function = record->RvaStart;
    if (data.start >= function) data.function = function;
    data.size = record->CodeSize;
    data.prologue = record->PrologSize;
    data.locals = record->LocalSize;
    data.parameters = record->ParamsSize;
    data.saved_registers = record->SavedRegsSize;
    records_.push_back({std::move(data), program->second});
  }
}

void FrameTable::seal() {
  // At one start the longer record comes first, and what FrameData says comes last.
  std::stable_sort(records_.begin(), records_.end(), [](const Record& a, const Record& b) {
    auto rank = [](const Record& r) {
      return std::tuple(r.data.start, ~r.data.size, r.data.kind == FrameData::Kind::program);
    };
    return rank(a) < rank(b);
  });
}

std::optional<FrameData> FrameTable::find(std::uint32_t rva) const {
  auto next = std::upper_bound(
      records_.begin(), records_.end(), rva,
      [](std::uint32_t at, const Record& record) { return at < record.data.start; });
  const Record* best = nullptr;
  for (int i = 0; i < kMostNested && next != records_.begin(); ++i) {
    const Record& record = *--next;
    if (rva - record.data.start >= record.data.size) continue;
    const bool program = record.data.kind == FrameData::Kind::program;
    if (program || best == nullptr) best = &record;
    if (program) break;
  }
  if (best == nullptr) return std::nullopt;
  FrameData data = best->data;
  if (data.kind == FrameData::Kind::program) data.program = programs_[best->program];
  return data;
}

} // namespace dumptriage::symbols
