// Walks on Alpha.
#include "arch/alpha.h"
#include "arch/tables.h"

namespace dumptriage::arch {

UnwindResult unwind_alpha(const UnwindInput& input) {
  return method_failed(Code::unsupported, "unwinding", "not read yet",
                       input.registers.get(0).value_or(0));
}

UnwindResult unwind_alpha64(const UnwindInput& input) {
  return method_failed(Code::unsupported, "unwinding", "not read yet",
                       input.registers.get(0).value_or(0));
}

} // namespace dumptriage::arch
