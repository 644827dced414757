#include "system/kernel_waits.h"

#include <fmt/format.h>

#include "base/text.h"
#include "system/dispatcher.h"
#include "system/few_notes.h"
#include "system/mutexes.h"
#include "system/resources.h"
#include "system/thread_words.h"
#include "system/wait_graph.h"
#include "system/waits_reading.h"

namespace dumptriage::system {
namespace {

constexpr std::uint32_t kSignalState = 4; // in DISPATCHER_HEADER

std::vector<ThreadWait> waits_of(WaitReading& reading, std::span<const ThreadState> threads) {
  std::vector<ThreadWait> found;
  for (const ThreadState& thread : threads) {
    if (thread.object == 0) continue;
    auto wait = read_wait(reading.view, reading.fields, thread.object);
    if (!wait) continue;
    if (!wait->broken.empty())
      reading.remark(Code::bad_value,
                     fmt::format("waits of thread {}: {}", thread.id, wait->broken),
                     wait->broken_at);
    found.push_back(std::move(*wait));
  }
  return found;
}

// What a thread waits for when the object is no lock: the chain ends there, but for a thread or
// process that shall exit.
std::optional<std::size_t> plain_node(WaitReading& reading, const ThreadWait::Object& object) {
  if (object.type == kThread) {
    if (!reading.is_thread(object.address) || reading.has_exited(object.address))
      return std::nullopt; // it is about to go on
    return reading.thread_node(object.address);
  }
  std::size_t before = reading.waits.nodes.size();
  std::size_t node = reading.lock_node(kind_of(object.type), object.address);
  if (node != before) return node;
  if (object.type == kProcess) {
    if (auto name = reading.view.image_name(object.address))
      reading.waits.nodes[node].label = fmt::format(
          "process {} ({})", *name, hex_address(object.address, reading.view.pointer_size));
  } else if (auto signal = reading.view.u32(object.address + kSignalState)) {
    if (static_cast<std::int32_t>(*signal) > 0) reading.waits.nodes[node].state = "signalled";
  }
  return node;
}

struct Target {
  std::size_t node = 0;
  WaitMode mode = WaitMode::none;
  WaitTrust trust = WaitTrust::read;
  std::string_view why = "KWAIT_BLOCK.Object";
};

std::optional<Target> target_of(WaitReading& reading, Resources& resources, const ThreadWait& wait,
                                const ThreadWait::Object& object) {
  if (auto found = resources.waited_on(object.address))
    return Target{found->node, found->mode, std::max(found->trust, wait.trust),
                  "KWAIT_BLOCK.Object is what the ERESOURCE's waiters wait on"};
  if (object.type == kMutant)
    return Target{mutant_node(reading, object.address), WaitMode::exclusive, wait.trust};
  if (auto mutex = mutex_node(reading, wait, object))
    return Target{*mutex, WaitMode::exclusive, wait.trust,
                  "KWAIT_BLOCK.Object is the mutex's event"};
  auto node = plain_node(reading, object);
  if (!node) return std::nullopt;
  return Target{*node, WaitMode::none, wait.trust};
}

void connect(WaitReading& reading, const ThreadWait& wait, const Target& target) {
  WaitEdge edge;
  edge.from = reading.thread_node(wait.thread);
  edge.to = target.node;
  edge.mode = target.mode;
  edge.reason = wait_reason_of_build(wait.reason, reading.fields.build);
  edge.alternative = wait.any && wait.objects.size() > 1;
  edge.timeout = wait.timeout;
  edge.trust = target.trust;
  edge.why = target.why;
  reading.waits.connect(std::move(edge));
}

} // namespace

void read_kernel_waits(const KernelView& view, std::span<const ThreadState> threads, bool held,
                       Waits& waits) {
  FewNotes few(view);
  WaitReading reading(few.view, threads, waits);
  if (!reading.fields.known) return;
  std::vector<ThreadWait> all = waits_of(reading, threads);
  Resources resources(reading, all);
  for (const ThreadWait& wait : all) {
    if (auto found = resources.waited_on_stack(wait)) {
      std::string_view why = found->trust == WaitTrust::inferred
                                 ? "WrResource, and its stack names this ERESOURCE only"
                                 : "WrResource, and the ERESOURCE's waiters lead to its stack";
      connect(reading, wait, {found->node, found->mode, found->trust, why});
      continue;
    }
    for (const ThreadWait::Object& object : wait.objects)
      if (auto target = target_of(reading, resources, wait, object))
        connect(reading, wait, *target);
  }
  resources.connect_other_waiters();
  if (held) {
    resources.connect_all_held();
    connect_held_mutants(reading, threads);
  }
  find_cycles(waits);
}

} // namespace dumptriage::system
