#include "pipeline/objects.h"

#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "system/kernel_view.h"
#include "system/kernel_waits.h"

namespace dumptriage::pipeline {
namespace {

report::WaitNodeRow node_row(const system::WaitNode& node, symbols::ModuleSet& modules) {
  report::WaitNodeRow row;
  row.id = node.id;
  row.kind = system::name_of(node.kind);
  row.label = node.label.empty() ? node.id : node.label;
  row.state = node.state;
  if (node.address != 0) row.address = node.address;
  row.lock = system::is_lock(node.kind);
  // A lock among a module's own data has a place that people know.
  std::string place = row.lock ? place_in_module(modules, node.address) : "";
  if (!place.empty() && row.label.find(place) == std::string::npos) row.label += " (" + place + ")";
  return row;
}

report::WaitEdgeRow edge_row(const system::WaitEdge& edge) {
  report::WaitEdgeRow row;
  row.from = edge.from;
  row.to = edge.to;
  row.held_by = edge.relation == system::WaitRelation::held_by;
  row.mode = system::name_of(edge.mode);
  row.reason = edge.reason;
  row.trust = system::name_of(edge.trust);
  row.why = edge.why;
  row.alternative = edge.alternative;
  row.timeout = edge.timeout;
  row.count = edge.count;
  return row;
}

// What each thread of the list waits for, by the graph.  Threads of a kernel are known by their
// objects, those of a program by their ids.
void fill_wait_objects(report::Document& document, const Analysis& analysis) {
  const system::Waits& waits = analysis.snapshot.waits;
  std::multimap<std::uint64_t, std::size_t> by_object; // to what is waited for
  std::multimap<std::string, std::size_t> by_id;
  for (const system::WaitEdge& edge : waits.edges) {
    if (edge.relation != system::WaitRelation::waits_for) continue;
    const system::WaitNode& thread = waits.nodes[edge.from];
    if (thread.address != 0)
      by_object.emplace(thread.address, edge.to);
    else
      by_id.emplace(thread.id, edge.to);
  }
  for (std::size_t i = 0; i < document.threads.size(); ++i) {
    auto& objects = document.threads[i].wait_objects;
    auto take = [&](auto range) {
      for (auto at = range.first; at != range.second; ++at)
        objects.push_back(waits.nodes[at->second].id);
    };
    std::uint64_t object = analysis.snapshot.threads[i].object;
    if (object != 0)
      take(by_object.equal_range(object));
    else
      take(by_id.equal_range("thread:" + document.threads[i].id));
  }
}

} // namespace

std::string place_in_module(symbols::ModuleSet& modules, std::uint64_t address) {
  auto module = address == 0 ? std::nullopt : modules.module_at(address);
  if (!module) return "";
  const dump::Module& row = modules.modules()[*module];
  return fmt::format("{}+{}", row.name(), hex(address - row.base));
}

void read_waits(const dump::Dump& dump, system::Snapshot& snapshot, const Options& options) {
  if (!snapshot.basis) return; // a program's critical sections are in its snapshot
  system::KernelView view = system::view_of(dump, snapshot, snapshot.notes);
  system::read_kernel_waits(view, snapshot.threads, options.locks, snapshot.waits);
}

void list_waits(report::Document& document, const Analysis& analysis) {
  const system::Waits& waits = analysis.snapshot.waits;
  for (const system::WaitNode& node : waits.nodes)
    document.waits.nodes.push_back(node_row(node, analysis.modules));
  for (const system::WaitEdge& edge : waits.edges) document.waits.edges.push_back(edge_row(edge));
  for (const system::WaitCycle& cycle : waits.cycles)
    document.waits.cycles.push_back(
        {cycle.nodes, std::string(system::name_of(cycle.trust)), cycle.timeout});
  fill_wait_objects(document, analysis);
}

} // namespace dumptriage::pipeline
