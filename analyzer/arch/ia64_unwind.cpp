// Walks on Itanium.
#include "arch/ia64.h"
#include "arch/tables.h"

namespace dumptriage::arch {

UnwindResult unwind_ia64(const UnwindInput& input) {
  return method_failed(Code::unsupported, "unwinding", "not read yet",
                       input.registers.get(0).value_or(0));
}

std::optional<Settled> settle_ia64(const UnwindInput&) { return std::nullopt; }

} // namespace dumptriage::arch
