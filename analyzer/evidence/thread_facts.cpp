#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "arch/address.h"
#include "base/text.h"
#include "evidence/extractors.h"

namespace dumptriage::evidence {

std::string thread_id(const Input& input, std::size_t thread) {
  return "thread:" + input.snapshot.threads[thread].id;
}

const stack::Stack* stack_of(const Input& input, std::size_t thread) {
  if (thread >= input.stacks.size() || input.stacks[thread].frames.empty()) return nullptr;
  return &input.stacks[thread];
}

std::optional<std::size_t> crashed_thread(const Input& input) {
  const auto& threads = input.snapshot.threads;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    if (threads[i].crashed) return i;
  }
  return std::nullopt;
}

bool starts_at_fault(const Input& input, std::size_t thread) {
  const system::Stop& stop = input.snapshot.stop;
  const arch::Arch* arch = arch::find(input.snapshot.machine);
  const stack::Stack* stack = stack_of(input, thread);
  if (!arch || !stack || !stop.fault_context || !input.snapshot.threads[thread].crashed)
    return false;
  const auto pc = arch::pc_of(*arch, *stop.fault_context);
  return pc && stack->frames[0].exact_pc && stack->frames[0].pc == *pc;
}

namespace {

// What the threads of a dump are looked up in, so that each costs the same.
struct Lookups {
  explicit Lookups(const system::Snapshot& snapshot) {
    for (const system::Process& process : snapshot.processes)
      if (process.object != 0) by_object.emplace(process.object, &process);
    if (!snapshot.kernel && snapshot.processes.size() == 1) only = snapshot.processes.data();
    for (const system::WorkQueue& queue : snapshot.work_queues.queues)
      for (const std::string& worker : queue.workers) queue_of.emplace(worker, queue.name);
  }
  const system::Process* process_of(const system::ThreadState& thread) const {
    if (only) return only;
    const auto found = by_object.find(thread.process_object);
    return found == by_object.end() ? nullptr : found->second;
  }

  std::unordered_map<std::uint64_t, const system::Process*> by_object;
  std::unordered_map<std::string_view, std::string_view> queue_of;
  const system::Process* only = nullptr;
};

void add_process(const system::ThreadState& thread, const Lookups& lookups, Fact& fact) {
  const system::Process* process = lookups.process_of(thread);
  std::optional<std::uint64_t> id = thread.process_id;
  if (process) {
    if (process->object != 0 || process->id != 0) id = process->id;
    if (process->session) fact.fields["session"] = std::uint64_t{*process->session};
    fact.refs.push_back(process_id(*process));
  }
  if (id) {
    fact.fields["process"] = fmt::format("{}", *id);
    fact.fields["process_id"] = *id;
  }
  if (!thread.process.empty()) fact.fields["process_name"] = lower(base_name(thread.process));
}

void add_state(const system::ThreadState& thread, const Lookups& lookups, Fact& fact) {
  if (!thread.state.empty()) fact.fields["state"] = thread.state;
  if (!thread.wait.empty()) fact.fields["wait_reason"] = thread.wait;
  if (thread.wait_seconds) fact.fields["wait_s"] = *thread.wait_seconds;
  if (thread.object != 0) {
    fact.fields["object"] = Address{thread.object};
    fact.fields["idle"] = thread.idle;
  }
  const auto queue = lookups.queue_of.find(thread.id);
  if (queue != lookups.queue_of.end()) fact.fields["system_worker"] = std::string(queue->second);
}

// Nothing of a thread that has ended, or not begun, is on its stack any more or yet.
bool has_no_stack(const system::ThreadState& thread) {
  constexpr std::uint8_t kInitialized = 0, kTerminated = 4; // KTHREAD_STATE
  return thread.state_number == kInitialized || thread.state_number == kTerminated;
}

Coverage coverage_of(const Input& input, std::size_t kept) {
  const auto& threads = input.snapshot.threads;
  if (threads.empty()) return {"thread", Coverage::Extent::none, 0, 0, "the dump lists no threads"};
  Coverage coverage{"thread", Coverage::Extent::complete, 0, threads.size(), ""};
  std::size_t first_gap = threads.size();
  for (std::size_t i = 0; i < threads.size(); ++i) {
    const stack::Stack* stack = stack_of(input, i);
    if ((stack && stack->whole) || (!stack && has_no_stack(threads[i])))
      ++coverage.seen;
    else
      first_gap = std::min(first_gap, i);
  }
  if (input.snapshot.kernel && !input.snapshot.threads_complete) {
    coverage.of = 0;
    coverage.missing = "not all threads of the machine can be read from this dump";
  } else if (kept < threads.size()) {
    coverage.missing = fmt::format("only the first {} threads are kept", kept);
  } else if (first_gap < threads.size()) {
    coverage.missing =
        fmt::format("the stacks of {} of {} threads are not known to their end, thread {}'s first",
                    threads.size() - coverage.seen, threads.size(), threads[first_gap].id);
  }
  if (!coverage.missing.empty()) coverage.extent = Coverage::Extent::partial;
  return coverage;
}

} // namespace

void extract_threads(const Input& input, FactSet& set) {
  const auto& threads = input.snapshot.threads;
  const Lookups lookups(input.snapshot);
  const std::size_t kept = std::min(threads.size(), kMostFacts);
  for (std::size_t i = 0; i < kept; ++i) {
    Fact fact;
    fact.kind = "thread";
    fact.id = thread_id(input, i);
    fact.trust = "dump";
    fact.fields["thread"] = threads[i].id;
    fact.fields["crashed"] = threads[i].crashed;
    if (threads[i].cpu) {
      fact.fields["cpu"] = std::uint64_t{*threads[i].cpu};
      fact.refs.push_back(cpu_id(*threads[i].cpu));
    }
    if (const stack::Stack* stack = stack_of(input, i)) {
      fact.fields["sure_frames"] = std::uint64_t{stack->sure_frames};
      fact.fields["whole"] = stack->whole;
    }
    add_process(threads[i], lookups, fact);
    add_state(threads[i], lookups, fact);
    set.facts.push_back(std::move(fact));
  }
  set.coverage.push_back(coverage_of(input, kept));
}

} // namespace dumptriage::evidence
