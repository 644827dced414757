#include "pipeline/objects.h"
#include "system/kernel_view.h"

namespace dumptriage::pipeline {

void read_accounts(const dump::Dump& dump, system::Snapshot& snapshot) {
  if (!snapshot.basis) return;
  system::KernelView view = system::view_of(dump, snapshot, snapshot.notes);
  snapshot.free_lists = system::read_free_lists(view, snapshot);
  snapshot.work_queues = system::read_work_queues(view, snapshot);
  snapshot.pool_usage = system::read_pool_usage(view);
}

} // namespace dumptriage::pipeline
