// The system's work queues (critical, delayed, hypercritical) and their worker threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dumptriage::system {

class KernelView;
struct Snapshot;

struct WorkQueue {
  std::string name; // "critical", "delayed", "hypercritical"
  std::uint64_t address = 0;
  std::vector<std::string> workers;    // ThreadState::id
  std::uint32_t idle = 0, blocked = 0; // of the workers: waiting on the queue, on something else
  std::uint32_t pending = 0;           // items nobody has taken
  std::string trust;
};
struct WorkQueues {
  std::vector<WorkQueue> queues;
  bool complete = false;
  std::string missing;
};
WorkQueues read_work_queues(const KernelView& view, const Snapshot& snapshot);

} // namespace dumptriage::system
