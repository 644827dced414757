// PoolTrackTable: a pointer to rows of POOL_TRACKER_TABLE; how many there are stands right before
// the pointer (volatility, pooltracker).  Where that is no number of rows, they go on as long as
// they are rows.  Rows are found by a hash of the tag, so there are empty ones between them.
#include "system/pool_usage.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "formats/kdbg64.h"
#include "system/kernel_view.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kFewestRows = 64, kMostRows = 1 << 17;
constexpr std::uint32_t kVista = 6000;

struct Columns {
  Field allocs, frees, bytes;
  const char* pool;
};
struct Table {
  std::uint32_t row = 0;
  Columns columns[2];
};

std::optional<Table> table_of(const Layout& layout) {
  constexpr std::string_view kTable = "_POOL_TRACKER_TABLE";
  Table table;
  auto size = layout.size(kTable);
  auto key = layout.offset(kTable, "Key");
  if (!size || key != 0u) return std::nullopt;
  table.row = *size;
  constexpr std::pair<std::string_view, const char*> kPools[] = {{"NonPaged", "nonpaged"},
                                                                 {"Paged", "paged"}};
  for (std::size_t i = 0; i < std::size(kPools); ++i) {
    const std::string name(kPools[i].first);
    auto allocs = layout.field(kTable, name + "Allocs"),
         frees = layout.field(kTable, name + "Frees"), bytes = layout.field(kTable, name + "Bytes");
    if (!allocs || !frees || !bytes) return std::nullopt;
    table.columns[i] = {*allocs, *frees, *bytes, kPools[i].second};
  }
  return table;
}

std::uint64_t number(ByteView row, const Field& field) {
  return field.size == 8 ? row.u64(field.offset).value_or(0) : row.u32(field.offset).value_or(0);
}

// Counters of 32 bits go round on machines that run for long.
std::int64_t blocks_of(ByteView row, const Columns& columns) {
  std::uint64_t allocs = number(row, columns.allocs), frees = number(row, columns.frees);
  if (columns.allocs.size == 8) return static_cast<std::int64_t>(allocs - frees);
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(allocs - frees));
}

std::string tag_of(ByteView row) {
  std::string tag;
  for (int i = 0; i < 4; ++i) {
    std::uint8_t c = row.u8(i).value_or(0);
    if (i == 3) c &= 0x7F; // protected allocations
    if (c < 0x20 || c >= 0x7F) return "";
    tag += static_cast<char>(c);
  }
  return tag;
}

bool is_sane(ByteView row, const Table& table) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 44, kLeast = 8; // of one block
  if (tag_of(row).empty()) return false;
  for (const Columns& columns : table.columns) {
    std::int64_t blocks = blocks_of(row, columns);
    std::uint64_t bytes = number(row, columns.bytes);
    if (blocks < 0 || bytes > kMostBytes || (blocks == 0) != (bytes == 0) ||
        bytes / kLeast < static_cast<std::uint64_t>(blocks))
      return false;
  }
  return true;
}

struct Rows {
  std::vector<PoolTagUsage> tags;
  std::size_t used = 0, sane = 0;
  bool whole = true, split = false; // split: more was freed than allocated
};

void take(ByteView row, const Table& table, Rows& rows) {
  auto empty = [](std::byte b) { return b == std::byte{0}; };
  if (std::ranges::all_of(row.span(), empty)) return;
  ++rows.used;
  for (const Columns& columns : table.columns) rows.split |= blocks_of(row, columns) < 0;
  if (!is_sane(row, table)) return;
  ++rows.sane;
  for (const Columns& columns : table.columns) {
    std::uint64_t bytes = number(row, columns.bytes);
    if (bytes == 0) continue;
    rows.tags.push_back(
        {tag_of(row), columns.pool, bytes, static_cast<std::uint64_t>(blocks_of(row, columns)), 0});
  }
}

// `count` 0: not known; then a piece of the table that holds more wrong rows than right ones is
// beyond its end.
Rows read_rows(const KernelView& view, const Table& table, std::uint64_t start, std::size_t count) {
  Rows rows;
  std::vector<std::byte> bytes(static_cast<std::size_t>(table.row) * kFewestRows);
  const std::size_t most = count == 0 ? kMostRows : count;
  for (std::size_t at = 0; at < most; at += kFewestRows) {
    const std::size_t wanted = std::min(kFewestRows, most - at) * table.row;
    ByteView piece(bytes.data(),
                   view.memory.read(start + at * table.row, std::span(bytes).first(wanted)).got);
    Rows next;
    for (std::size_t i = 0; i + table.row <= piece.size(); i += table.row)
      take(piece.clamp(i, table.row), table, next);
    const bool whole = piece.size() == wanted;
    if (count == 0 && (!whole || (next.used != 0 && next.sane * 2 < next.used))) break;
    rows.used += next.used;
    rows.sane += next.sane;
    rows.split |= next.split;
    rows.whole &= whole;
    std::ranges::move(next.tags, std::back_inserter(rows.tags));
    if (!whole) break;
  }
  return rows;
}

void finish(Rows rows, PoolUsage& usage) {
  std::map<std::string, std::uint64_t> all; // bytes of each pool
  for (const PoolTagUsage& tag : rows.tags) all[tag.pool] += tag.bytes;
  for (PoolTagUsage& tag : rows.tags)
    tag.share = static_cast<unsigned>(tag.bytes * 100 / all[tag.pool]);
  std::ranges::sort(rows.tags, [](const PoolTagUsage& a, const PoolTagUsage& b) {
    return std::tie(b.bytes, a.pool, a.tag) < std::tie(a.bytes, b.pool, b.tag);
  });
  usage.tags = std::move(rows.tags);
}

} // namespace

PoolUsage read_pool_usage(const KernelView& view) {
  PoolUsage usage;
  auto variable = view.kdbg.address(offsetof(formats::KdDebuggerData64, PoolTrackTable));
  auto table = table_of(view.layout);
  if (!variable || !table) {
    usage.missing = !variable ? "no account of pool tags is named (NT 4 keeps none by itself)"
                              : "the layout of the pool's accounts is not known for this build";
    return usage;
  }
  const std::uint64_t at = view.cut(*variable);
  auto start = view.pointer(at);
  if (!start || !view.is_kernel_address(*start)) {
    usage.missing = start == 0u ? "this system does not keep accounts by tag"
                                : "the pointer to the pool's accounts is not in the dump";
    return usage;
  }
  auto size = view.pointer(at - view.pointer_size);
  const bool counted = size && *size >= kFewestRows && *size <= kMostRows;
  Rows rows = read_rows(view, *table, *start, counted ? static_cast<std::size_t>(*size) : 0);
  const bool several = view.dump.kernel->header.processors.value_or(2) > 1;
  if (rows.used == 0) {
    usage.missing = "the pool's accounts are not in the dump";
  } else if (rows.sane * 10 < rows.used * 9) {
    usage.missing = fmt::format("of {} rows of the pool's accounts {} contradict themselves",
                                rows.used, rows.used - rows.sane);
  } else if (several && rows.split && view.layout.build() >= kVista) {
    usage.missing = "each processor keeps accounts of its own, of which one table is named only";
  } else if (!rows.whole) { // shares of a part would be wrong
    usage.missing = "a part of the pool's accounts is not in the dump";
  } else {
    usage.from = "PoolTrackTable";
    usage.complete = true;
    finish(std::move(rows), usage);
  }
  return usage;
}

} // namespace dumptriage::system
