// The frame-pointer chain of 32-bit x86, and when a link of it is proved.
//
//   return address = [ebp + 4], caller's ebp = [ebp], caller's esp = ebp + 8
//
// That holds in a function that begins with `push ebp; mov ebp, esp`, from there to its epilogue.
// In a function without a frame (FPO, a leaf, a stub) ebp is still that of some caller further up:
// the same equation then skips frames, or, when ebp is used as a general register, reads garbage;
// and the values look just as plausible.  So a link is proved only by code:
//
//   1. A start S of a function is found: the target of the direct call before the return address
//      (through `jmp` thunks), or, when the call is indirect, a prologue before pc that stands
//      where a function can begin (behind padding, a return or a jump).
//   2. At S stands `push ebp; mov ebp, esp` (behind the two-byte `mov edi, edi` of hot-patch
//   images).
//   3. Following the code from there, without entering what it calls and leaving every path that
//      writes ebp, pc is reached.
//
// Where code bytes are missing the link is still given, as not proved: on images compiled with
// frames it is right nearly always, but nothing in the dump tells those from the others.
//
// Besides, an exact pc that stands before `ret`, with only pops between, needs no chain: the return
// address is where the ret will find it.
//
// Sources: Intel SDM volume 1, chapter 6 (calls); Microsoft's /Oy and /hotpatch pages.
#include <algorithm>
#include <deque>
#include <unordered_set>

#include "arch/reading.h"
#include "arch/x86_decode.h"
#include "arch/x86_trap_frame.h"

namespace dumptriage::arch {
namespace x86 {
namespace {

enum { kEbx = 3, kEsp = 4, kEbp = 5, kEsi = 6, kEdi = 7, kEip = 8 };

// Bounds of following one function.
constexpr std::size_t kMostInstructions = 4096;
constexpr std::uint32_t kReach = 0x10000;
constexpr std::uint32_t kMostTable = 512;
constexpr std::uint32_t kSearchBack = 0x1000;

class Code {
public:
  Code(const UnwindInput& input, Reader& reader)
      : memory_(input.memory), reader_(reader), effort_(input.effort) {}

  // False when the walk has followed enough code.
  bool spend() { return effort_ == nullptr || (*effort_ > 0 && (*effort_)-- > 0); }

