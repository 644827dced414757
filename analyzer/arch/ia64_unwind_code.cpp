// Source: Intel Itanium Architecture Software Developer's Manual, volume 3, 4.3 to 4.7: formats A4
// (mov of general registers), M4, M5 (st8.spill), M9, M10 (stf.spill), I22 (mov from a branch
// register), M34 (alloc), B3 (br.call) and X4 (brl.call).
#include "arch/ia64_unwind_code.h"

#include <algorithm>
#include <array>

#include "arch/ia64_bundle.h"
#include "formats/unwind_ia64.h"

namespace dumptriage::arch {
namespace {

std::optional<Ia64Bundle> bundle_at(const memory::AddressSpace& memory, std::uint64_t address) {
  std::array<std::byte, kIa64BundleSize> code{};
  if (!memory.copy(address, code)) return std::nullopt;
  return ia64_bundle_of(code);
}

// The target of B3 or X4, relative to its bundle.
std::optional<std::uint64_t> displacement(const Ia64Instruction& i) {
  const std::uint64_t low = i.bits(13, 20), sign = i.bits(36, 1);
  if (i.unit == 'B' && i.opcode() == 5) return ((sign ? ~std::uint64_t{0} : 0) << 20 | low) << 4;
  if (i.unit != 'X' || i.opcode() != 0xD) return std::nullopt;
  return (sign << 59 | (i.long_word >> 2) << 20 | low) << 4;
}

} // namespace

std::optional<std::uint8_t> ia64_saved_in(const memory::AddressSpace& memory, std::uint64_t address,
                                          unsigned slot) {
  using namespace formats;
  const auto bundle = bundle_at(memory, address);
  if (!bundle) return std::nullopt;
  const Ia64Instruction i = ia64_instruction(*bundle, slot, address);
  if (i.bits(0, 6) != 0) return std::nullopt; // a predicate
  constexpr std::uint64_t kSpill = 0x3B;
  const unsigned opcode = i.opcode();
  // Without update of the address m (36) and x (27) are 0; with it all these bits are its own.
  const bool spill = i.unit == 'M' && i.bits(30, 6) == kSpill &&
                     (opcode == 5 || opcode == 7 ||
                      ((opcode == 4 || opcode == 6) && i.bits(36, 1) == 0 && i.bits(27, 1) == 0));
  const auto within = [](std::uint64_t n, unsigned kind, auto... ranges) {
    const bool is = ((n >= ranges.first && n <= ranges.second) || ...);
    return is ? std::optional(static_cast<std::uint8_t>(kind + n)) : std::nullopt;
  };
  const std::uint64_t stored = i.bits(13, 7);
  if (spill && opcode >= 6)
    return within(stored, kIa64UnwindFr, std::pair{2u, 5u}, std::pair{16u, 31u});
  if (spill) return within(stored, kIa64UnwindGr, std::pair{4u, 7u});
  if (i.unit == 'I' && opcode == 0 && i.bits(33, 3) == 0 && i.bits(27, 6) == 0x31)
    return within(i.bits(13, 3), kIa64UnwindBr, std::pair{1u, 5u});
  // adds r = 0, r: x2a (35:34) is 2, ve (33) and the immediate are 0
  const bool copy = (i.unit == 'M' || i.unit == 'I') && opcode == 8 && i.bits(33, 3) == 4 &&
                    i.bits(36, 1) == 0 && i.bits(27, 6) == 0 && i.bits(13, 7) == 0;
  if (copy) return within(i.bits(20, 7), kIa64UnwindGr, std::pair{4u, 7u});
  return std::nullopt;
}

std::optional<unsigned> ia64_allocated_to(const memory::AddressSpace& memory, std::uint64_t begin,
                                          std::uint64_t end) {
  constexpr std::uint64_t kMostBundles = 32; // of a prologue in front of its alloc
  const std::uint64_t bundles = std::min(kMostBundles, (end - begin) / kIa64BundleSize);
  for (std::uint64_t n = 0; n < bundles; ++n) {
    const std::uint64_t address = begin + n * kIa64BundleSize;
    const auto bundle = bundle_at(memory, address);
    if (!bundle) return std::nullopt;
    for (unsigned slot = 0; slot < 3; ++slot) {
      const Ia64Instruction i = ia64_instruction(*bundle, slot, address);
      if (i.unit == 'M' && i.opcode() == 1 && i.bits(33, 3) == 6)
        return static_cast<unsigned>(i.bits(6, 7));
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ia64_called_from(const memory::AddressSpace& memory,
                                              std::uint64_t return_address) {
  const std::uint64_t address = return_address - kIa64BundleSize;
  const auto bundle = bundle_at(memory, address);
  if (!bundle) return std::nullopt;
  std::optional<std::uint64_t> target;
  for (unsigned slot = 0; slot < 3; ++slot) {
    const Ia64Instruction i = ia64_instruction(*bundle, slot, address);
    if (!is_ia64_call(i) || (i.unit == 'X' && slot == 1)) continue;
    const auto to = displacement(i);
    if (!to || target) return std::nullopt;
    target = address + *to;
  }
  return target;
}

} // namespace dumptriage::arch
