// Where the register backing store's slice of an Itanium triage dump lies.  TRIAGE_DUMP64 has the
// slice's bytes and LimitOfBStore, but no public source says which of its ends the limit is, or
// whether it is one.  So the dump has to say it: of the header's limit, the thread's BStore and
// BStoreLimit, and the registers RsBSP and RsBSPSTORE two must name an end of the slice and agree,
// and the registers must lie in it.  Otherwise the slice stays without an address.
#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/kernel_reading.h"
#include "formats/context_ia64.h"
#include "formats/kdbg64.h"

namespace dumptriage::dump {
namespace {

using formats::ContextIa64;
using formats::KdDebuggerData64;

struct Known {
  std::uint64_t size = 0, limit = 0;
  std::uint64_t base = 0, top = 0;      // of the thread's store; 0: not known
  std::vector<std::uint64_t> registers; // RsBSP and RsBSPSTORE of the contexts
};

void add_registers(ByteView context, Known& known) {
  const auto wire = context.get<ContextIa64>(0);
  if (!wire || !(wire->ContextFlags & formats::kContextIa64Control)) return;
  for (const std::uint64_t value : {std::uint64_t{wire->RsBSP}, std::uint64_t{wire->RsBSPSTORE}})
    if (value != 0) known.registers.push_back(value);
}

Known known_of(const TriageReading& reading, const DebuggerData& kdbg, const Triage& triage) {
  Known known;
  known.size = triage.backing_store.size();
  known.limit = triage.backing_store_limit;
  auto of_thread = [&](std::size_t field) -> std::uint64_t {
    const auto at = kdbg.offset16(field);
    return at ? triage.thread.u64(*at).value_or(0) : 0;
  };
  known.base = of_thread(offsetof(KdDebuggerData64, OffsetKThreadBStore));
  known.top = of_thread(offsetof(KdDebuggerData64, OffsetKThreadBStoreLimit));
  if (known.base >= known.top) known.base = known.top = 0;
  add_registers(reading.header.context, known);
  if (const auto at = kdbg.offset16(offsetof(KdDebuggerData64, OffsetPrcbProcStateContext)))
    add_registers(triage.prcb.clamp(*at, formats::kContextIa64Size), known);
  return known;
}

// How many of the three name an end of [start, start + size); 0 when it cannot lie there.
int witnesses(const Known& known, std::uint64_t start) {
  constexpr std::uint64_t kKernel = std::uint64_t{4} << 61;
  const auto end = checked_add(start, known.size);
  if (!end || start < kKernel || start % 8 != 0) return 0;
  if (known.base != 0 && (start < known.base || *end > known.top)) return 0;
  auto inside = [&](std::uint64_t value) { return value > start && value <= *end; };
  if (std::ranges::none_of(known.registers, inside)) return 0;
  const bool by_register = std::ranges::find(known.registers, *end) != known.registers.end();
  const bool by_limit = known.limit == start || known.limit == *end;
  const bool by_thread = known.base != 0 && (known.base == start || known.top == *end);
  return by_register + by_limit + by_thread;
}

} // namespace

void place_backing_store(const TriageReading& reading, Triage& triage) {
  if (triage.backing_store.empty()) return;
  const Known known = known_of(reading, DebuggerData(triage.debugger_data), triage);
  std::vector<std::uint64_t> starts = {known.limit, known.limit - known.size, known.base,
                                       known.top - known.size};
  for (const std::uint64_t value : known.registers) starts.push_back(value - known.size);
  std::ranges::sort(starts);
  starts.erase(std::ranges::unique(starts).begin(), starts.end());
  std::erase_if(starts, [&](std::uint64_t start) { return witnesses(known, start) < 2; });
  if (starts.size() == 1) {
    triage.backing_store_start = starts.front();
    return;
  }
  add_note(reading.notes, Severity::warning, Code::unsupported,
           fmt::format("register backing store: undecided where its {} bytes lie; no public source "
                       "says it, and LimitOfBStore ({}), the thread's store ({} ... {}) and the "
                       "context's registers do not agree on {}",
                       known.size, hex(known.limit), hex(known.base), hex(known.top),
                       starts.empty() ? "a place" : "one place"),
           Where::file(reading.body.backing_store));
}

} // namespace dumptriage::dump
