// Epilogues of x64.
//
// "x64 prolog and epilog" allows one form only: an `add rsp, n` or `lea rsp, n[frame]`, pops of
// 8-byte registers, then `ret` or a jump that leaves the function.  At the add or lea the frame is
// still whole and the unwind codes are right; behind it they are not.  So: if from pc on there are
// only pops and then such an end, the pops and the end are executed.
//
// Jumps that end a function: `jmp rel` to another function, `jmp [mem]` with mod 00, and any `jmp`
// with REX.W, which compilers add to mark it.  A jump into a chained part of the same function does
// not.
#include "arch/x64_frame.h"
#include "formats/unwind_x64.h"

namespace dumptriage::arch::x64 {
namespace {

enum class End { none, unknown, ret, jump };

struct Epilogue {
  End end = End::none;
  int pops[16];
  int pop_count = 0;
};

// Does a direct jump from `function` to `target` leave it?
End leaves(Frame& frame, const UnwindInput& input, const FunctionEntry& function,
           std::uint64_t target) {
  const std::uint64_t rva = target - function.image_base;
  if (rva >= function.begin && rva < function.end) return End::none;
  FunctionEntry other;
  switch (input.functions.find(target, other)) {
  case FunctionLookup::leaf: return End::jump;
  case FunctionLookup::unknown: return End::unknown;
  case FunctionLookup::found: break;
  }
  if (other.image_base + other.begin != target) return End::none;
  if (other.unwind & formats::kRuntimeFunctionIndirect) return End::none;
  auto info =
      frame.reader.get<formats::UnwindInfoX64>(other.image_base + other.unwind, "UNWIND_INFO");
  if (!info) return End::unknown;
  return info->flags() & formats::kUnwindFlagChained ? End::none : End::jump;
}

std::int64_t signed_at(std::span<const std::uint8_t> code, std::size_t at, int bytes) {
  if (bytes == 1) return static_cast<std::int8_t>(code[at]);
  std::uint32_t value = 0;
  for (int i = 4; i-- > 0;) value = value << 8 | code[at + i];
  return static_cast<std::int32_t>(value);
}

// The end of an epilogue at code[at], which lies at `address`.
End end_at(std::span<const std::uint8_t> code, std::size_t at, std::uint64_t address, Frame& frame,
           const UnwindInput& input, const FunctionEntry& function) {
  const std::size_t left = code.size() - at;
  if (left == 0) return End::unknown;
  const std::uint8_t first = code[at];
  if (first == 0xC3 || first == 0xC2) return End::ret;
  if (first == 0xF3) { // rep ret
    if (left < 2) return End::unknown;
    return code[at + 1] == 0xC3 ? End::ret : End::none;
  }
  if (first == 0xEB || first == 0xE9) {
    const int bytes = first == 0xEB ? 1 : 4;
    if (left < 1u + bytes) return End::unknown;
    return leaves(frame, input, function, address + 1 + bytes + signed_at(code, at + 1, bytes));
  }
  const bool rex_w = (first & 0xF8) == 0x48;
  const std::size_t opcode = at + (rex_w ? 1 : 0);
  if (code.size() <= opcode) return End::unknown;
  if (code[opcode] != 0xFF) return End::none;
  if (code.size() <= opcode + 1) return End::unknown;
  const std::uint8_t modrm = code[opcode + 1];
  if ((modrm >> 3 & 7) != 4) return End::none;
  return rex_w || (modrm & 0xC7) == 5 ? End::jump : End::none;
}

Epilogue decode(std::span<const std::uint8_t> code, std::uint64_t address, Frame& frame,
                const UnwindInput& input, const FunctionEntry& function) {
  Epilogue epilogue;
  std::size_t at = 0;
  while (at < code.size() && epilogue.pop_count < 16) {
    const bool extended = code[at] == 0x41 && at + 1 < code.size();
    const std::uint8_t opcode = code[at + (extended ? 1 : 0)];
    if ((opcode & 0xF8) != 0x58) break;
    epilogue.pops[epilogue.pop_count++] = (opcode & 7) + (extended ? 8 : 0);
    at += extended ? 2 : 1;
  }
  // A lone 41 at the end of what is there may be half a pop.
  if (at + 1 == code.size() && code[at] == 0x41) {
    epilogue.end = End::unknown;
    return epilogue;
  }
  epilogue.end = end_at(code, at, address + at, frame, input, function);
  return epilogue;
}

} // namespace

std::expected<bool, UnwindFailure> run_epilogue(Frame& frame, const UnwindInput& input,
                                                const FunctionEntry& function, std::uint64_t pc,
                                                bool listed) {
  std::array<std::uint8_t, 48> buffer{};
  const auto code = frame.reader.some(pc, buffer);
  Epilogue epilogue = decode(code, pc, frame, input, function);
  if (listed && !code.empty() && epilogue.end != End::unknown) epilogue.end = End::ret;
  if (epilogue.end == End::none) return false;
  if (epilogue.end == End::unknown)
    return method_failed(Code::absent, "code at pc",
                         "its bytes are needed to tell whether this is an epilogue", pc);
  for (int i = 0; i < epilogue.pop_count; ++i)
    if (auto step = frame.pop(epilogue.pops[i], "saved register"); !step)
      return std::unexpected(step.error());
  if (auto step = frame.pop(kRip, "return address"); !step) return std::unexpected(step.error());
  return true;
}

} // namespace dumptriage::arch::x64
