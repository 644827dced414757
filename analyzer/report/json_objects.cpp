// Waits, IRPs and pool.
#include "report/json_parts.h"

#include <algorithm>

namespace dumptriage::report::json {
namespace {

void put_flag(Json& to, const char* key, bool value) {
  if (value) to[key] = true;
}
void put_place(Json& to, const char* key, std::uint64_t value, int pointer_size) {
  if (value != 0) to[key] = address(value, pointer_size);
}

Json node_of(const WaitNodeRow& row, int pointer_size) {
  Json node;
  node["id"] = row.id;
  node["kind"] = row.kind;
  put_address(node, "address", row.address, pointer_size);
  node["label"] = row.label;
  put(node, "state", row.state);
  return node;
}

Json edge_of(const WaitEdgeRow& row, const WaitRows& waits) {
  Json edge;
  edge["from"] = waits.nodes[row.from].id;
  edge["to"] = waits.nodes[row.to].id;
  edge["relation"] = row.held_by ? "held_by" : "waits_for";
  put(edge, "mode", row.mode);
  put(edge, "reason", row.reason);
  put_flag(edge, "alternative", row.alternative);
  put_flag(edge, "timeout", row.timeout);
  if (row.count != 0) edge["count"] = row.count;
  edge["trust"] = row.trust;
  put(edge, "why", row.why);
  return edge;
}

Json cycle_of(const WaitCycleRow& row, const WaitRows& waits) {
  Json cycle, nodes = Json::array();
  for (std::size_t node : row.nodes) nodes.push_back(waits.nodes[node].id);
  cycle["nodes"] = std::move(nodes);
  cycle["threads"] = std::ranges::count_if(
      row.nodes, [&](std::size_t node) { return waits.nodes[node].kind == "thread"; });
  cycle["trust"] = row.trust;
  put_flag(cycle, "timeout", row.timeout);
  return cycle;
}

Json location_of(const IrpLocationRow& row, int pointer_size) {
  Json location;
  location["number"] = row.number;
  location["current"] = row.current;
  put(location, "major", row.major);
  put(location, "minor", row.minor);
  location["major_number"] = row.major_number;
  location["minor_number"] = row.minor_number;
  location["control"] = row.control;
  put(location, "driver", row.driver);
  put_place(location, "device", row.device, pointer_size);
  put_place(location, "file_object", row.file_object, pointer_size);
  put_place(location, "completion", row.completion, pointer_size);
  put(location, "completion_at", row.completion_at);
  put_place(location, "context", row.context, pointer_size);
  return location;
}

Json block_of(const PoolBlockRow& row, int pointer_size) {
  Json block;
  block["address"] = address(row.address, pointer_size);
  block["size"] = row.size;
  block["type"] = row.type;
  block["tag"] = row.tag;
  put(block, "state", row.state);
  put(block, "pool", row.pool);
  block["asked"] = row.asked;
  return block;
}

} // namespace

Json waits_of(const Document& d) {
  Json nodes = Json::array(), edges = Json::array(), cycles = Json::array();
  for (const WaitNodeRow& row : d.waits.nodes) nodes.push_back(node_of(row, d.pointer_size));
  for (const WaitEdgeRow& row : d.waits.edges) edges.push_back(edge_of(row, d.waits));
  for (const WaitCycleRow& row : d.waits.cycles) cycles.push_back(cycle_of(row, d.waits));
  Json waits;
  waits["nodes"] = std::move(nodes);
  waits["edges"] = std::move(edges);
  waits["cycles"] = std::move(cycles);
  return waits;
}

Json irps_of(const Document& d) {
  Json irps = Json::array();
  for (const IrpRow& row : d.irps) {
    Json irp;
    irp["address"] = address(row.address, d.pointer_size);
    irp["from"] = row.from;
    put(irp, "thread", row.thread_id);
    put_place(irp, "thread_object", row.thread, d.pointer_size);
    irp["stack_count"] = row.stack_count;
    irp["current_location"] = row.current_location;
    irp["completed"] = row.completed;
    irp["pending"] = row.pending;
    irp["cancelled"] = row.cancelled;
    irp["status"] = code(row.status);
    put_place(irp, "cancel_routine", row.cancel_routine, d.pointer_size);
    put(irp, "cancel_at", row.cancel_at);
    Json locations = Json::array();
    for (const IrpLocationRow& location : row.locations)
      locations.push_back(location_of(location, d.pointer_size));
    irp["locations"] = std::move(locations);
    irp["trust"] = row.trust;
    irps.push_back(std::move(irp));
  }
  return irps;
}

Json pool_of(const Document& d) {
  Json pool = Json::array();
  for (const PoolRow& row : d.pool) {
    Json page;
    page["asked"] = address(row.asked, d.pointer_size);
    page["from"] = row.from;
    page["page"] = address(row.page, d.pointer_size);
    put(page, "form", row.form);
    put(page, "trust", row.trust);
    Json blocks = Json::array();
    for (const PoolBlockRow& block : row.blocks) blocks.push_back(block_of(block, d.pointer_size));
    page["blocks"] = std::move(blocks);
    put_address(page, "inconsistent_at", row.inconsistent_at, d.pointer_size);
    put(page, "diagnosis", row.diagnosis);
    put(page, "damage", row.damage);
    put(page, "fill", row.fill);
    put(page, "undecided", row.undecided);
    pool.push_back(std::move(page));
  }
  return pool;
}

} // namespace dumptriage::report::json
