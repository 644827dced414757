#include "system/layout_check.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dumptriage::system {
namespace {

constexpr std::size_t kSamples = 8;
constexpr std::uint8_t kThreadObject = 6, kProcessObject = 3;

// One thing that must be so, looked at on several objects.
struct Tally {
  std::size_t right = 0, wrong = 0;
  void count(bool good) { ++(good ? right : wrong); }
};

// A view in which an object can be read.
struct Place {
  const KernelView* view;
  std::uint64_t at;
};

struct Checking {
  const KernelView& view;
  LayoutCheck& result;

  // One odd object may be what broke the machine; published offsets are wrong when no object fits,
  // inferred ones when any does not.
  bool settle(const Tally& tally, const char* words) const {
    if (tally.right + tally.wrong == 0) return true;
    bool good = view.layout.needs_proof() ? tally.wrong == 0 : tally.right > 0;
    (good ? result.held : result.failed).emplace_back(words);
    return good;
  }
};

std::vector<Place> sample_threads(const KernelView& view, const KernelView& raw,
                                  const RawObjects& objects, const std::vector<Cpu>& cpus) {
  std::vector<Place> threads;
  for (const Cpu& cpu : cpus)
    for (std::uint64_t thread : {cpu.current_thread, cpu.idle_thread})
      if (threads.size() < 2 * kSamples && thread != 0 && view.u8(thread))
        threads.push_back({&view, thread});
  if (objects.thread) threads.push_back({&raw, *objects.thread});
  return threads;
}

void check_threads(const Checking& checking, const std::vector<Place>& threads) {
  Tally shape, owner, ids;
  for (const auto& [view, at] : threads) {
    // Whether the page holds the stack fields as well.
    if (!view->value(at, "_KTHREAD", "StackBase") || !view->value(at, "_KTHREAD", "KernelStack"))
      continue;
    shape.count(view->is_thread(at));
    auto process = view->value(at, "_KTHREAD", "ApcState.Process");
    const KernelView& memory = checking.view;
    if (!process || !memory.u8(*process)) continue;
    owner.count(memory.is_process(*process));
    // An attached thread uses another's memory; 0 is OriginalApcEnvironment.
    auto attached = view->value(at, "_KTHREAD", "ApcStateIndex");
    auto cid = view->value(at, "_ETHREAD", "Cid");
    auto cid_at = view->address_of(at, "_ETHREAD", "Cid");
    auto id = memory.value(*process, "_EPROCESS", "UniqueProcessId");
    if (attached != 0u || !cid || !cid_at || !id) continue;
    ids.count(view->pointer(*cid_at) == *id);
  }
  bool good = checking.settle(shape, "the threads on the CPUs are threads, their stacks in order");
  good &= checking.settle(owner, "their processes are processes with printable names");
  good &= checking.settle(ids, "their process ids are those of their processes");
  checking.result.threads_fail = !good;
}

void check_processes(const Checking& checking) {
  const KernelView& view = checking.view;
  std::uint64_t head = view.cut(view.dump.kernel->header.ps_active_process_head);
  auto links = view.layout.offset("_EPROCESS", "ActiveProcessLinks");
  if (head == 0 || !links || !view.pointer(head)) return;
  Tally shape, linked, members, system;
  std::uint64_t before = head;
  for (std::size_t i = 0; i < kSamples; ++i) {
    auto entry = view.pointer(before);
    if (!entry || *entry == head) break;
    auto back = view.pointer(*entry + view.pointer_size);
    if (!back) break;
    linked.count(*back == before);
    std::uint64_t object = view.cut(*entry - *links);
    before = *entry;
    // Triage dumps may hold a window around the links only.
    auto name = view.address_of(object, "_EPROCESS", "ImageFileName");
    if (!view.u8(object) || (name && !view.u64(*name))) continue;
    shape.count(view.is_process(object));
    if (i == 0) {
      auto id = view.value(object, "_EPROCESS", "UniqueProcessId");
      // 4 since XP; 2 in NT 4 and 8 in 2000.
      if (id) system.count(*id == 4 || *id == 8 || *id == 2);
    }
    auto threads = view.address_of(object, "_EPROCESS", "ThreadListHead");
    auto thread_links = view.layout.offset("_ETHREAD", "ThreadListEntry");
    auto first = threads ? view.pointer(*threads) : std::nullopt;
    if (thread_links && first && *first != *threads && view.u8(view.cut(*first - *thread_links)))
      members.count(view.is_thread(view.cut(*first - *thread_links)));
  }
  bool good = checking.settle(shape, "the listed processes are processes with printable names");
  good &= checking.settle(system, "the first of them has the System process's id");
  checking.result.processes_fail = !good;
  checking.settle(linked, "their list is linked both ways");
  if (!checking.settle(members, "their threads are threads")) checking.result.threads_fail = true;
}

// The raw process and thread of a triage dump.
void check_raw(const Checking& checking, const KernelView& raw, const RawObjects& objects) {
  Tally shape, ids;
  if (objects.process && raw.layout.offset("_EPROCESS", "ImageFileName"))
    shape.count(raw.dispatcher_type(*objects.process) == kProcessObject &&
                raw.image_name(*objects.process));
  if (objects.process && objects.thread && raw.dispatcher_type(*objects.thread) == kThreadObject &&
      raw.value(*objects.thread, "_KTHREAD", "ApcStateIndex").value_or(0) == 0) {
    auto id = raw.value(*objects.process, "_EPROCESS", "UniqueProcessId");
    auto cid = raw.address_of(*objects.thread, "_ETHREAD", "Cid");
    if (id && cid) ids.count(raw.pointer(*cid) == *id);
  }
  if (!checking.settle(shape, "the saved process is one, with a printable name"))
    checking.result.processes_fail = true;
  if (!checking.settle(ids, "the saved thread's process id is the saved process's"))
    checking.result.threads_fail = checking.result.processes_fail = true;
}

} // namespace

