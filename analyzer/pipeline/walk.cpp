#include <algorithm>

#include "arch/address.h"
#include "pipeline/parts.h"
#include "stack/fault_origin.h"

namespace dumptriage::pipeline {
namespace {

// A dump of a hang names no thread: then all are walked, up to here.
constexpr std::size_t kMostWithoutCrash = 256;

// In the order in which they are walked, as far as the budget of all of them goes.
std::vector<std::size_t> choose(const system::Snapshot& snapshot, Threads threads) {
  const auto& all = snapshot.threads;
  const bool crashed = std::any_of(all.begin(), all.end(), [](const auto& t) { return t.crashed; });
  std::vector<std::size_t> order;
  std::vector<bool> chosen(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    chosen[i] = threads == Threads::all || all[i].crashed;
    // In a kernel dump a thread with a CPU is what that CPU was doing.
    if (threads == Threads::cpus && snapshot.kernel && all[i].cpu) chosen[i] = true;
    if (chosen[i]) order.push_back(i);
  }
  if (threads != Threads::cpus) return order;
  std::vector<std::size_t> more = waiting_threads(snapshot);
  for (std::size_t i = 0; !crashed && i < std::min(all.size(), kMostWithoutCrash); ++i)
    more.push_back(i);
  for (const std::size_t i : more) {
    if (!chosen[i]) order.push_back(i);
    chosen[i] = true;
  }
  return order;
}

// Where things really went wrong is a better start than what the thread was saved with: that lies
// inside the stop machinery.
struct Start {
  const arch::Registers* registers = nullptr;
  std::string from;
};

Start start_of(const system::ThreadState& thread, const system::Snapshot& snapshot) {
  const system::Stop& stop = snapshot.stop;
  if (thread.crashed && stop.fault_context) return {&*stop.fault_context, stop.fault_context_from};
  if (thread.context) return {&*thread.context, thread.context_from};
  return {};
}

// The thread's bounds, when they hold the stack pointer; a double fault runs on a stack of its own.
memory::AddressSpace::Range bounds_of(const system::ThreadState& thread,
                                      const system::Snapshot& snapshot, const arch::Arch& arch,
                                      const arch::Registers& start) {
  memory::AddressSpace::Range bounds{thread.stack_low, thread.stack_high};
  auto sp = arch::sp_of(arch, start);
  if (!sp || bounds.end == 0 || (*sp >= bounds.start && *sp < bounds.end)) return bounds;
  return snapshot.memory->range_around(*sp).value_or(memory::AddressSpace::Range{});
}

// The stack that a walk may go over to: the thread's own, when its CPU ran on that of DPCs or
// interrupts.  Its upper end is in the page where InitialStack points.
std::vector<memory::AddressSpace::Range> other_stacks(const system::ThreadState& thread,
                                                      const system::Snapshot& snapshot) {
  constexpr std::uint64_t kPage = 0x1000;
  const std::uint64_t top = thread.initial_stack;
  if (top == 0 || top > UINT64_MAX - kPage) return {};
  if (top > thread.stack_low && top <= thread.stack_high) return {};
  auto range = snapshot.memory->range_around(top - 1);
  if (!range) return {};
  return {{range->start, std::min(range->end, (top + kPage - 1) / kPage * kPage)}};
}

// The registers of an x86 switch frame are those behind KiSwapContext's own frame; as debuggers do,
// it is shown above them.  That both its addresses follow calls was seen when they were read.
void show_context_switch(const system::ThreadState& thread, const system::Snapshot& snapshot,
                         const symbols::ModuleSet& modules, stack::Stack& stack) {
  constexpr std::uint64_t kRetAddr = 8, kFrame = 0x20; // KSWITCH_FRAME
  if (snapshot.machine != arch::Machine::x86 || thread.context_from != "switch frame" ||
      thread.kernel_stack == 0 || stack.frames.empty() ||
      stack.frames[0].sp != thread.kernel_stack + kFrame)
    return;
  const auto pc = snapshot.memory->u32(thread.kernel_stack + kRetAddr);
  if (!pc) return;
  stack::Frame frame;
  frame.pc = *pc;
  frame.sp = thread.kernel_stack + kRetAddr + 4;
  frame.exact_pc = true;
  frame.trust = arch::Trust::context;
  frame.module = modules.module_at(frame.pc);
  if (frame.module) frame.module_name = std::string(modules.modules()[*frame.module].name());
  stack.frames.insert(stack.frames.begin(), std::move(frame));
  ++stack.sure_frames;
}

stack::Stack walk_one(const system::ThreadState& thread, const system::Snapshot& snapshot,
                      const arch::Arch* arch, symbols::ModuleSet& modules, std::string& from) {
  stack::Stack stack;
  Start from_here = start_of(thread, snapshot);
  const arch::Registers* start = from_here.registers;
  from = from_here.from;
  if (!start) {
    stack.ended = "the dump holds no registers of this thread";
    return stack;
  }
  if (!arch) {
    stack.ended = "this program does not know the CPU";
    return stack;
  }
  auto bounds = bounds_of(thread, snapshot, *arch, *start);
  stack::WalkLimits limits;
  const bool narrow = thread.wow64 && thread.wow64->running;
  if (narrow) limits.frames = 1;
  stack = stack::walk(*start, *arch, modules, bounds.start, bounds.end, limits,
                      other_stacks(thread, snapshot));
  if (narrow) stack.ended = stack.sure_ended = "it ran 32-bit code: see its 32-bit stack";
  show_context_switch(thread, snapshot, modules, stack);
  stack::name_frames(stack, modules);
  return stack;
}

// A double fault of 32-bit x86: what the CPU did before is in no frame.
void look_before_double_fault(const system::ThreadState& thread, system::Snapshot& snapshot,
                              const arch::Arch& arch) {
  constexpr std::uint64_t kPrcbData = 0x120; // _KPCR.PrcbData
  system::Stop& stop = snapshot.stop;
  if (stop.fault_context || snapshot.machine != arch::Machine::x86 || !thread.context ||
      !stack::is_double_fault(stop))
    return;
  const auto sp = thread.context->get(arch.sp);
  for (const system::Cpu& cpu : snapshot.cpus) {
    if (!cpu.crashed || cpu.prcb < kPrcbData || !sp) continue;
    stop.fault_context = stack::before_double_fault(*snapshot.memory, cpu.prcb - kPrcbData, *sp);
    if (stop.fault_context) stop.fault_context_from = "task state saved by the double fault";
  }
}

// Lets the crashed thread's stack begin at the fault, when that is proved to be one of its frames.
void start_at_fault(stack::Stack& stack, system::Snapshot& snapshot, std::string& from) {
  const auto origin = stack::find_fault_origin(stack, snapshot);
  if (!origin) return;
  snapshot.stop.fault_context = stack.frames[origin->frame].registers;
  snapshot.stop.fault_context_from = from = origin->from;
  stack.frames.erase(stack.frames.begin(),
                     stack.frames.begin() + static_cast<std::ptrdiff_t>(origin->frame));
  stack.sure_frames -= origin->frame;
}

} // namespace

Walks walk_threads(system::Snapshot& snapshot, symbols::ModuleSet& modules, Threads threads) {
  Walks walks;
  const std::size_t count = snapshot.threads.size();
  walks.walked.resize(count);
  walks.stacks.resize(count);
  walks.context_from.resize(count);
  for (stack::Stack& stack : walks.stacks) stack.ended = "not walked";
  const arch::Arch* arch = arch::find(snapshot.machine);
  std::size_t frames = 0, work = 0;
  for (const std::size_t i : choose(snapshot, threads)) {
    if (frames >= kMostFrames || work >= kMostWork) {
      walks.stacks[i].ended = "not walked: the limit for all threads";
      continue;
    }
    walks.walked[i] = true;
    const system::ThreadState& thread = snapshot.threads[i];
    if (thread.crashed && arch) look_before_double_fault(thread, snapshot, *arch);
    walks.stacks[i] = walk_one(thread, snapshot, arch, modules, walks.context_from[i]);
    frames += walks.stacks[i].frames.size();
    work += walks.stacks[i].work;
    if (thread.crashed && !snapshot.stop.fault_context)
      start_at_fault(walks.stacks[i], snapshot, walks.context_from[i]);
    if (thread.crashed && !snapshot.stop.fault_context)
      if (auto registers = stack::trap_frame_of_stop(snapshot)) {
        snapshot.stop.fault_context = std::move(registers);
        snapshot.stop.fault_context_from = "trap frame at the bugcheck's parameter";
        walks.stacks[i] = walk_one(thread, snapshot, arch, modules, walks.context_from[i]);
      }
  }
  return walks;
}

} // namespace dumptriage::pipeline
