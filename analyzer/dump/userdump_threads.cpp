// Threads, their contexts, and the debug event that ended the process.
#include <fmt/format.h>

#include "base/text.h"
#include "dump/userdump_reading.h"
#include "formats/context_alpha.h"
#include "formats/context_ia64.h"
#include "formats/context_x64.h"
#include "formats/context_x86.h"

namespace dumptriage::dump::userdump {
namespace {

using namespace formats;

constexpr std::uint64_t kMostThreads = 1 << 14;

// Where a CONTEXT keeps its flags, which of them names the CPU, and how long it can be.
struct ContextKind {
  arch::Machine machine;
  std::uint32_t size, flags_at, cpu;
};
constexpr ContextKind kContexts[] = {
    {arch::Machine::x86, kContextX86Nt4Size, 0, kContextX86},
    {arch::Machine::x86, kContextX86Size, 0, kContextX86},
    {arch::Machine::x64, kContextX64Size, offsetof(ContextX64, ContextFlags), kContextX64},
    {arch::Machine::ia64, kContextIa64Size, 0, kContextIa64},
    {arch::Machine::alpha, kContextAlphaSize, offsetof(ContextAlpha, ContextFlags), kContextAlpha},
    {arch::Machine::alpha64, kContextAlphaSize, offsetof(ContextAlpha, ContextFlags),
     kContextAlpha},
};

// Whether every context of the table names the CPU when they lie `kind.size` apart.
bool fits(const Reading& r, const ContextKind& kind) {
  std::uint64_t count = std::min(r.file.left(r.header.thread_offset) / kind.size, r.header.threads);
  count = std::min(count, kMostThreads);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t at = r.header.thread_offset + i * kind.size + kind.flags_at;
    if ((r.file.u32(at).value_or(0) & kind.cpu) == 0) return false;
  }
  return count != 0;
}

// The size of one context: 0xCC and 0x2CC are both possible for x86, and nothing in the header says
// which.  The distance to the next table or the contexts themselves decide; 0 when neither does.
std::uint64_t context_size(const Reading& r) {
  const Header& h = r.header;
  std::uint64_t distance = h.next_table(h.thread_offset, r.file.size()) - h.thread_offset;
  std::uint64_t fitting = 0, fitting_size = 0;
  bool known = false;
  for (const ContextKind& kind : kContexts) {
    if (kind.machine != r.machine) continue;
    known = true;
    // A table that runs into the next one has another size; one at the end of a file may be cut.
    bool runs_over = h.threads * kind.size > distance;
    if (runs_over && h.thread_offset + distance < r.file.size()) continue;
    if (!fits(r, kind)) continue;
    if (distance == h.threads * kind.size) return kind.size;
    // Of one context alone the shorter form is always right as far as it goes.
    if (fitting++ == 0 || h.threads == 1) fitting_size = fitting == 1 ? kind.size : fitting_size;
  }
  if (fitting == 1 || (fitting > 1 && h.threads == 1)) return fitting_size;
  if (!known && h.threads != 0 && distance % h.threads == 0) return distance / h.threads;
  return 0;
}

template <class Raw> Thread thread_of(const Raw& raw) {
  Thread thread;
  thread.id = raw.ThreadId;
  thread.suspend_count = raw.SuspendCount;
  thread.priority_class = raw.PriorityClass;
  thread.priority = raw.Priority;
  thread.teb = raw.Teb;
  return thread;
}

void read_states(Reading& r) {
  const Header& h = r.header;
  if (h.thread_state_offset == 0) {
    r.note(Severity::warning, Code::absent, "thread states: none; the threads' ids are not known",
           offsetof(USERMODE_CRASHDUMP_HEADER32, ThreadStateOffset));
    r.dump.threads.resize(
        r.entries("thread contexts", h.threads, h.thread_offset, kContextX86Nt4Size, kMostThreads));
    return;
  }
  std::uint64_t stride = h.is64 ? sizeof(CRASH_THREAD64) : sizeof(CRASH_THREAD32);
  std::uint64_t count =
      r.entries("thread states", h.threads, h.thread_state_offset, stride, kMostThreads);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t at = h.thread_state_offset + i * stride;
    r.dump.threads.push_back(h.is64 ? thread_of(*r.file.get<CRASH_THREAD64>(at))
                                    : thread_of(*r.file.get<CRASH_THREAD32>(at)));
  }
}

