#include "arch/ia64_bundle.h"

#include "arch/ia64.h"
#include "base/bytes.h"

namespace dumptriage::arch {

namespace {

// By template; bit n of `stops` is a stop behind slot n.
struct Template {
  std::string_view units;
  unsigned stops = 0;
};
constexpr Template kTemplates[32] = {
    {"MII", 0}, {"MII", 4}, {"MII", 2}, {"MII", 6}, {"MLX", 0}, {"MLX", 4}, {},         {},
    {"MMI", 0}, {"MMI", 4}, {"MMI", 1}, {"MMI", 5}, {"MFI", 0}, {"MFI", 4}, {"MMF", 0}, {"MMF", 4},
    {"MIB", 0}, {"MIB", 4}, {"MBB", 0}, {"MBB", 4}, {},         {},         {"BBB", 0}, {"BBB", 4},
    {"MMB", 0}, {"MMB", 4}, {},         {},         {"MFB", 0}, {"MFB", 4}, {},         {},
};
constexpr std::uint64_t kSlotMask = (std::uint64_t{1} << 41) - 1;

} // namespace

std::optional<Ia64Bundle> ia64_bundle_of(std::span<const std::byte> code) {
  const ByteView view(code);
  const auto low = view.u64(0), high = view.u64(8);
  if (!low || !high) return std::nullopt;
  const Template& row = kTemplates[*low & 31];
  if (row.units.empty()) return std::nullopt;
  Ia64Bundle bundle;
  bundle.units = row.units;
  bundle.slots = {*low >> 5 & kSlotMask, (*low >> 46 | *high << 18) & kSlotMask, *high >> 23};
  for (unsigned slot = 0; slot < 3; ++slot) bundle.stops[slot] = row.stops >> slot & 1;
  return bundle;
}

Ia64Instruction ia64_instruction(const Ia64Bundle& bundle, unsigned slot, std::uint64_t address) {
  const bool is_long = slot > 0 && bundle.units[2] == 'X';
  if (is_long) return {'X', bundle.slots[2], bundle.slots[1], address};
  return {bundle.units[slot], bundle.slots[slot], 0, address};
}

bool is_ia64_call(const Ia64Instruction& instruction) {
  const unsigned opcode = instruction.opcode();
  if (instruction.unit == 'B') return opcode == 1 || opcode == 5;
  return instruction.unit == 'X' && opcode == 0xD;
}

std::optional<bool> call_before_ia64(const memory::AddressSpace& memory, std::uint64_t address) {
  // A call returns to a bundle, never into one.
  if (ia64_bundle(address) != address || address < kIa64BundleSize) return false;
  std::array<std::byte, kIa64BundleSize> code{};
  if (!memory.copy(address - kIa64BundleSize, code)) return std::nullopt;
  const auto bundle = ia64_bundle_of(code);
  if (!bundle) return false;
  for (unsigned slot = 0; slot < 3; ++slot)
    if (is_ia64_call(ia64_instruction(*bundle, slot, 0))) return true;
  return false;
}

} // namespace dumptriage::arch
