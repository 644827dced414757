// The processes of a kernel dump: PsActiveProcessHead, and those that its CPUs' threads belong to.
#include <algorithm>

#include <fmt/format.h>

#include "system/kernel_snapshot.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kMostProcesses = 4096;

// Of the CPUs that have layouts, judge_layout has said why there is none.
void say_unpublished(const KernelView& view) {
  if (view.has_published_layouts()) return;
  add_note(view.notes, Severity::info, Code::unsupported,
           fmt::format("processes and threads: unsupported; where the kernel of {} keeps their "
                       "fields is not published, so only what ran on the CPUs is listed",
                       arch::name_of(view.dump.machine)));
}

void walk_processes(const KernelView& view, Snapshot& snapshot) {
  std::uint64_t head = view.cut(view.dump.kernel->header.ps_active_process_head);
  auto links = view.layout.offset("_EPROCESS", "ActiveProcessLinks");
  if (!links) return say_unpublished(view);
  if (head == 0)
    return add_note(view.notes, Severity::warning, Code::absent,
                    "process list: the header does not say where it is");
  const ListEntries list = list_entries(view, head, kMostProcesses, "process list");
  std::size_t odd = 0;
  for (std::uint64_t entry : list.entries) {
    if (auto process = read_process(view, view.cut(entry - *links)))
      snapshot.processes.push_back(std::move(*process));
    else
      ++odd;
  }
  if (odd != 0)
    add_note(view.notes, Severity::warning, Code::bad_value,
             fmt::format("process list: {} of {} entries are no processes, or cannot be read", odd,
                         list.entries.size()),
             Where::virtual_address(head));
  snapshot.processes_complete = list.complete && odd == 0 && !snapshot.processes.empty();
}

// Which process a triage dump copied, when its thread says the same.
void read_saved_process(const KernelView& raw, const RawObjects& objects, Snapshot& snapshot) {
  if (!objects.process || !objects.thread) return;
  auto process = read_process(raw, *objects.process);
  auto cid = raw.address_of(*objects.thread, "_ETHREAD", "Cid");
  auto owner = cid ? raw.pointer(*cid) : std::nullopt;
  if (!process || !owner || *owner != process->id || !raw.is_thread(*objects.thread)) {
    add_note(snapshot.notes, Severity::info, Code::absent,
             "crashed process and thread: their ids cannot be told from this dump");
    return;
  }
  process->object = raw.dump.kernel->triage->process_address;
  snapshot.processes.push_back(std::move(*process));
}

// EPROCESS.Session points to the MM_SESSION_SPACE of the process's session, which only processes of
// that session map.  Its first fields (ReferenceCount, flags, SessionId) are the same in the public
// symbols of Windows 7 to 10.
std::optional<std::uint32_t> session_of(const KernelView& view, const Process& process) {
  constexpr std::uint32_t kFirst = 7600, kLast = 19045, kMostId = 0xFFFF;
  constexpr std::uint64_t kSessionId = 8;
  if (view.layout.build() < kFirst || view.layout.build() > kLast) return std::nullopt;
  auto session = view.value(process.object, "_EPROCESS", "Session");
  if (!session || !view.is_kernel_address(*session) || process.directory_table_base == 0)
    return std::nullopt;
  auto memory = dump::address_space(view.dump, process.directory_table_base);
  auto references = memory ? memory->u32(*session) : std::nullopt;
  auto id = memory ? memory->u32(*session + kSessionId) : std::nullopt;
  if (!references || !id || *references == 0 || *references > INT32_MAX || *id > kMostId)
    return std::nullopt;
  return id;
}

} // namespace

std::optional<Process> read_process(const KernelView& view, std::uint64_t object) {
  if (!view.is_process(object)) return std::nullopt;
  auto number = [&](std::string_view structure, std::string_view field) {
    return view.value(object, structure, field);
  };
  auto id = number("_EPROCESS", "UniqueProcessId");
  if (!id || *id > UINT32_MAX) return std::nullopt;
  Process process;
  process.id = *id;
  process.object = object;
  process.name = view.image_name(object).value_or("");
  process.parent = number("_EPROCESS", "InheritedFromUniqueProcessId");
  // An array of two in NT 4 to 2003; the first is the process's.
  if (auto at = view.address_of(object, "_KPROCESS", "DirectoryTableBase"))
    process.directory_table_base = view.pointer(*at).value_or(0);
  process.peb = number("_EPROCESS", "Peb").value_or(0);
  process.create_time = number("_EPROCESS", "CreateTime").value_or(0);
  process.exit_time = number("_EPROCESS", "ExitTime").value_or(0);
  if (auto exit = number("_EPROCESS", "ExitTime")) process.exited = *exit != 0;
  // A field of its own in Windows 2000.
  if (auto session = number("_EPROCESS", "SessionId"))
    process.session = static_cast<std::uint32_t>(*session);
  else
    process.session = session_of(view, process);
  return process;
}

void read_processes(const KernelView& view, const KernelView& raw, const RawObjects& objects,
                    Snapshot& snapshot) {
  if (view.dump.physical) return walk_processes(view, snapshot);
  read_saved_process(raw, objects, snapshot);
}

} // namespace dumptriage::system
