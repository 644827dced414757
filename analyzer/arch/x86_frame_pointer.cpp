// placeholder
#include "arch/tables.h"

namespace dumptriage::arch {
UnwindResult unwind_x86_frame_pointer(const UnwindInput&) {
  return method_failed(Code::unsupported, "frame pointer", "not followed", 0);
}
} // namespace dumptriage::arch
