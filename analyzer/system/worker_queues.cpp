// Three queues stand side by side in the kernel's data, critical, delayed and hypercritical ones in
// the order of WORK_QUEUE_TYPE (wdm.h): on NT 4 plain KQUEUEs, since Windows 2000 EX_WORK_QUEUE, a
// KQUEUE and some counters (volatility, from Microsoft's PDBs).  Nothing that a dump without
// symbols has names their place, so it is found from the threads: KTHREAD.Queue of a worker is its
// queue, whether it waits for work or works.  Believed are three queues at one of these distances,
// with their own threads on them, which start in the kernel.  Since Windows 8 queues belong to NUMA
// nodes.
#include "system/worker_queues.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "system/dispatcher.h"
#include "system/few_notes.h"
#include "system/kernel_image.h"

namespace dumptriage::system {
namespace {

constexpr std::uint32_t kWindows8 = 9200;
constexpr std::size_t kMostWorkers = 4096, kMostItems = 65'536;
constexpr std::array<const char*, 3> kNames = {"critical", "delayed", "hypercritical"};

struct Places {
  std::uint32_t size, entries, current, maximum, threads; // KQUEUE
  std::uint32_t of_thread, thread_entry;                  // KTHREAD.Queue, QueueListEntry
};

std::optional<Places> places_of(const KernelView& view) {
  const Layout& layout = view.layout;
  auto size = layout.size("_KQUEUE");
  auto entries = layout.offset("_KQUEUE", "EntryListHead");
  auto current = layout.offset("_KQUEUE", "CurrentCount");
  auto maximum = layout.offset("_KQUEUE", "MaximumCount");
  auto threads = layout.offset("_KQUEUE", "ThreadListHead");
  auto of_thread = layout.offset("_KTHREAD", "Queue");
  auto thread_entry = layout.offset("_KTHREAD", "QueueListEntry");
  if (!size || !entries || !current || !maximum || !threads || !of_thread || !thread_entry)
    return std::nullopt;
  return Places{*size, *entries, *current, *maximum, *threads, *of_thread, *thread_entry};
}

class Reader {
public:
  Reader(const KernelView& view, const Snapshot& snapshot, const Places& places)
      : view_(view), places_(places), image_(kernel_image(view, snapshot)),
        fields_(wait_fields(view)) {
    for (const ThreadState& thread : snapshot.threads)
      if (thread.object != 0) threads_.emplace(thread.object, &thread);
  }

  WorkQueues read() {
    WorkQueues queues;
    if (!fields_.known || image_.data.empty()) {
      queues.missing = "what threads wait for, or the kernel's data, are not known";
      return queues;
    }
    const std::vector<Array> arrays = arrays_found();
    if (arrays.size() != 1) {
      queues.missing = arrays.empty()
                           ? "no three queues with threads of the kernel on them were found in its "
                             "data"
                           : "more than one place in the kernel's data could be them";
      return queues;
    }
    queues.complete = true;
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      auto queue = read_queue(arrays[0].first + i * arrays[0].distance, queues.complete);
      queue.name = kNames[i];
      queues.queues.push_back(std::move(queue));
    }
    if (!queues.complete) queues.missing = "a list of theirs is torn, or a thread is not known";
    return queues;
  }

private:
  struct Array {
    std::uint64_t first, distance;
  };

  // A list head whose neighbours point back, or that is its own neighbour.
  bool is_head(std::uint64_t at) const {
    const bool empty = view_.pointer(at) == at && view_.pointer(at + view_.pointer_size) == at;
    return empty || is_linked(view_, at) == Linked::yes;
  }

