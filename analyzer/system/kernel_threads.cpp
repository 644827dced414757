// The threads of a kernel dump: those on the CPUs, those of every process, and the idle threads,
// which no process lists.
#include <algorithm>
#include <array>
#include <unordered_set>

#include <fmt/format.h>

#include "arch/address.h"
#include "base/text.h"
#include "system/kernel_snapshot.h"
#include "system/switch_frame.h"
#include "system/thread_words.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kMostThreads = 16384;

struct ThreadReading {
  const KernelView& view;
  Snapshot& snapshot;
  const arch::Arch* arch;
  TickCount ticks;
  std::unordered_set<std::uint64_t> seen{};
  std::size_t odd = 0;
  bool whole = true;
  // Threads whose registers were not found, and why the first of them has none.
  std::size_t without_registers = 0;
  std::string first_reason{};
};

// A machine with one damage may have many torn lists; the first of them are told.
void tell_few(const Notes& found, Notes& notes) {
  constexpr std::size_t kTold = 8;
  for (std::size_t i = 0; i < found.size() && i < kTold; ++i) notes.push_back(found[i]);
  if (found.size() > kTold)
    add_note(notes, Severity::warning, Code::limit,
             fmt::format("thread lists: {} more that end early", found.size() - kTold));
}

const Process* process_at(const Snapshot& snapshot, std::uint64_t object) {
  auto found = std::ranges::find(snapshot.processes, object, &Process::object);
  return object == 0 || found == snapshot.processes.end() ? nullptr : &*found;
}

// Ids, state, wait and stacks, as far as the object can be read.
void describe(const KernelView& view, std::uint64_t object, const TickCount& ticks,
              ThreadState& thread) {
  auto pointer = [&](std::string_view structure, std::string_view field) {
    return view.value(object, structure, field).value_or(0);
  };
  auto byte = [&](std::string_view field) -> std::optional<std::uint8_t> {
    auto value = view.value(object, "_KTHREAD", field);
    return value && *value <= UINT8_MAX ? std::optional(static_cast<std::uint8_t>(*value))
                                        : std::nullopt;
  };
  if (auto cid = view.address_of(object, "_ETHREAD", "Cid")) {
    auto process = view.pointer(*cid), id = view.pointer(*cid + view.pointer_size);
    if (process && *process <= UINT32_MAX) thread.process_id = static_cast<std::uint32_t>(*process);
    if (id && *id != 0 && *id <= UINT32_MAX) thread.id = fmt::to_string(*id);
  }
  const std::uint32_t build = view.layout.build();
  thread.state_number = byte("State");
  if (thread.state_number) thread.state = thread_state_name(*thread.state_number);
  thread.priority = byte("Priority");
  thread.wait_reason = byte("WaitReason");
  if (thread.state == "waiting" && thread.wait_reason)
    thread.wait = wait_reason_of_build(*thread.wait_reason, build);
  if (auto since = view.value(object, "_KTHREAD", "WaitTime"); since && thread.state == "waiting")
    thread.wait_seconds = ticks.seconds_since(static_cast<std::uint32_t>(*since));
  thread.start_address = pointer("_ETHREAD", "StartAddress");
  thread.win32_start_address = pointer("_ETHREAD", "Win32StartAddress");
  thread.kernel_stack = pointer("_KTHREAD", "KernelStack");
  thread.initial_stack = pointer("_KTHREAD", "InitialStack");
  thread.trap_frame = pointer("_KTHREAD", "TrapFrame");
  thread.teb = pointer("_KTHREAD", "Teb");
  StackBounds stack = stack_of_thread(view, object);
  thread.stack_low = thread.own_stack_low = stack.low;
  thread.stack_high = thread.own_stack_high = stack.high;
  const StackBounds store = store_of_thread(view, object);
  thread.store_low = store.low;
  thread.store_high = store.high;
}

// A stack known by what is captured only reaches no further than where it began, nor into the
// backing store, which Itanium's threads have above it.
void end_stack(std::uint64_t sp, ThreadState& thread) {
  for (const std::uint64_t top : {thread.initial_stack, thread.store_low})
    if (sp < top && top < thread.stack_high) thread.stack_high = top;
}

// The process that owns a thread: KTHREAD.Process or ETHREAD.ThreadsProcess; the one whose memory
// it uses, when that is another, is ApcState.Process.
void find_process(const KernelView& view, std::uint64_t object, const Snapshot& snapshot,
                  ThreadState& thread) {
  auto used = view.value(object, "_KTHREAD", "ApcState.Process");
  auto owner = view.value(object, "_ETHREAD", "ThreadsProcess");
  if (!owner) owner = view.value(object, "_KTHREAD", "Process");
  auto attached = view.value(object, "_KTHREAD", "ApcStateIndex");
  if (!owner && attached == 0u) owner = used;
  if (owner && view.is_process(*owner)) thread.process_object = *owner;
  if (owner && used && *used != *owner && view.is_process(*used)) thread.attached_process = used;
  if (const Process* process = process_at(snapshot, thread.process_object))
    thread.process = process->name;
  else if (thread.process_object != 0)
    thread.process = view.image_name(thread.process_object).value_or("");
}

