#include "arch/tables.h"

namespace dumptriage::arch {
UnwindResult unwind_x64(const UnwindInput&) {
  return method_failed(Code::unsupported, "unwind data", "not read", 0);
}
} // namespace dumptriage::arch