  bool is_queue(std::uint64_t at) const {
    constexpr std::uint32_t kSizeAt = 2, kSignalState = 4, kMostProcessors = 256;
    auto maximum = view_.u32(at + places_.maximum);
    auto signal = view_.u32(at + kSignalState);
    return image_.in_data(at) && view_.dispatcher_type(at) == kQueue &&
           view_.u8(at + kSizeAt) == places_.size / 4 && maximum && *maximum != 0 &&
           *maximum <= kMostProcessors && signal && *signal <= kMostItems &&
           is_head(at + places_.entries) && is_head(at + places_.threads);
  }

  // A thread of the kernel's own that is linked to this queue from both sides.
  bool is_worker(std::uint64_t thread, std::uint64_t queue) const {
    auto known = threads_.find(thread);
    if (known == threads_.end() || !view_.is_thread(thread)) return false;
    std::uint64_t start = known->second->start_address;
    return view_.pointer(thread + places_.of_thread) == queue &&
           (start == 0 || image_.contains(start)) &&
           is_linked(view_, thread + places_.thread_entry) == Linked::yes;
  }

  // Three queues of which two have workers at least.
  std::vector<Array> arrays_found() const {
    std::set<std::uint64_t> worked;
    for (const auto& [object, thread] : threads_) {
      auto queue = view_.pointer(object + places_.of_thread);
      if (queue && image_.in_data(*queue) && is_queue(*queue) && is_worker(object, *queue))
        worked.insert(*queue);
    }
    const std::uint32_t counters = view_.pointer_size == 4 ? 0x14 : 0x18;
    std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
    std::vector<Array> arrays;
    for (std::uint64_t queue : worked)
      for (std::uint64_t distance : {places_.size, places_.size + counters})
        for (std::uint64_t place = 0; place < kNames.size(); ++place) {
          std::uint64_t first = queue - place * distance;
          std::size_t with_workers = 0;
          bool good = seen.emplace(first, distance).second;
          for (std::size_t i = 0; good && i < kNames.size(); ++i) {
            good = is_queue(first + i * distance);
            with_workers += worked.contains(first + i * distance);
          }
          if (good && with_workers >= 2) arrays.push_back({first, distance});
        }
    return arrays;
  }

  WorkQueue read_queue(std::uint64_t at, bool& complete) const {
    WorkQueue queue;
    queue.address = at;
    queue.trust = "self_checked";
    complete &= walk_list(view_, at + places_.threads, kMostWorkers, "worker threads of a queue",
                          [&](std::uint64_t entry) {
                            std::uint64_t object = view_.cut(entry - places_.thread_entry);
                            if (!is_worker(object, at))
                              complete = false;
                            else
                              add_worker(queue, *threads_.at(object));
                            return true;
                          });
    std::size_t items = 0;
    complete &= walk_list(view_, at + places_.entries, kMostItems, "items of a work queue",
                          [&](std::uint64_t) {
                            ++items;
                            return true;
                          });
    queue.pending = static_cast<std::uint32_t>(items);
    return queue;
  }

  void add_worker(WorkQueue& queue, const ThreadState& thread) const {
    queue.workers.push_back(thread.id);
    auto wait = read_wait(view_, fields_, thread.object);
    if (!wait) return; // it runs, or is about to
    bool idle = std::ranges::any_of(
        wait->objects, [&](const auto& object) { return object.address == queue.address; });
    ++(idle ? queue.idle : queue.blocked);
  }

  const KernelView& view_;
  const Places places_;
  const KernelImage image_;
  const WaitFields fields_;
  std::map<std::uint64_t, const ThreadState*> threads_;
};

} // namespace

WorkQueues read_work_queues(const KernelView& view, const Snapshot& snapshot) {
  WorkQueues queues;
  auto places = places_of(view);
  if (view.layout.build() >= kWindows8)
    queues.missing = "since Windows 8 work queues belong to nodes, whose place is not published";
  else if (!places)
    queues.missing = "the layout of queues or threads is not known";
  if (!queues.missing.empty()) return queues;
  FewNotes few(view);
  return Reader(few.view, snapshot, *places).read();
}

} // namespace dumptriage::system
