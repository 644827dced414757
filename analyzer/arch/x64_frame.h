// What the parts of the x64 unwinder share: the registers being unwound and the reads.
#pragma once

#include "arch/reading.h"

namespace dumptriage::arch::x64 {

inline constexpr int kRsp = 4, kRip = 16, kRflags = 17, kCs = 18, kSs = 19;

using Step = std::expected<void, UnwindFailure>;

struct Frame {
  Registers registers;
  Reader reader;
  bool machine_frame = false;
  bool by_code = false; // the code itself told, no unwind data

  std::expected<std::uint64_t, UnwindFailure> rsp() const {
    if (auto value = registers.get(kRsp)) return *value;
    return method_failed(Code::absent, "rsp", "not known", 0);
  }
  // register = [rsp]; rsp += 8
  Step pop(int index, std::string_view what) {
    auto stack = rsp();
    if (!stack) return std::unexpected(stack.error());
    auto value = reader.get<le64>(*stack, what);
    if (!value) return std::unexpected(value.error());
    registers.set(kRsp, *stack + 8);
    if (index != kRsp) registers.set(index, *value);
    return {};
  }
};

// Is pc inside an epilogue?  If so, executes the rest of it.  True: done, rip and rsp are the
// caller's. Fails when the code bytes that decide it are not at hand.  `listed`: the unwind data
// say that it is one, so whatever follows the pops leaves the function.
std::expected<bool, UnwindFailure> run_epilogue(Frame& frame, const UnwindInput& input,
                                                const FunctionEntry& function, std::uint64_t pc,
                                                bool listed);

// From pc, does the code come to a `ret` without touching rsp?  Then [rsp] is the return address.
bool runs_straight_to_ret(Frame& frame, std::uint64_t pc);

} // namespace dumptriage::arch::x64
