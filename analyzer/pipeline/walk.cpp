#include "pipeline/parts.h"

#include <algorithm>

namespace dumptriage::pipeline {
namespace {

// A dump of a hang names no thread: then all are walked, up to here.
constexpr std::size_t kMostWithoutCrash = 256;

std::vector<bool> choose(const system::Snapshot& snapshot, Threads threads) {
  const auto& all = snapshot.threads;
  std::vector<bool> chosen(all.size(), threads == Threads::all);
  if (threads == Threads::all) return chosen;
  bool crashed = std::any_of(all.begin(), all.end(), [](const auto& t) { return t.crashed; });
  for (std::size_t i = 0; i < all.size(); ++i) {
    chosen[i] = all[i].crashed;
    // In a kernel dump a thread with a CPU is what that CPU was doing.
    if (threads == Threads::cpus && snapshot.kernel && all[i].cpu) chosen[i] = true;
    if (threads == Threads::cpus && !crashed && i < kMostWithoutCrash) chosen[i] = true;
  }
  return chosen;
}

stack::Stack walk_one(const system::ThreadState& thread, const system::Snapshot& snapshot,
                      const arch::Arch* arch, symbols::ModuleSet& modules) {
  stack::Stack stack;
  const arch::Registers* start = thread.context ? &*thread.context : nullptr;
  if (!start && thread.crashed && snapshot.stop.fault_context)
    start = &*snapshot.stop.fault_context;
  if (!start) {
    stack.ended = "the dump holds no registers of this thread";
    return stack;
  }
  if (!arch) {
    stack.ended = "this program does not know the CPU";
    return stack;
  }
  stack = stack::walk(*start, *arch, modules, thread.stack_low, thread.stack_high);
  stack::name_frames(stack, modules);
  return stack;
}

} // namespace

Walks walk_threads(const system::Snapshot& snapshot, symbols::ModuleSet& modules, Threads threads) {
  Walks walks;
  walks.walked = choose(snapshot, threads);
  walks.stacks.resize(snapshot.threads.size());
  const arch::Arch* arch = arch::find(snapshot.machine);
  for (std::size_t i = 0; i < snapshot.threads.size(); ++i) {
    if (walks.walked[i])
      walks.stacks[i] = walk_one(snapshot.threads[i], snapshot, arch, modules);
    else
      walks.stacks[i].ended = "not walked";
  }
  return walks;
}

} // namespace dumptriage::pipeline
