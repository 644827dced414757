#include "system/worker_queues.h"

namespace dumptriage::system {

WorkQueues read_work_queues(const KernelView&, const Snapshot&) {
  WorkQueues queues;
  queues.missing = "work queues are not read";
  return queues;
}

} // namespace dumptriage::system
