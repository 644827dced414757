// Drivers that were unloaded: the list of triage dumps, or the kernel's own ring.
#include <algorithm>
#include <cstddef>

#include "formats/kdbg64.h"
#include "system/kernel_snapshot.h"

namespace dumptriage::system {
namespace {

using formats::KdDebuggerData64;

// Source: _UNLOADED_DRIVERS in Microsoft's public symbols, as volatility lists it: Name,
// StartAddress, EndAddress, CurrentTime.
struct EntryFields {
  std::uint64_t start, end, stride;
};
constexpr EntryFields kNarrow = {0x8, 0xC, 0x18}, kWide = {0x10, 0x18, 0x28};
constexpr std::uint32_t kEntries = 50;

// MmUnloadedDrivers points to the ring, and MmLastUnloadedDriver counts the entry that is written
// next; the newest come first here.
void read_ring(const KernelView& view, Snapshot& snapshot) {
  auto variable = view.kdbg.address(offsetof(KdDebuggerData64, MmUnloadedDrivers));
  auto counter = view.kdbg.address(offsetof(KdDebuggerData64, MmLastUnloadedDriver));
  auto ring = variable ? view.pointer(view.cut(*variable)) : std::nullopt;
  auto next = counter ? view.u32(view.cut(*counter)) : std::nullopt;
  if (!ring || *ring == 0 || !next || *next > kEntries) return;
  const EntryFields fields = view.pointer_size == 4 ? kNarrow : kWide;
  for (std::uint32_t i = 0; i < kEntries; ++i) {
    std::uint32_t index = (*next + kEntries - 1 - i) % kEntries;
    std::uint64_t entry = view.cut(*ring + index * fields.stride);
    auto start = view.pointer(view.cut(entry + fields.start));
    auto end = view.pointer(view.cut(entry + fields.end));
    if (!start || !end || !view.is_kernel_address(*start)) continue; // a free slot
    dump::UnloadedModule module;
    module.base = *start;
    if (*end > *start) module.size = *end - *start;
    module.name = view.unicode_string(entry).value_or("");
    // Elsewhere the entry's layout is inferred, and one that makes no sense is none.
    if (!view.has_published_layouts() && (module.name.empty() || module.size == 0)) continue;
    snapshot.unloaded_modules.push_back(std::move(module));
  }
}

} // namespace

void read_unloaded_drivers(const KernelView& view, Snapshot& snapshot) {
  if (view.dump.kernel->triage)
    snapshot.unloaded_modules = view.dump.kernel->triage->unloaded_drivers;
  else
    read_ring(view, snapshot);
}

} // namespace dumptriage::system