// Where a thread that does not run will go on.
void find_registers(ThreadReading& reading, ThreadState& thread) {
  constexpr std::uint8_t kInitialized = 0, kRunning = 2, kTerminated = 4;
  if (!thread.state_number || *thread.state_number == kRunning ||
      *thread.state_number == kInitialized || *thread.state_number == kTerminated)
    return;
  const KernelView& view = reading.view;
  std::string why = "its kernel stack is not known";
  if (thread.kernel_stack != 0 && thread.stack_high != 0 && !reading.snapshot.modules.empty()) {
    const dump::Module& kernel = reading.snapshot.modules.front();
    SwitchFrame frame = read_switch_frame(view.memory, {view.dump.machine,
                                                        view.layout.build(),
                                                        thread.kernel_stack,
                                                        {thread.stack_low, thread.stack_high},
                                                        {kernel.base, kernel.base + kernel.size}});
    why = frame.why_not;
    thread.context = std::move(frame.registers);
    if (thread.context) thread.context_from = frame.from;
  }
  if (thread.context) return;
  if (reading.without_registers++ == 0)
    reading.first_reason = fmt::format("thread {}: {}", thread.id, why);
}

ThreadState read_thread(const ThreadReading& reading, std::uint64_t object) {
  ThreadState thread;
  thread.object = object;
  describe(reading.view, object, reading.ticks, thread);
  find_process(reading.view, object, reading.snapshot, thread);
  return thread;
}

// A thread on a CPU has that CPU's registers.
ThreadState thread_of_cpu(ThreadReading& reading, const Cpu& cpu) {
  const KernelView& view = reading.view;
  ThreadState thread;
  bool readable = cpu.current_thread != 0 && view.is_thread(cpu.current_thread);
  if (readable) thread = read_thread(reading, cpu.current_thread);
  thread.object = cpu.current_thread;
  thread.cpu = cpu.number;
  thread.crashed = cpu.crashed;
  thread.context = cpu.context;
  thread.context_from = cpu.context_from;
  thread.idle = cpu.idle_thread != 0 && cpu.idle_thread == cpu.current_thread;
  if (thread.idle) thread.name = "idle";
  // All idle threads have the id 0.
  if (thread.id.empty() || thread.idle) thread.id = fmt::format("cpu {}", cpu.number);
  auto sp = reading.arch && thread.context ? sp_of(*reading.arch, *thread.context) : std::nullopt;
  if (sp) {
    StackBounds bounds = stack_around(view, *sp, {thread.stack_low, thread.stack_high}, &cpu);
    thread.stack_low = bounds.low;
    thread.stack_high = bounds.high;
    if (view.dump.machine == arch::Machine::ia64) end_stack(*sp, thread);
  }
  if (thread.object != 0) reading.seen.insert(thread.object);
  return thread;
}

// The thread that a triage dump copied is the one that crashed.
void describe_saved(ThreadReading& reading, const KernelView& raw, const RawObjects& objects,
                    ThreadState& thread) {
  if (!objects.thread || !raw.is_thread(*objects.thread)) return;
  const std::uint64_t address = raw.dump.kernel->triage->thread_address;
  if (thread.object == 0) thread.object = address;
  ThreadState saved = thread;
  describe(raw, *objects.thread, reading.ticks, saved);
  auto same_process = [&](const Process& process) { return process.id == saved.process_id; };
  auto process = std::ranges::find_if(reading.snapshot.processes, same_process);
  if (process != reading.snapshot.processes.end()) {
    saved.process = process->name;
    saved.process_object = process->object;
  } else {
    saved.id = thread.id; // the ids could not be told
    saved.process_id.reset();
  }
  auto sp = reading.arch && saved.context ? sp_of(*reading.arch, *saved.context) : std::nullopt;
  if (sp) {
    StackBounds bounds =
        stack_around(reading.view, *sp, {saved.stack_low, saved.stack_high}, nullptr);
    saved.stack_low = bounds.low;
    saved.stack_high = bounds.high;
    if (raw.dump.machine == arch::Machine::ia64) end_stack(*sp, saved);
  }
  thread = std::move(saved);
}

// Dumps without the structures still have the CONTEXT of the header.
void thread_from_header(const KernelView& view, Snapshot& snapshot) {
  auto context = registers_of(snapshot.machine, view.dump.kernel->header.context);
  if (!context) return;
  ThreadState thread;
  thread.id = "header";
  thread.crashed = !view.dump.kernel->live;
  const arch::Arch* arch = arch::find(snapshot.machine);
  StackBounds bounds = stack_around(view, *sp_of(*arch, *context), {}, nullptr);
  thread.stack_low = bounds.low;
  thread.stack_high = bounds.high;
  thread.context = std::move(context);
  thread.context_from = "header";
  snapshot.threads.push_back(std::move(thread));
}

struct ListPlace {
  std::string_view head_structure, head, structure, entry;
};
// The executive's list, since Windows 2000, and the kernel's, which all versions have.
constexpr ListPlace kLists[] = {
    {"_EPROCESS", "ThreadListHead", "_ETHREAD", "ThreadListEntry"},
    {"_KPROCESS", "ThreadListHead", "_KTHREAD", "ThreadListEntry"},
};

