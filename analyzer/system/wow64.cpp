// WoW64 runs a 32-bit program on 64-bit Windows.  A thread that left 32-bit code stands inside
// wow64cpu.dll on its 64-bit stack, and slot 1 of its 64-bit TEB points to its CPU area, where the
// registers of 32-bit code were put when it left:
//
//   TEB (64-bit)  0000 NtTib.ExceptionList: the 32-bit TEB      1480 TlsSlots
//   CPU area      0 Flags  2 Machine (Windows 10; before it, part of the flags)  4 WOW64_CONTEXT
//   TEB (32-bit)  4 StackBase  8 StackLimit  18 Self; it lies 0x2000 behind the 64-bit one
//
// A thread that ran 32-bit code has its registers in its 64-bit CONTEXT, whose SegCs is then 0x23;
// the CPU area is what an earlier call left there.
//
// Sources: WOW64_CONTEXT on learn.microsoft.com (slot 1, offset 4, Vista to 8.1); Wine's
// include/winternl.h (WOW64_CPURESERVED, TEB64) and dlls/ntdll/unix; NT_TIB of winnt.h.
#include "system/wow64.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "formats/context_x86.h"

namespace dumptriage::system {
namespace {

constexpr std::uint64_t kTlsSlots = 0x1480, kCpuAreaSlot = 1, kTeb32Distance = 0x2000;
constexpr std::uint64_t kTeb32StackBase = 4, kTeb32StackLimit = 8, kTeb32Self = 0x18;
constexpr std::uint16_t kMachineI386 = 0x14C;
constexpr std::uint64_t kUserCode32 = 0x23; // SegCs
constexpr std::uint64_t k4Gb = std::uint64_t{1} << 32;
constexpr std::uint32_t kWindows10 = 10240;

using Range = memory::AddressSpace::Range;

bool is_wow64(const Snapshot& snapshot) {
  if (snapshot.machine != arch::Machine::x64) return false;
  auto listed = [&](std::string_view name) {
    return std::any_of(snapshot.modules.begin(), snapshot.modules.end(),
                       [&](const dump::Module& m) { return equals_no_case(m.name(), name); });
  };
  return listed("wow64.dll") && listed("wow64cpu.dll");
}

// The stack of 32-bit code by the 32-bit TEB, which names itself.
std::optional<Range> stack_of_teb32(const memory::AddressSpace& memory, std::uint64_t teb) {
  for (auto at : {memory.u64(teb), checked_add(teb, kTeb32Distance)}) {
    if (!at || *at == 0 || *at > k4Gb - 0x1000 || memory.u32(*at + kTeb32Self) != *at) continue;
    const auto base = memory.u32(*at + kTeb32StackBase), limit = memory.u32(*at + kTeb32StackLimit);
    if (base && limit && *limit < *base) return Range{*limit, *base};
  }
  return std::nullopt;
}

bool holds(const std::optional<Range>& stack, std::uint64_t sp) {
  return stack && sp >= stack->start && sp < stack->end;
}

// The bounds of the stack around `sp`: those of the 32-bit TEB, else what was captured.
std::optional<Range> bounds_around(const memory::AddressSpace& memory,
                                   const std::optional<Range>& teb32, std::uint64_t sp) {
  if (holds(teb32, sp)) return teb32;
  auto captured = memory.range_around(sp);
  if (captured) captured->end = std::min(captured->end, k4Gb);
  return captured;
}

// The thread ran 32-bit code: the low halves of its registers.
std::optional<arch::Registers> running_registers(const arch::Registers& wide) {
  constexpr int kGeneral = 8; // rax to rdi, in the order of eax to edi
  const arch::Arch& x64 = *arch::find(arch::Machine::x64);
  const arch::Arch& x86 = *arch::find(arch::Machine::x86);
  auto cs = std::find(x64.register_names.begin(), x64.register_names.end(), "cs");
  const auto pc = wide.get(x64.pc), sp = wide.get(x64.sp);
  if (!pc || !sp || *pc >= k4Gb || *sp >= k4Gb || cs == x64.register_names.end() ||
      wide.get(static_cast<int>(cs - x64.register_names.begin())) != kUserCode32)
    return std::nullopt;
  arch::Registers registers;
  for (int i = 0; i < kGeneral; ++i)
    if (auto value = wide.get(i)) registers.set(i, *value & UINT32_MAX);
  registers.set(x86.pc, *pc);
  return registers;
}

// What the thread left in its CPU area.  eax, ecx and edx do not survive a call, and are not put
// there by each.
std::optional<arch::Registers> left_registers(const Snapshot& snapshot, std::uint64_t teb,
                                              const std::optional<Range>& teb32) {
  const memory::AddressSpace& memory = *snapshot.memory;
  const arch::Arch& x86 = *arch::find(arch::Machine::x86);
  const auto slot = checked_add(teb, kTlsSlots + 8 * kCpuAreaSlot);
  const auto area = slot ? memory.u64(*slot) : std::nullopt;
  std::array<std::byte, 4 + formats::kContextX86Nt4Size> bytes{};
  if (!area || *area == 0 || !memory.copy(*area, bytes)) return std::nullopt;
  const ByteView view(bytes.data(), bytes.size());
  // Before Windows 10 only the context's place is published: then the 32-bit TEB must prove it.
  const bool named = view.u16(2) == kMachineI386;
  const bool older = snapshot.os.build != 0 && snapshot.os.build < kWindows10 && teb32;
  if (!named && !older) return std::nullopt;
  auto registers = x86.decode_context(*view.slice(4, view.size() - 4));
  if (!registers) return std::nullopt;
  const auto pc = registers->get(x86.pc), sp = registers->get(x86.sp);
  if (!pc || !sp || *pc == 0 || *sp == 0) return std::nullopt;
  if (teb32 ? !holds(teb32, *sp) : !memory.range_around(*sp)) return std::nullopt;
  for (int scratch : {0, 1, 2}) registers->forget(scratch);
  return *registers;
}

std::optional<Wow64Thread> side_of(const Snapshot& snapshot, const ThreadState& thread,
                                   std::uint64_t teb) {
  const arch::Arch& x86 = *arch::find(arch::Machine::x86);
  const auto teb32 =
      teb != 0 ? stack_of_teb32(*snapshot.memory, teb) : std::optional<Range>(std::nullopt);
  Wow64Thread side;
  if (auto running = thread.context ? running_registers(*thread.context) : std::nullopt) {
    side.context = *running;
    side.context_from = thread.context_from;
    side.running = true;
  } else if (auto left = teb != 0 ? left_registers(snapshot, teb, teb32) : std::nullopt) {
    side.context = *left;
    side.context_from = "WoW64 CPU area";
  } else {
    return std::nullopt;
  }
  const auto sp = side.context.get(x86.sp);
  if (auto bounds = sp ? bounds_around(*snapshot.memory, teb32, *sp) : std::nullopt) {
    side.stack_low = bounds->start;
    side.stack_high = bounds->end;
  }
  return side;
}

} // namespace

void read_wow64(const dump::Minidump& minidump, Snapshot& snapshot) {
  if (!is_wow64(snapshot) || snapshot.memory == nullptr) return;
  std::map<std::string, std::uint64_t> tebs;
  for (const dump::Thread& thread : minidump.threads)
    tebs.emplace(std::to_string(thread.id), thread.teb);
  std::size_t missing = 0;
  for (ThreadState& thread : snapshot.threads) {
    auto teb = tebs.find(thread.id);
    thread.wow64 = side_of(snapshot, thread, teb == tebs.end() ? 0 : teb->second);
    missing += !thread.wow64;
  }
  if (missing == 0) return;
  add_note(snapshot.notes, Severity::info, Code::absent,
           fmt::format("32-bit registers (WoW64): of {} of {} threads this dump proves none",
                       missing, snapshot.threads.size()));
}

} // namespace dumptriage::system