void read_contexts(Reading& r) {
  const Header& h = r.header;
  if (r.dump.threads.empty()) return;
  std::uint64_t size = context_size(r);
  if (size == 0)
    return r.lost(Code::bad_value,
                  "thread contexts: no size of a context fits both the table and this CPU; no "
                  "registers are read",
                  h.thread_offset);
  std::uint64_t count =
      r.entries("thread contexts", h.threads, h.thread_offset, size, r.dump.threads.size());
  for (std::uint64_t i = 0; i < count; ++i)
    r.dump.threads[i].context = *r.file.slice(h.thread_offset + i * size, size);
}

template <class Raw> ExceptionRecord record_of(const Raw& raw) {
  ExceptionRecord record;
  record.code = raw.ExceptionCode;
  record.flags = raw.ExceptionFlags;
  record.record = raw.ExceptionRecord;
  record.address = raw.ExceptionAddress;
  std::uint32_t count = std::min<std::uint32_t>(raw.NumberParameters, kExceptionParameters);
  for (std::uint32_t i = 0; i < count; ++i)
    record.parameters.push_back(raw.ExceptionInformation[i]);
  return record;
}

template <class Raw> std::optional<ExceptionRecord> exception_at(Reading& r, std::uint64_t offset) {
  auto raw = r.file.get<Raw>(offset);
  if (!raw) {
    r.lost(Code::truncated, "debug event: the exception lies beyond the end of the file", offset);
    return std::nullopt;
  }
  if (raw->ExceptionCode != 0 && raw->NumberParameters <= kExceptionParameters)
    return record_of(*raw);
  r.note(Severity::warning, Code::bad_value,
         fmt::format("debug event: code {} with {} parameters is no exception",
                     hex(raw->ExceptionCode, 8), std::uint32_t{raw->NumberParameters}),
         offset);
  return std::nullopt;
}

} // namespace

void read_threads(Reading& r) {
  if (r.header.threads == 0) return;
  read_states(r);
  read_contexts(r);
}

void read_debug_event(Reading& r) {
  std::uint64_t offset = r.header.event_offset;
  if (offset == 0)
    return r.note(Severity::info, Code::absent, "debug event: none",
                  offsetof(USERMODE_CRASHDUMP_HEADER32, DebugEventOffset));
  auto start = r.file.get<DEBUG_EVENT_START>(offset);
  if (!start)
    return r.lost(Code::truncated, "debug event: it lies beyond the end of the file", offset);
  r.dump.misc.process_id = start->dwProcessId;
  if (start->dwDebugEventCode != kExceptionDebugEvent)
    return r.note(
        Severity::warning, Code::bad_value,
        fmt::format("debug event: kind {} is no exception", std::uint32_t{start->dwDebugEventCode}),
        offset);
  // The union holds pointers, so the compiler puts it at 0x10 in the 64-bit form; Ghidra's reader
  // takes it there as well.
  auto record = r.header.is64 ? exception_at<EXCEPTION_RECORD64>(r, offset + kDebugEventUnion64)
                              : exception_at<EXCEPTION_RECORD32>(r, offset + kDebugEventUnion32);
  if (!record) return;
  MinidumpException exception;
  exception.thread_id = start->dwThreadId;
  exception.record = std::move(*record);
  // A process stopped at its debug event: its thread's registers are those of the exception.
  std::vector<Thread>& threads = r.dump.threads;
  if (threads.size() == 1 && threads[0].id == 0) threads[0].id = exception.thread_id;
  for (const Thread& thread : threads)
    if (thread.id == exception.thread_id) {
      exception.context = thread.context;
      break;
    }
  r.dump.exception = std::move(exception);
}

} // namespace dumptriage::dump::userdump
