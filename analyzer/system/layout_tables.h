// Inside of the layouts: the generated tables, and the fields that KDBG gives directly.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "arch/arch.h"
#include "dump/kernel.h"

namespace dumptriage::system::layouts {

struct Variant {
  std::uint32_t build, revision; // 7601, 24000: of the update it was read from; 0 = as released
  std::string_view name;
};
struct Row {
  std::string_view structure, field;
  std::uint32_t offset, size; // size 0 = not said
  std::uint8_t first_bit, bits;
  std::uint32_t variants; // bit n = variant n
  char source;
};
struct Table {
  std::span<const Variant> variants;
  std::span<const Row> rows; // by structure, then field
};
// Empty for CPUs without one.
Table table_of(arch::Machine machine);
// The row of this field for all of `variants`; null when one of them has another, or none.
// `variants` 0 gives null.
const Row* find_row(const Table& table, std::string_view structure, std::string_view field,
                    std::uint32_t variants);

struct KdbgField {
  std::string_view structure, field;
  std::uint16_t at, width; // of the Offset... field in KDDEBUGGER_DATA64
  std::uint32_t size;      // of the field itself; 0 = a pointer or a structure
  enum Cpu { any, x86, not_x86 } cpu = any;
};
std::span<const KdbgField> kdbg_fields();

} // namespace dumptriage::system::layouts
