#include "system/kernel_snapshot.h"

namespace dumptriage::system {

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

} // namespace dumptriage::system
