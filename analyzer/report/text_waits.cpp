// Who waits for whom: the cycles first, then every lock with its owners and waiters.
#include "report/text_parts.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::report::text {
namespace {

constexpr std::size_t kCycleHead = 56, kCycleTail = 4; // of a longer cycle
constexpr std::size_t kMostCycles = 8, kMostLocks = 12, kMostNames = 8;
constexpr std::size_t kLabel = 40;

const WaitEdgeRow* edge_between(const WaitRows& waits, std::size_t from, std::size_t to) {
  for (const WaitEdgeRow& edge : waits.edges)
    if (edge.from == from && edge.to == to) return &edge;
  return nullptr;
}

bool is_thread(const WaitRows& waits, std::size_t node) {
  return waits.nodes[node].kind == "thread";
}

struct Step {
  std::size_t thread, next; // `next`: the lock, or the thread whose exit is awaited
  bool exit;
};

std::vector<Step> steps_of(const WaitRows& waits, const WaitCycleRow& cycle) {
  std::vector<Step> steps;
  for (std::size_t i = 0; i < cycle.nodes.size(); ++i) {
    if (!is_thread(waits, cycle.nodes[i])) continue;
    std::size_t next = cycle.nodes[(i + 1) % cycle.nodes.size()];
    steps.push_back({cycle.nodes[i], next, is_thread(waits, next)});
  }
  return steps;
}

// Of locks that know two modes.
std::string shown_mode(const WaitRows& waits, std::size_t lock, const std::string& mode) {
  return waits.nodes[lock].kind == "resource" ? mode : "";
}

std::string target_text(const WaitRows& waits, const Step& step) {
  if (step.exit) return "the exit of";
  const WaitEdgeRow* wait = edge_between(waits, step.thread, step.next);
  std::string mode = wait ? shown_mode(waits, step.next, wait->mode) : "";
  return flat(waits.nodes[step.next].label) + (mode.empty() ? "" : ", " + mode);
}

std::string_view led_by(const std::vector<Step>& steps, std::size_t i) {
  if (i == 0) return "           ";
  return steps[i - 1].exit ? "->         " : "-> held by ";
}

void cycle(Paper& paper, const WaitRows& waits, const WaitCycleRow& row) {
  std::vector<Step> steps = steps_of(waits, row);
  if (steps.empty()) return;
  std::string title = steps.size() == 1
                          ? "Deadlock: a thread waits for itself"
                          : fmt::format("Deadlock: {} threads wait for each other", steps.size());
  title += row.timeout ? "; one of the waits ends by itself after some time" : "";
  title += row.trust == "inferred" ? "; one of the waits is inferred" : "";
  paper.blank();
  paper.line("  " + title, Ink::bad);
  std::size_t width = 0;
  for (const Step& step : steps)
    width = std::max(width, width_of(flat(waits.nodes[step.thread].label)));
  width = std::min(width, kLabel);
  bool cut = steps.size() > kCycleHead + kCycleTail;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (cut && i == kCycleHead) {
      paper.line(fmt::format("     ... {} more, all in the JSON report",
                             steps.size() - kCycleHead - kCycleTail),
                 Ink::dim);
      i = steps.size() - kCycleTail;
    }
    const Step& step = steps[i];
    paper.line(fmt::format("  {}{} waits for {}", led_by(steps, i),
                           padded(flat(waits.nodes[step.thread].label), width),
                           target_text(waits, step)));
  }
  paper.line(fmt::format("  {}{}, where it began", steps.back().exit ? "-> " : "-> held by ",
                         flat(waits.nodes[steps[0].thread].label)));
}

std::string owner_text(const WaitRows& waits, const WaitEdgeRow& edge) {
  std::string text = flat(waits.nodes[edge.to].label);
  std::string how = shown_mode(waits, edge.from, edge.mode);
  if (edge.count > 1) how += fmt::format("{}{} times", how.empty() ? "" : ", ", edge.count);
  if (edge.trust == "inferred") how += how.empty() ? "inferred" : ", inferred";
  return how.empty() ? text : text + " (" + how + ")";
}

