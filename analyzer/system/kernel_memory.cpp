// Which memory a snapshot of a kernel dump stands on.
#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "base/text.h"
#include "system/kernel_snapshot.h"

namespace dumptriage::system {
namespace {

// Does the kernel's module list translate, both ways?
bool is_kernels_memory(const KernelView& view) {
  std::uint64_t head = view.cut(view.dump.kernel->header.ps_loaded_module_list);
  auto first = view.pointer(head);
  auto back = first ? view.pointer(*first + view.pointer_size) : std::nullopt;
  return back == head;
}

bool maps_itself(ByteView entries, std::uint64_t root, bool wide) {
  constexpr std::uint64_t kValid = 1, kFrame64 = 0x000FFFFFFFFFF000, kFrame32 = 0xFFFFF000;
  for (std::uint64_t at = 0; at < entries.size(); at += wide ? 8 : 4) {
    std::uint64_t entry = wide ? *entries.u64(at) : *entries.u32(at);
    if ((entry & kValid) && (entry & (wide ? kFrame64 : kFrame32)) == root) return true;
  }
  return false;
}

} // namespace

RawObjects::RawObjects(const dump::Dump& dump) {
  if (!dump.kernel || !dump.kernel->triage) return;
  const dump::Triage& triage = *dump.kernel->triage;
  // Each in a stretch of its own, in the kernel's half for either width.
  std::uint64_t next = arch::pointer_size_of(dump.machine) == 4 ? 0x80000000 : 0xFFFF800000000000;
  auto place = [&](ByteView bytes, std::optional<std::uint64_t>& at) {
    constexpr std::uint64_t kStretch = 0x1000000;
    next += kStretch;
    if (bytes.empty() || bytes.size() > kStretch / 2) return;
    at = next;
    memory_.add(next, bytes);
  };
  place(triage.prcb, prcb);
  place(triage.process, process);
  place(triage.thread, thread);
  memory_.seal();
}

// With page-table isolation a CPU may stop on tables that map little of the kernel; then the
// kernel's own data do not translate with the header's.  The first processes' tables lie low in
// physical memory.  A page is a root when one entry of its kernel half maps the page itself (the
// kernel's window on its tables), and it is the right one when the kernel's module list translates
// through it.
std::shared_ptr<const memory::AddressSpace> best_memory(const dump::Dump& dump, Notes& notes) {
  if (!dump.physical) return dump.memory;
  KernelView view(dump, *dump.memory, {}, {}, notes);
  if (dump.kernel->header.ps_loaded_module_list == 0 || is_kernels_memory(view)) return dump.memory;
  constexpr std::uint64_t kPage = 0x1000, kLow = 16 << 20;
  const bool wide = dump.tables.paging == memory::Paging::x64;
  if (!wide && dump.tables.paging != memory::Paging::x86) return dump.memory;
  std::array<std::byte, kPage / 2> kernel_half;
  for (std::uint64_t root = kPage; root < kLow; root += kPage) {
    if (!dump.physical->has_page(root / kPage) ||
        !dump.physical->copy(root + kPage / 2, kernel_half) ||
        !maps_itself(ByteView(kernel_half.data(), kernel_half.size()), root, wide))
      continue;
    auto memory = dump::address_space(dump, root);
    if (!memory || !is_kernels_memory(KernelView(dump, *memory, {}, {}, notes))) continue;
    add_note(notes, Severity::info, Code::mismatch,
             fmt::format("page tables: the kernel's own data do not translate with those of the "
                         "header ({}); those at {} do, and are used",
                         hex(dump.tables.root), hex(root)));
    return memory;
  }
  return dump.memory;
}

} // namespace dumptriage::system
