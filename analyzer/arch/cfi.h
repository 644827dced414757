// Call-frame rules of a Breakpad symbol file (STACK CFI), for any CPU.
#pragma once

#include <cstdint>
#include <string>

#include "memory/address_space.h"

namespace dumptriage::arch {

struct CfiRules {
  std::uint64_t start = 0; // address of the code that they were collected for
  // The rules of STACK CFI INIT, with those of every STACK CFI up to the address behind them; a
  // later rule for a register replaces an earlier one: ".cfa: $rsp 8 + .ra: .cfa -8 + ^ ...".
  std::string rules;
  // Made from the unwind data of a Windows image, as Breakpad's dump_syms does: one rule for the
  // whole function, right behind its prologue, without saved registers and frame registers.
  bool body_only = false;
  memory::Origin origin = memory::Origin::image;
};

} // namespace dumptriage::arch