std::string waiter_text(const WaitRows& waits, const WaitEdgeRow& edge) {
  std::string text = flat(waits.nodes[edge.from].label);
  std::string how = shown_mode(waits, edge.to, edge.mode);
  if (edge.alternative) how += how.empty() ? "or something else" : ", or something else";
  if (edge.trust == "inferred") how += how.empty() ? "inferred" : ", inferred";
  return how.empty() ? text : text + " (" + how + ")";
}

void names(Paper& paper, const char* label, const std::vector<std::string>& all) {
  if (all.empty()) return;
  std::string text;
  for (std::size_t i = 0; i < all.size() && i < kMostNames; ++i)
    text += (i == 0 ? "" : "; ") + all[i];
  if (all.size() > kMostNames) text += fmt::format("; and {} more", all.size() - kMostNames);
  paper.paragraph(std::string(label) + " " + text, 6, 10);
}

struct Lock {
  std::vector<std::string> owners, waiters;
};

// Owners and waiters of each lock, by node.
std::map<std::size_t, Lock> locks_of(const WaitRows& waits) {
  std::map<std::size_t, Lock> locks;
  for (std::size_t node = 0; node < waits.nodes.size(); ++node)
    if (waits.nodes[node].lock) locks[node];
  for (const WaitEdgeRow& edge : waits.edges) {
    if (edge.held_by && locks.contains(edge.from))
      locks[edge.from].owners.push_back(owner_text(waits, edge));
    else if (!edge.held_by && locks.contains(edge.to))
      locks[edge.to].waiters.push_back(waiter_text(waits, edge));
  }
  return locks;
}

void locks(Paper& paper, const WaitRows& waits, bool all) {
  std::size_t shown = 0, left = 0;
  for (const auto& [node, lock] : locks_of(waits)) {
    if (!all && (lock.waiters.empty() || shown == kMostLocks)) {
      ++left;
      continue;
    }
    if (shown++ == 0) paper.blank();
    const WaitNodeRow& row = waits.nodes[node];
    paper.line("  " + flat(row.label) + (row.state.empty() ? "" : ": " + flat(row.state)));
    names(paper, "held by", lock.owners);
    names(paper, "wanted by", lock.waiters);
  }
  if (left == 0) return;
  paper.line(fmt::format("  {} more lock{} (--locks)", left, left == 1 ? "" : "s"), Ink::dim);
}

// Threads that wait for something nobody holds: an event, a queue, a timer, an exit.
void others(Paper& paper, const WaitRows& waits) {
  std::map<std::string, std::size_t> by_kind;
  for (const WaitEdgeRow& edge : waits.edges)
    if (!edge.held_by && !waits.nodes[edge.to].lock) ++by_kind[waits.nodes[edge.to].kind];
  std::string text;
  for (const auto& [kind, count] : by_kind)
    text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", count,
                        kind == "process" ? "processe"
                        : kind == "other" ? "other object"
                                          : kind,
                        count == 1 && kind != "process" ? "" : "s");
  if (text.empty()) return;
  paper.blank();
  paper.paragraph("Other waits, for what no thread is known to hold: " + text +
                      " (all in the JSON report)",
                  2, 2, Ink::dim);
}

} // namespace

void waits(Paper& paper, const Document& d, const TextOptions& options) {
  const WaitRows& waits = d.waits;
  bool any_lock = std::ranges::any_of(waits.nodes, &WaitNodeRow::lock);
  if (waits.edges.empty() || (!any_lock && waits.cycles.empty() && !options.locks)) return;
  paper.heading("Who waits for whom");
  for (std::size_t i = 0; i < waits.cycles.size() && i < kMostCycles; ++i)
    cycle(paper, waits, waits.cycles[i]);
  if (waits.cycles.size() > kMostCycles)
    paper.line(
        fmt::format("  {} more cycles in the JSON report", waits.cycles.size() - kMostCycles),
        Ink::dim);
  locks(paper, waits, options.locks);
  others(paper, waits);
}

} // namespace dumptriage::report::text