LayoutCheck check_layout(const KernelView& view, const KernelView& raw, const RawObjects& objects,
                         const std::vector<Cpu>& cpus) {
  LayoutCheck result;
  Checking checking{view, result};
  check_threads(checking, sample_threads(view, raw, objects, cpus));
  check_processes(checking);
  check_raw(checking, raw, objects);
  return result;
}

void judge_layout(Layout& layout, const LayoutCheck& check, Snapshot& snapshot) {
  constexpr std::size_t kNeeded = 3;
  const bool proved = check.failed.empty() && check.held.size() >= kNeeded;
  const bool inferred = layout.needs_proof();
  auto say = [&](Severity severity, Code code, std::string text) {
    add_note(snapshot.notes, severity, code, std::move(text));
  };
  if (!proved) layout.drop_inferred();
  if (inferred && !proved && (check.held.size() + check.failed.size() > 0)) {
    say(Severity::warning, Code::unsupported,
        fmt::format("threads and processes: undecided; their layout in build {} is not published, "
                    "and this dump does not prove the nearest one{}{}",
                    layout.build(),
                    check.failed.empty() ? "" : "; not so: ", fmt::join(check.failed, "; ")));
    return;
  }
  if (check.threads_fail) layout.drop(Layout::thread);
  if (check.processes_fail) layout.drop(Layout::process);
  if (!check.failed.empty())
    say(Severity::warning, Code::mismatch,
        fmt::format("{}undecided; this dump's objects do not fit the layout of build {}{}{}: not "
                    "so: {}",
                    check.threads_fail
                        ? check.processes_fail ? "threads and processes: " : "threads: "
                    : check.processes_fail ? "processes: "
                                           : "lists of processes: ",
                    layout.build(), layout.variant().empty() ? "" : ", table ", layout.variant(),
                    fmt::join(check.failed, "; ")));
  if (check.held.empty()) return;
  snapshot.layout_trust = inferred ? "self_checked" : "sourced";
  snapshot.layout_checks = check.held;
  if (inferred)
    say(Severity::info, Code::unsupported,
        fmt::format("threads and processes: the layout of build {} is not published; the nearest "
                    "one is used, and this dump proves it: {}",
                    layout.build(), fmt::join(check.held, "; ")));
}

} // namespace dumptriage::system