  std::span<const std::uint8_t> at(std::uint32_t address, std::size_t size) {
    return reader_.some(address, std::span(buffer_).first(std::min(size, buffer_.size())));
  }
  std::optional<std::uint32_t> u32(std::uint32_t address) { return memory_.u32(address); }

private:
  const memory::AddressSpace& memory_;
  Reader& reader_;
  std::size_t* effort_;
  std::array<std::uint8_t, 24> buffer_{};
};

struct Prologue {
  std::uint32_t length = 0; // 0: there is none
  // GCC's form for a realigned stack: the return address is copied below the new frame, and ecx
  // holds the caller's esp.
  bool realigned = false;
};

bool matches(std::span<const std::uint8_t> bytes, std::size_t at,
             std::initializer_list<int> pattern) { // -1: any byte
  if (bytes.size() < at + pattern.size()) return false;
  return std::equal(pattern.begin(), pattern.end(), bytes.begin() + at,
                    [](int want, std::uint8_t byte) { return want < 0 || want == byte; });
}

Prologue prologue_at(Code& code, std::uint32_t address) {
  const auto bytes = code.at(address, 19);
  // mov edi, edi; push ebp; mov ebp, esp; pop ebp: a hot-patch point that the function does not use
  std::uint32_t at = matches(bytes, 0, {0x8B, 0xFF, 0x55, 0x8B, 0xEC, 0x5D}) ? 6 : 0;
  // lea ecx, [esp+4]; and esp, -n; push [ecx-4]; push ebp; mov ebp, esp
  if (matches(bytes, at, {0x8D, 0x4C, 0x24, 4, 0x83, 0xE4, -1, 0xFF, 0x71, 0xFC, 0x55, 0x89, 0xE5}))
    return {at + 13, true};
  at = matches(bytes, 0, {0x8B, 0xFF}) ? 2 : 0;
  if (matches(bytes, at, {0x55, 0x8B, 0xEC}) || matches(bytes, at, {0x55, 0x89, 0xE5}))
    return {at + 3, false};
  return {};
}

// The caller's esp of a realigned frame: what `push ecx` saved, when it leads to the return
// address.
std::optional<std::uint32_t> realigned_esp(Code& code, std::uint32_t body, std::uint32_t ebp,
                                           std::uint32_t return_address) {
  std::uint32_t slot = ebp;
  for (int i = 0; i < 8; ++i) {
    const auto bytes = code.at(body, 15);
    const auto instruction = decode(bytes, body);
    if (!instruction || instruction->flow != Flow::next) return std::nullopt;
    if ((bytes[0] & 0xF8) == 0x50) slot -= 4;
    if (bytes[0] == 0x51) break;
    if (i == 7) return std::nullopt;
    body += instruction->length;
  }
  const auto esp = code.u32(slot);
  if (!esp || *esp <= ebp || code.u32(*esp - 4) != return_address) return std::nullopt;
  return *esp;
}

// Follows the code from behind the prologue; true when pc is met while ebp is the frame's.
// `cautious`: a call whose next instruction begins at a multiple of 16 may be the function's last.
bool frame_holds_at(Code& code, std::uint32_t body, std::uint32_t start, std::uint32_t pc,
                    bool exact, bool cautious) {
  std::unordered_set<std::uint32_t> seen;
  std::deque<std::uint32_t> todo{body};
  auto go = [&](std::uint32_t to) {
    if (to - start < kReach && seen.insert(to).second) todo.push_back(to);
  };
  seen.insert(body);
  while (!todo.empty() && seen.size() < kMostInstructions && code.spend()) {
    const std::uint32_t address = todo.front();
    todo.pop_front();
    if (exact && address == pc) return true;
    const auto instruction = decode(code.at(address, 15), address);
    if (!instruction) continue;
    const std::uint32_t next = address + instruction->length;
    if (instruction->flow == Flow::call && !exact && next == pc) return true;
    if (instruction->writes_ebp) continue;
    switch (instruction->flow) {
    case Flow::next: go(next); break;
    case Flow::call:
      if (!cautious || next % 16 != 0) go(next);
      break;
    case Flow::branch: go(next); [[fallthrough]];
    case Flow::jump: go(instruction->target); break;
    case Flow::table:
      for (std::uint32_t i = 0; i < kMostTable; ++i) {
        const auto entry = code.u32(instruction->target + 4 * i);
        if (!entry || *entry - start >= kReach) break;
        go(*entry);
      }
      break;
    case Flow::end: break;
    }
  }
  return false;
}

// An instruction that leaves esp as it is: moves, arithmetic and tests on other registers.
bool keeps_esp(std::span<const std::uint8_t> bytes) {
  constexpr std::uint8_t kEspCode = 4;
  std::size_t at = bytes[0] == 0x64 ? 1 : 0; // fs:
  bytes = bytes.subspan(at);
  if (bytes.size() < 2) return false;
  const std::uint8_t op = bytes[0], modrm = bytes[op == 0x0F && bytes.size() > 2 ? 2 : 1];
  const int mod = modrm >> 6, reg = modrm >> 3 & 7, rm = modrm & 7;
  switch (op) {
  case 0x0F:
    return bytes.size() > 2 && (bytes[1] & 0xF6) == 0xB6 && reg != kEspCode; // movzx, movsx
  case 0x03:
  case 0x0B:
  case 0x23:
  case 0x2B:
  case 0x33:
  case 0x8B:
  case 0x8D: return reg != kEspCode;
  case 0x39:
  case 0x3B:
  case 0x85:
  case 0xA1:
  case 0xA3: return true;
  case 0x01:
  case 0x29:
  case 0x31:
  case 0x81:
  case 0x83:
  case 0x89:
  case 0xC1:
  case 0xC7: return mod != 3 || rm != kEspCode;
  case 0xFF: return reg < 2 && (mod != 3 || rm != kEspCode); // inc, dec
  default: return op >= 0xB8 && op <= 0xBF && op != 0xB8 + kEspCode;
  }
}

// Bytes of instructions before `push ebp; mov ebp, esp` that do not touch the stack pointer or ebp:
// what a compiler moves up, or an entry in assembly does first.  0: not so.
std::uint32_t before_prologue(Code& code, std::uint32_t start) {
  constexpr int kMost = 16;
  std::uint32_t at = start;
  for (int i = 0; i < kMost; ++i) {
    const auto bytes = code.at(at, 15);
    const auto instruction = decode(bytes, at);
    if (!instruction || instruction->flow != Flow::next || instruction->writes_ebp ||
        !keeps_esp(bytes))
      return 0;
    at += instruction->length;
    if (prologue_at(code, at).length != 0) return at - start;
  }
  return 0;
}

bool proves(Code& code, std::uint32_t start, std::uint32_t pc, bool exact, bool cautious) {
  std::uint32_t length = prologue_at(code, start).length;
  if (length == 0)
    if (const std::uint32_t before = before_prologue(code, start); before != 0) {
      const Prologue prologue = prologue_at(code, start + before);
      length = prologue.realigned ? 0 : before + prologue.length;
    }
  return length != 0 && frame_holds_at(code, start + length, start, pc, exact, cautious);
}

// The target of the direct call that ends at `address`, through at most four jumps.
std::optional<std::uint32_t> direct_target(Code& code, std::uint32_t address) {
  const auto bytes = code.at(address - 5, 5);
  if (bytes.size() < 5 || bytes[0] != 0xE8) return std::nullopt;
  std::uint32_t target = decode(bytes, address - 5)->target;
  for (int i = 0; i < 4; ++i) {
    const auto jump = decode(code.at(target, 15), target);
    if (!jump || jump->flow != Flow::jump) break;
    target = jump->target;
  }
  return target;
}

// Can a function begin at `address`?  Aligned, or behind padding, a return or a jump.
bool may_begin(Code& code, std::uint32_t address) {
  const auto before = code.at(address - 5, 5);
  if (before.size() < 5) return false;
  // `push [register-4]` before the prologue copies the return address: another frame layout.
  if (before[2] == 0xFF && (before[3] & 0xF8) == 0x70 && before[4] == 0xFC) return false;
  return before[4] == 0xCC || before[4] == 0x90 || before[4] == 0xC3 || before[2] == 0xC2 ||
         before[0] == 0xE9 || before[3] == 0xEB || address % 16 == 0;
}

// Called indirectly: the start of a function before pc from which pc is reached.  The nearest
// prologue decides; one that does not lead to pc belongs to another function.
std::optional<std::uint32_t> start_by_search(Code& code, std::uint32_t pc, bool exact) {
  for (std::uint32_t back = 3; back < kSearchBack && back < pc && code.spend(); ++back) {
    std::uint32_t start = pc - back;
    if (prologue_at(code, start).length == 0) continue;
    for (std::uint32_t longer : {16u, 10u, 2u}) { // forms that end in this one
      const Prologue outer = prologue_at(code, start - longer);
      if (outer.length != longer + 3) continue;
      start -= longer;
      break;
    }
    if (may_begin(code, start) && proves(code, start, pc, exact, true)) return start;
    return std::nullopt;
  }
  return std::nullopt;
}

std::string why_not_proved(Code& code, std::uint32_t pc, std::uint32_t return_address,
                           bool is_call) {
  if (code.at(pc, 1).empty()) return "frame-pointer chain, not proved: no code bytes at pc";
  if (code.at(return_address - 5, 5).size() < 5)
    return "frame-pointer chain, not proved: no code bytes before the return address";
  return is_call ? "frame-pointer chain, not proved: pc may be in a function without a frame"
                 : "frame-pointer chain, not proved: the return address does not follow a call";
}

// pops and a ret at an exact pc.
std::optional<Caller> by_epilogue(const UnwindInput& input, std::uint32_t pc, std::uint32_t esp) {
  Reader reader(input.memory);
  std::array<std::uint8_t, 12> buffer{};
  const auto code = reader.some(pc, buffer);
  Registers registers = input.registers;
  std::size_t at = 0;
  std::uint32_t stack = esp;
  if (at < code.size() && code[at] == 0xC9) { // leave
    const auto ebp = registers.get(kEbp);
    if (!ebp || *ebp < esp) return std::nullopt;
    const auto saved = reader.get<le32>(*ebp, "saved ebp");
    if (!saved) return std::nullopt;
    stack = static_cast<std::uint32_t>(*ebp) + 4;
    registers.set(kEbp, *saved);
    ++at;
  }
  for (; at < code.size() && (code[at] & 0xF8) == 0x58 && code[at] != 0x5C; ++at, stack += 4) {
    const auto value = reader.get<le32>(stack, "saved register");
    if (!value) return std::nullopt;
    registers.set(code[at] & 7, *value);
  }
  const bool ret =
      at < code.size() && (code[at] == 0xC3 || (code[at] == 0xC2 && at + 2 < code.size()));
  if (!ret) return std::nullopt;
  const auto return_address = reader.get<le32>(stack, "return address");
  if (!return_address) return std::nullopt;
  Caller caller;
  for (int index : {kEbx, kEbp, kEsi, kEdi})
    if (auto value = registers.get(index)) caller.registers.set(index, *value);
  caller.registers.set(kEip, *return_address);
  caller.registers.set(kEsp, stack + 4);
  caller.trust = Trust::prologue;
  caller.origin = reader.worst();
  return caller;
}

UnwindResult by_chain(const UnwindInput& input, std::uint32_t pc, std::uint32_t ebp) {
  Reader reader(input.memory);
  auto saved = reader.get<le32>(ebp, "saved ebp");
  if (!saved) return std::unexpected(saved.error());
  auto return_address = reader.get<le32>(std::uint64_t{ebp} + 4, "return address");
  if (!return_address) return std::unexpected(return_address.error());
  Code code(input, reader);
  const std::uint32_t ret = *return_address;
  const bool is_call = call_before_x86(input.memory, ret) == true;
  Caller caller;
  std::optional<std::uint32_t> start;
  if (is_call)
    if (const auto target = direct_target(code, ret))
      start = proves(code, *target, pc, input.first, false) ? target : std::nullopt;
    else
      start = start_by_search(code, pc, input.first);
  else if (ret == 0) // the outermost frame of a thread: nobody called
    start = start_by_search(code, pc, input.first);
  std::uint32_t esp = ebp + 8;
  caller.proved = start.has_value();
  if (start)
    if (const Prologue prologue = prologue_at(code, *start); prologue.realigned) {
      const auto saved_esp = realigned_esp(code, *start + prologue.length, ebp, ret);
      caller.proved = saved_esp.has_value();
      esp = saved_esp.value_or(esp);
    }
  if (!caller.proved) caller.unproved = why_not_proved(code, pc, ret, is_call);
  caller.registers.set(kEip, ret);
  caller.registers.set(kEsp, esp);
  caller.registers.set(kEbp, *saved);
  caller.trust = Trust::frame_pointer;
  caller.origin = reader.worst();
  return caller;
}

} // namespace
} // namespace x86

UnwindResult unwind_x86_frame_pointer(const UnwindInput& input) {
  const auto pc = input.registers.get(x86::kEip), esp = input.registers.get(x86::kEsp),
             ebp = input.registers.get(x86::kEbp);
  if (!pc || !esp) return method_failed(Code::absent, "eip and esp", "not known", 0);
  const auto pc32 = static_cast<std::uint32_t>(*pc), esp32 = static_cast<std::uint32_t>(*esp);
  if (input.first)
    if (auto caller = x86::by_epilogue(input, pc32, esp32)) return *caller;
  if (!ebp) return method_failed(Code::absent, "ebp", "not known", 0);
  const auto ebp32 = static_cast<std::uint32_t>(*ebp);
  const auto no_frame =
      method_failed(Code::bad_value, "ebp", "points to no frame above esp", ebp32);
  if (ebp32 == 0 || ebp32 % 4 != 0 || ebp32 > 0xFFFFFFF0) return no_frame;
  // The kernel changes to the stack for DPCs below a frame pointer that stays where it was.
  if (ebp32 < esp32) {
    auto caller = x86::by_chain(input, pc32, ebp32);
    return caller && caller->proved ? caller : no_frame;
  }
  if (auto caller = by_trap_frame_x86(input, pc32, esp32, ebp32)) return *caller;
  return x86::by_chain(input, pc32, ebp32);
}

} // namespace dumptriage::arch
