// Strongly connected components by Tarjan's algorithm (SIAM J. Comput. 1, 1972), with a stack of
// its own instead of recursion; then, in each component, shortest ways from a thread back to
// itself.
#include "system/wait_graph.h"

#include <algorithm>
#include <deque>
#include <limits>

namespace dumptriage::system {
namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kMostCycles = 64;

using Edges = std::vector<std::vector<std::size_t>>; // by node: indexes of edges that leave it

bool counts(const WaitEdge& edge) {
  if (edge.relation == WaitRelation::held_by) return edge.trust != WaitTrust::inferred;
  return !edge.alternative;
}

Edges edges_of(const Waits& waits) {
  Edges out(waits.nodes.size());
  for (std::size_t i = 0; i < waits.edges.size(); ++i)
    if (counts(waits.edges[i])) out[waits.edges[i].from].push_back(i);
  return out;
}

class Components {
public:
  Components(const Waits& waits, const Edges& edges)
      : waits_(waits), edges_(edges), of_(waits.nodes.size(), kNone), index_(of_), low_(of_) {
    for (std::size_t node = 0; node < waits.nodes.size(); ++node)
      if (index_[node] == kNone) visit(node);
  }
  std::size_t of(std::size_t node) const { return of_[node]; }
  std::size_t count() const { return count_; }

private:
  struct Step {
    std::size_t node, next_edge;
  };

  void enter(std::size_t node) {
    index_[node] = low_[node] = counter_++;
    open_.push_back(node);
    steps_.push_back({node, 0});
  }

  void visit(std::size_t root) {
    enter(root);
    while (!steps_.empty()) {
      Step& step = steps_.back();
      std::size_t node = step.node;
      if (step.next_edge < edges_[node].size()) {
        std::size_t to = waits_.edges[edges_[node][step.next_edge++]].to;
        if (index_[to] == kNone)
          enter(to);
        else if (of_[to] == kNone)
          low_[node] = std::min(low_[node], index_[to]);
        continue;
      }
      steps_.pop_back();
      if (!steps_.empty())
        low_[steps_.back().node] = std::min(low_[steps_.back().node], low_[node]);
      if (low_[node] == index_[node]) close(node);
    }
  }

  void close(std::size_t root) {
    for (std::size_t node = kNone; node != root; open_.pop_back()) {
      node = open_.back();
      of_[node] = count_;
    }
    ++count_;
  }

  const Waits& waits_;
  const Edges& edges_;
  std::vector<std::size_t> of_, index_, low_, open_;
  std::vector<Step> steps_;
  std::size_t counter_ = 0, count_ = 0;
};

// The shortest way from `start` back to itself inside its component, by breadth; the edges of it.
std::vector<std::size_t> way_back(const Waits& waits, const Edges& edges,
                                  const Components& components, std::size_t start) {
  std::vector<std::size_t> came_by(waits.nodes.size(), kNone);
  std::deque<std::size_t> queue = {start};
  while (!queue.empty()) {
    std::size_t node = queue.front();
    queue.pop_front();
    for (std::size_t index : edges[node]) {
      std::size_t to = waits.edges[index].to;
      if (components.of(to) != components.of(start) || came_by[to] != kNone) continue;
      came_by[to] = index;
      if (to == start) {
        std::vector<std::size_t> way;
        std::size_t at = start;
        do {
          way.push_back(came_by[at]);
          at = waits.edges[came_by[at]].from;
        } while (at != start);
        std::ranges::reverse(way);
        return way;
      }
      queue.push_back(to);
    }
  }
  return {};
}

WaitCycle cycle_of(const Waits& waits, std::vector<std::size_t> way) {
  // It starts at its smallest thread, wherever the search did.
  auto smallest = way.begin();
  for (auto step = way.begin(); step != way.end(); ++step) {
    const WaitNode& node = waits.nodes[waits.edges[*step].from];
    if (node.kind != WaitKind::thread) continue;
    const WaitNode& best = waits.nodes[waits.edges[*smallest].from];
    if (best.kind != WaitKind::thread || smaller_thread(node, best)) smallest = step;
  }
  std::rotate(way.begin(), smallest, way.end());
  WaitCycle cycle;
  for (std::size_t index : way) {
    const WaitEdge& edge = waits.edges[index];
    cycle.nodes.push_back(edge.from);
    cycle.trust = std::max(cycle.trust, edge.trust);
    // Waits for resources and critical sections are cut into pieces that are tried again.
    WaitKind lock = waits.nodes[edge.to].kind;
    bool retried = lock == WaitKind::resource || lock == WaitKind::critical_section;
    cycle.timeout |= edge.timeout && !retried;
  }
  return cycle;
}

} // namespace

bool smaller_thread(const WaitNode& a, const WaitNode& b) {
  auto digits = [](const std::string& id) {
    std::size_t at = id.find_first_of("0123456789");
    return at == std::string::npos ? std::string_view() : std::string_view(id).substr(at);
  };
  bool plain_a = a.id.starts_with("thread:"), plain_b = b.id.starts_with("thread:");
  if (plain_a != plain_b) return plain_a;
  std::string_view x = digits(a.id), y = digits(b.id);
  if (x.size() != y.size()) return x.size() < y.size();
  return a.id < b.id;
}

void find_cycles(Waits& waits) {
  waits.cycles.clear();
  Edges edges = edges_of(waits);
  Components components(waits, edges);
  std::vector<std::size_t> members(components.count(), 0);
  for (std::size_t node = 0; node < waits.nodes.size(); ++node) ++members[components.of(node)];
  std::vector<std::size_t> threads;
  for (std::size_t node = 0; node < waits.nodes.size(); ++node)
    if (waits.nodes[node].kind == WaitKind::thread && members[components.of(node)] > 1)
      threads.push_back(node);
  std::ranges::sort(threads, [&](std::size_t a, std::size_t b) {
    return smaller_thread(waits.nodes[a], waits.nodes[b]);
  });
  std::vector<bool> covered(waits.nodes.size(), false);
  for (std::size_t thread : threads) {
    if (covered[thread] || waits.cycles.size() == kMostCycles) continue;
    auto way = way_back(waits, edges, components, thread);
    if (way.empty()) continue;
    WaitCycle cycle = cycle_of(waits, std::move(way));
    for (std::size_t node : cycle.nodes) covered[node] = true;
    waits.cycles.push_back(std::move(cycle));
  }
}

} // namespace dumptriage::system
