// KPCRs of x86 kernels that keep no list of their CPUs (NT 4, early 2000): every one begins a page
// and holds its own address and that of the KPRCB behind it (Geoff Chappell).
#include <array>

#include <fmt/format.h>

#include "system/kernel_snapshot.h"

namespace dumptriage::system {

std::vector<std::uint64_t> scan_for_kpcrs(const KernelView& view, std::size_t wanted) {
  constexpr std::uint64_t kPage = 0x1000, kMostPages = 0x20000; // 512 MB
  constexpr std::uint64_t kPrcbData = 0x120;
  std::vector<std::uint64_t> found;
  auto self = view.layout.offset("_KPCR", "SelfPcr"), prcb = view.layout.offset("_KPCR", "Prcb");
  const memory::PhysicalMemory* physical = view.dump.physical.get();
  if (!physical || view.pointer_size != 4 || !self || !prcb) return found;
  std::uint64_t looked = 0, left = physical->page_count();
  constexpr std::uint64_t kFrames = 0x100000; // of 4 GB
  for (std::uint64_t frame = 0; frame < kFrames && left != 0 && found.size() < wanted; ++frame) {
    if (!physical->has_page(frame)) continue;
    --left;
    if (++looked > kMostPages) {
      add_note(view.notes, Severity::info, Code::limit,
               fmt::format("CPUs: only the first {} MB of memory were searched for them",
                           kMostPages * kPage >> 20));
      break;
    }
    auto address = physical->pointer(frame * kPage + *self, 4);
    if (!address || !view.is_kernel_address(*address) || *address % kPage != 0 ||
        physical->pointer(frame * kPage + *prcb, 4) != *address + kPrcbData)
      continue;
    // The boot CPU's lies at a second address as well, and a stale page at none.
    if (view.pointer(*address + *self) == *address) found.push_back(*address);
  }
  return found;
}

} // namespace dumptriage::system
