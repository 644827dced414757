#include "system/snapshot.h"

#include "system/sources.h"

namespace dumptriage::system {

Snapshot take_snapshot(const dump::Dump& dump,
                       std::shared_ptr<const symbols::PdbTypes> kernel_types) {
  if (dump.minidump) return from_minidump(dump);
  if (dump.kernel) return from_kernel(dump, std::move(kernel_types));
  Snapshot snapshot;
  snapshot.machine = dump.machine;
  snapshot.memory = dump.memory;
  snapshot.modules_complete = false;
  return snapshot;
}

} // namespace dumptriage::system
