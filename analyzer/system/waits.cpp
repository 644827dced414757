#include "system/waits.h"

#include <algorithm>

namespace dumptriage::system {

std::string_view name_of(WaitKind kind) {
  switch (kind) {
  case WaitKind::thread: return "thread";
  case WaitKind::process: return "process";
  case WaitKind::resource: return "resource";
  case WaitKind::mutant: return "mutant";
  case WaitKind::fast_mutex: return "fast_mutex";
  case WaitKind::guarded_mutex: return "guarded_mutex";
  case WaitKind::critical_section: return "critical_section";
  case WaitKind::event: return "event";
  case WaitKind::semaphore: return "semaphore";
  case WaitKind::gate: return "gate";
  case WaitKind::queue: return "queue";
  case WaitKind::timer: return "timer";
  case WaitKind::other: return "other";
  }
  return "other";
}

bool is_lock(WaitKind kind) {
  switch (kind) {
  case WaitKind::resource:
  case WaitKind::mutant:
  case WaitKind::fast_mutex:
  case WaitKind::guarded_mutex:
  case WaitKind::critical_section: return true;
  default: return false;
  }
}

std::string_view name_of(WaitTrust trust) {
  switch (trust) {
  case WaitTrust::read: return "read";
  case WaitTrust::self_checked: return "self_checked";
  case WaitTrust::inferred: return "inferred";
  }
  return "inferred";
}

std::string_view name_of(WaitRelation relation) {
  return relation == WaitRelation::waits_for ? "waits_for" : "held_by";
}

std::string_view name_of(WaitMode mode) {
  switch (mode) {
  case WaitMode::none: return "";
  case WaitMode::exclusive: return "exclusive";
  case WaitMode::shared: return "shared";
  }
  return "";
}

std::size_t Waits::add(WaitNode node) {
  auto [place, is_new] = by_id_.emplace(node.id, nodes.size());
  if (is_new) nodes.push_back(std::move(node));
  return place->second;
}

void Waits::connect(WaitEdge edge) {
  auto key = [](const WaitEdge& e) {
    return (static_cast<std::uint64_t>(e.from) << 34) ^ (static_cast<std::uint64_t>(e.to) << 4) ^
           (static_cast<std::uint64_t>(e.relation) << 2) ^ static_cast<std::uint64_t>(e.mode);
  };
  if (edge.from >= nodes.size() || edge.to >= nodes.size()) return;
  if (known_edges_.insert(key(edge)).second) edges.push_back(std::move(edge));
}

const std::size_t* Waits::find(std::string_view id) const {
  auto place = by_id_.find(std::string(id));
  return place == by_id_.end() ? nullptr : &place->second;
}

} // namespace dumptriage::system
