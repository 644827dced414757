#include "pipeline/objects.h"

#include <algorithm>

#include <fmt/format.h>

#include "formats/bugchecks.h"
#include "system/kernel_view.h"

namespace dumptriage::pipeline {
namespace {

// Which parameters of a pool stop are addresses of blocks or headers, by its first parameter
// (Microsoft's bug check reference).
struct PoolStop {
  std::uint32_t code;
  std::uint64_t kind;
  unsigned parameters[2]; // 1-based; 0 none
};
constexpr PoolStop kStops[] = {
    // BAD_POOL_HEADER
    {0x19, 0x3, {2, 0}},
    {0x19, 0x5, {2, 4}},
    {0x19, 0x6, {2, 0}},
    {0x19, 0x7, {2, 0}},
    {0x19, 0x8, {2, 0}},
    {0x19, 0x9, {2, 0}},
    {0x19, 0xA, {2, 0}},
    {0x19, 0xD, {2, 0}},
    {0x19, 0xE, {2, 0}},
    {0x19, 0xF, {2, 0}},
    {0x19, 0x20, {2, 3}},
    {0x19, 0x21, {2, 0}},
    {0x19, 0x22, {2, 0}},
    {0x19, 0x23, {2, 0}},
    {0x19, 0x24, {2, 0}},
    {0x19, 0x25, {2, 0}},
    // BAD_POOL_CALLER
    {0xC2, 0x1, {2, 0}},
    {0xC2, 0x2, {2, 0}},
    {0xC2, 0x4, {2, 0}},
    {0xC2, 0x6, {3, 0}},
    {0xC2, 0x7, {4, 0}},
    {0xC2, 0xA, {2, 0}},
    {0xC2, 0xB, {2, 0}},
    {0xC2, 0xC, {2, 0}},
    {0xC2, 0xD, {2, 0}},
    {0xC2, 0x99, {2, 0}},
};

void add(const system::KernelView& view, std::uint64_t address, std::string from, bool asked,
         system::Snapshot& snapshot) {
  system::PoolFinding finding = system::read_pool(view, address, std::move(from));
  // Two parameters of a stop may lie on one page, which is shown once.
  bool known = std::ranges::any_of(snapshot.pool, [&](const system::PoolFinding& other) {
    return other.asked == finding.asked || (!asked && other.page == finding.page);
  });
  if (!known && (asked || !finding.blocks.empty())) snapshot.pool.push_back(std::move(finding));
}

} // namespace

void read_pools(const dump::Dump& dump, system::Snapshot& snapshot, const Options& options) {
  if (!snapshot.basis) {
    if (!options.pool.empty())
      add_note(snapshot.notes, Severity::warning, Code::unsupported,
               "pool: only kernel dumps with the kernel's memory have one");
    return;
  }
  system::KernelView view = system::view_of(dump, snapshot, snapshot.notes);
  for (std::uint64_t address : options.pool) add(view, address, "asked for", true, snapshot);
  const system::Stop& stop = snapshot.stop;
  if (stop.kind != system::StopKind::bugcheck || stop.parameters.empty()) return;
  std::uint32_t code = formats::normalized_bugcheck(stop.code);
  for (const PoolStop& row : kStops) {
    if (row.code != code || row.kind != stop.parameters[0]) continue;
    for (unsigned number : row.parameters)
      if (number != 0 && number <= stop.parameters.size())
        add(view, stop.parameters[number - 1], fmt::format("bugcheck parameter {}", number), false,
            snapshot);
  }
}

void read_touched(const dump::Dump& dump, system::Snapshot& snapshot,
                  const evidence::Input& input) {
  if (!snapshot.basis) return;
  // Of what is no pool nothing is noted: nobody asked for it.
  Notes unwanted;
  system::KernelView view = system::view_of(dump, snapshot, unwanted);
  const auto look = [&](std::uint64_t address, std::string from) {
    system::PoolFinding finding = system::read_pool(view, address, std::move(from));
    if (!finding.blocks.empty()) snapshot.touched.push_back(std::move(finding));
  };
  if (const auto touched = evidence::touched_pointers(input))
    for (const auto& pointer : touched->pointers) look(pointer.value, pointer.of);
  const system::Stop& stop = snapshot.stop;
  if (stop.kind != system::StopKind::bugcheck) return;
  for (std::size_t i = 0; i < stop.parameters.size() && i < 4; ++i) {
    const std::string from = fmt::format("bugcheck parameter {}", i + 1);
    const bool shown = std::ranges::any_of(
        snapshot.pool, [&](const system::PoolFinding& other) { return other.from == from; });
    if (!shown) look(stop.parameters[i], from);
  }
}

void list_pools(report::Document& document, const Analysis& analysis) {
  for (const system::PoolFinding& finding : analysis.snapshot.pool) {
    report::PoolRow row;
    row.asked = finding.asked;
    row.page = finding.page;
    row.from = finding.from;
    row.form = finding.form;
    row.diagnosis = finding.diagnosis;
    row.damage = finding.damage;
    row.fill = finding.fill;
    row.undecided = finding.undecided;
    row.trust = finding.trust;
    row.inconsistent_at = finding.inconsistent_at;
    for (const system::PoolBlock& block : finding.blocks)
      row.blocks.push_back(
          {block.address, block.size, block.type, block.tag, block.state, block.pool, block.asked});
    document.pool.push_back(std::move(row));
  }
}

} // namespace dumptriage::pipeline
