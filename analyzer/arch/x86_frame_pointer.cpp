// The frame-pointer chain of 32-bit x86, and what stands in for it where code proves better.
//
//   return address = [ebp + 4], caller's ebp = [ebp], caller's esp = ebp + 8
//
// That holds in a function that begins with `push ebp; mov ebp, esp`, from there to its epilogue.
// In a function without a frame (FPO, a leaf, a stub) ebp is still that of some caller further up:
// the same equation then skips frames, or, when ebp is used as a general register, reads garbage;
// and the values look just as plausible.  So a link is proved only by code (x86_by_code.cpp).
//
// Where code bytes are missing the link is still given, as not proved: on images compiled with
// frames it is right nearly always, but nothing in the dump tells those from the others.
//
// Sources: Intel SDM volume 1, chapter 6 (calls); Microsoft's /Oy and /hotpatch pages.
#include "arch/x86_by_code.h"
#include "arch/x86_trap_frame.h"

namespace dumptriage::arch {
namespace x86 {
namespace {

UnwindResult by_chain(const UnwindInput& input, std::uint32_t ebp, const std::string& why) {
  Reader reader(input.memory);
  auto saved = reader.get<le32>(ebp, "saved ebp");
  if (!saved) return std::unexpected(saved.error());
  auto return_address = reader.get<le32>(std::uint64_t{ebp} + 4, "return address");
  if (!return_address) return std::unexpected(return_address.error());
  Caller caller;
  caller.registers.set(kEip, *return_address);
  caller.registers.set(kEsp, ebp + 8);
  caller.registers.set(kEbp, *saved);
  caller.trust = Trust::frame_pointer;
  caller.origin = reader.worst();
  caller.proved = false;
  caller.unproved = "frame-pointer chain, not proved: " +
                    (why.empty() ? "pc may be in a function without a frame" : why);
  return caller;
}

} // namespace
} // namespace x86

UnwindResult unwind_x86_frame_pointer(const UnwindInput& input) {
  const auto pc = input.registers.get(x86::kEip), esp = input.registers.get(x86::kEsp),
             ebp = input.registers.get(x86::kEbp);
  if (!pc || !esp) return method_failed(Code::absent, "eip and esp", "not known", 0);
  const auto pc32 = static_cast<std::uint32_t>(*pc), esp32 = static_cast<std::uint32_t>(*esp);
  const auto ebp32 = static_cast<std::uint32_t>(ebp.value_or(0));
  std::optional<Caller> interrupted;
  if (ebp && ebp32 % 4 == 0) interrupted = by_trap_frame_x86(input, pc32, esp32, ebp32);
  if (interrupted && interrupted->proved) return *interrupted;
  std::string why;
  if (auto caller = x86::by_code(input, why)) return *caller;
  if (interrupted) return *interrupted;
  if (!ebp) return method_failed(Code::absent, "ebp", "not known", 0);
  if (ebp32 == 0 || ebp32 % 4 != 0 || ebp32 > 0xFFFFFFF0 || ebp32 < esp32)
    return method_failed(Code::bad_value, "ebp", "points to no frame above esp", ebp32);
  return x86::by_chain(input, ebp32, why);
}

} // namespace dumptriage::arch
