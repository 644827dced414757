#include "system/waits_reading.h"

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kMostSteps = 1'000'000;
constexpr std::uint8_t kStateTerminated = 4;
constexpr std::uint32_t kSignalState = 4; // in DISPATCHER_HEADER

std::string_view type_name(WaitKind kind) {
  switch (kind) {
  case WaitKind::resource: return "ERESOURCE";
  case WaitKind::fast_mutex: return "fast mutex";
  case WaitKind::guarded_mutex: return "guarded mutex";
  case WaitKind::critical_section: return "critical section";
  default: return name_of(kind);
  }
}

} // namespace

std::string lock_name(WaitKind kind, std::uint64_t address, int pointer_size) {
  return fmt::format("{} {}", type_name(kind), hex_address(address, pointer_size));
}

WaitReading::WaitReading(const KernelView& view, std::span<const ThreadState> threads, Waits& waits)
    : view(view), fields(wait_fields(view)), waits(waits) {
  std::unordered_set<std::string> ids;
  for (const ThreadState& thread : threads) {
    if (thread.object == 0 || !threads_.emplace(thread.object, &thread).second) continue;
    if (!ids.insert(thread.id).second) shared_ids_.insert(thread.id);
  }
}

bool WaitReading::is_thread(std::uint64_t object) const {
  return threads_.contains(object) || view.is_thread(object);
}

bool WaitReading::has_exited(std::uint64_t thread) const {
  if (fields.thread.state != 0 && view.u8(thread + fields.thread.state) == kStateTerminated)
    return true;
  // A thread object is signalled when the thread has exited, and never before.
  auto signal = view.u32(thread + kSignalState);
  return signal && static_cast<std::int32_t>(*signal) > 0;
}

std::size_t WaitReading::thread_node(std::uint64_t thread) {
  auto known = threads_.find(thread);
  WaitNode node;
  node.kind = WaitKind::thread;
  node.address = thread;
  std::string at = hex_address(thread, view.pointer_size);
  if (known == threads_.end()) {
    node.id = "thread@" + at.substr(2);
    node.label = "thread " + at;
    return waits.add(std::move(node));
  }
  const ThreadState& state = *known->second;
  bool shared = shared_ids_.contains(state.id) || state.id.empty();
  node.id = "thread:" + state.id + (shared ? "@" + at.substr(2) : "");
  node.label = state.id.starts_with("cpu ") ? "the thread on " + state.id : "thread " + state.id;
  if (shared) node.label = "thread " + at;
  if (!state.process.empty()) node.label += " of " + state.process;
  return waits.add(std::move(node));
}

std::optional<std::size_t> WaitReading::owner(std::uint64_t thread, const std::string& what) {
  if (!is_thread(thread)) {
    bool captured = view.u8(thread).has_value();
    remark(captured ? Code::bad_value : Code::absent,
           what + (captured ? ": its owner is no thread (gone, or a driver's own mark)"
                            : ": its owner's memory is not in the dump"),
           thread);
    return std::nullopt;
  }
  if (has_exited(thread)) {
    remark(Code::bad_value, what + ": its owner has exited", thread);
    return std::nullopt;
  }
  return thread_node(thread);
}

std::size_t WaitReading::lock_node(WaitKind kind, std::uint64_t address) {
  WaitNode node;
  node.kind = kind;
  node.address = address;
  node.label = lock_name(kind, address, view.pointer_size);
  std::string_view type = kind == WaitKind::resource ? "ERESOURCE" : name_of(kind);
  node.id = fmt::format("{}@{}", type, hex_address(address, view.pointer_size).substr(2));
  return waits.add(std::move(node));
}

void WaitReading::remark(Code code, std::string message, std::uint64_t at) {
  add_note(view.notes, Severity::warning, code, std::move(message), Where::virtual_address(at));
}

bool WaitReading::spend(std::size_t steps) {
  spent_ += steps;
  return spent_ <= kMostSteps;
}

} // namespace dumptriage::system
