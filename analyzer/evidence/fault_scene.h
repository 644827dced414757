// What the dump itself says about a fault, before its instruction is looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "evidence/evidence.h"

namespace dumptriage::evidence {

struct FaultScene {
  std::uint64_t ip = 0;
  // Of the code at `ip`: x86 for that of a 32-bit process in an x64 dump (WoW64).
  arch::Machine machine = arch::Machine::unknown;
  // Of the same moment as `ip`; null when the dump holds none.
  const arch::Registers* registers = nullptr;
  std::uint32_t code = 0; // of the exception; 0 = a STOP without one
  bool memory_fault = false;
  bool by_software = false;              // raised by a call: no instruction is at fault
  std::optional<std::uint64_t> reported; // the address touched, as the dump says it
  // The processor gave no address: a general protection fault, which x64 raises for addresses that
  // are not canonical.  `reported` is then empty.
  bool unreported = false;
  std::string access; // as the dump says it; "" = not said
  std::optional<std::uint64_t> irql;
  std::size_t thread = SIZE_MAX; // index of the thread it happened on; SIZE_MAX = not known
};

std::optional<FaultScene> find_fault_scene(const Input& input);

} // namespace dumptriage::evidence