// True when one of the two lists was read to its end.
bool walk_threads(ThreadReading& reading, const KernelView& view, const Process& process) {
  const std::string name = fmt::format("thread list of {} ({})", process.name, process.id);
  bool known = false;
  for (const ListPlace& list : kLists) {
    auto head = view.address_of(process.object, list.head_structure, list.head);
    auto at = view.layout.offset(list.structure, list.entry);
    if (!head || !at) continue;
    known = true;
    if (reading.snapshot.threads.size() >= kMostThreads) return false;
    const ListEntries entries =
        list_entries(view, *head, kMostThreads - reading.snapshot.threads.size(), name.c_str());
    for (std::uint64_t entry : entries.entries) {
      std::uint64_t object = view.cut(entry - *at);
      if (!view.is_thread(object)) {
        ++reading.odd;
        continue;
      }
      if (!reading.seen.insert(object).second) continue;
      ThreadState thread = read_thread(reading, object);
      if (thread.id.empty()) thread.id = hex(object);
      find_registers(reading, thread);
      reading.snapshot.threads.push_back(std::move(thread));
    }
    if (entries.complete) return true;
  }
  if (!known) reading.whole = false;
  return false;
}

void read_lists(ThreadReading& reading) {
  const KernelView& from = reading.view;
  Notes found;
  const KernelView view(from.dump, from.memory, from.kdbg, from.layout, found);
  for (Process& process : reading.snapshot.processes) {
    if (process.object == 0) continue;
    process.threads_complete = walk_threads(reading, view, process);
    reading.whole &= process.threads_complete;
  }
  tell_few(found, from.notes);
  if (reading.odd != 0)
    add_note(
        reading.view.notes, Severity::warning, Code::bad_value,
        fmt::format("thread lists: {} entries are no threads, or cannot be read", reading.odd));
  if (reading.snapshot.threads.size() >= kMostThreads)
    add_note(
        reading.view.notes, Severity::warning, Code::limit,
        fmt::format("thread lists: more than {} threads; the rest is not listed", kMostThreads));
}

// Threads that say they run, on a CPU whose own structures could not be found: NT 4 and early 2000
// have no list of their CPUs.
void place_running(ThreadReading& reading) {
  constexpr std::uint8_t kRunning = 2;
  Snapshot& snapshot = reading.snapshot;
  for (ThreadState& thread : snapshot.threads) {
    if (thread.cpu || thread.state_number != kRunning) continue;
    auto number = reading.view.value(thread.object, "_KTHREAD", "NextProcessor");
    if (!number || *number >= snapshot.os.processors.value_or(0)) continue;
    auto at = std::ranges::lower_bound(snapshot.cpus, *number, {}, &Cpu::number);
    if (at != snapshot.cpus.end() && at->number == *number) continue;
    Cpu cpu;
    cpu.number = static_cast<std::uint32_t>(*number);
    cpu.current_thread = thread.object;
    thread.cpu = cpu.number;
    snapshot.cpus.insert(at, std::move(cpu));
  }
}

// Those that do not run just now.
void read_idle_threads(ThreadReading& reading) {
  Snapshot& snapshot = reading.snapshot;
  for (const Cpu& cpu : snapshot.cpus) {
    if (!reading.view.is_thread(cpu.idle_thread) || !reading.seen.insert(cpu.idle_thread).second)
      continue;
    ThreadState thread = read_thread(reading, cpu.idle_thread);
    thread.idle = true;
    thread.name = "idle";
    thread.id = fmt::format("idle {}", cpu.number);
    find_registers(reading, thread);
    snapshot.threads.push_back(std::move(thread));
  }
}

} // namespace

void read_threads(const KernelView& view, const KernelView& raw, const RawObjects& objects,
                  Snapshot& snapshot) {
  ThreadReading reading{view, snapshot, arch::find(view.dump.machine), TickCount(view), {}};
  for (const Cpu& cpu : snapshot.cpus) {
    ThreadState thread = thread_of_cpu(reading, cpu);
    if (cpu.crashed) describe_saved(reading, raw, objects, thread);
    snapshot.threads.push_back(std::move(thread));
  }
  const bool crashed = std::ranges::any_of(snapshot.threads, &ThreadState::crashed);
  if (!crashed) thread_from_header(view, snapshot);
  std::stable_partition(snapshot.threads.begin(), snapshot.threads.end(),
                        [](const ThreadState& t) { return t.crashed; });
  if (!view.dump.physical) return;
  read_lists(reading);
  place_running(reading);
  read_idle_threads(reading);
  if (reading.without_registers != 0)
    add_note(view.notes, Severity::info, Code::absent,
             fmt::format("registers of {} threads that do not run: not found; {}",
                         reading.without_registers, reading.first_reason));
  snapshot.threads_complete = snapshot.processes_complete && reading.whole && reading.odd == 0 &&
                              !snapshot.processes.empty();
}

} // namespace dumptriage::system
