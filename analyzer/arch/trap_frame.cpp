// KTRAP_FRAME as registers.  A frame is believed only when fields that have nothing to do with each
// other agree with what the kernel's entry code leaves there.
#include "formats/trap_frame.h"
#include "arch/tables.h"

namespace dumptriage::arch {
namespace {

// Segment selectors of Windows: 8 and 0x1B are 32-bit kernel and user code, 0x10 and 0x33 (0x23
// under WOW64) 64-bit ones; data has 0x23 (0x2B on x64); fs has the PCR in 0x30 or the TEB in 0x3B.
constexpr std::uint32_t kFlagsFixed = 0x2, kFlagsNever = 0xFFC08028, kFlagsVirtual8086 = 0x20000;

bool sane_flags(std::uint32_t flags) {
  return (flags & kFlagsFixed) && !(flags & kFlagsNever) && !(flags & kFlagsVirtual8086);
}

// The entry code writes the mark, and copies of eip and ebp for the debugger.
bool is_marked(const formats::KTrapFrameX86& frame) {
  return frame.DbgArgMark == formats::kTrapFrameMark ||
         (frame.DbgEip == frame.Eip && frame.DbgEbp == frame.Ebp);
}

} // namespace

std::optional<Registers> trap_frame_x86(const memory::AddressSpace& memory, std::uint64_t address) {
  formats::KTrapFrameX86 frame;
  const auto bytes = std::as_writable_bytes(std::span(&frame, 1));
  constexpr std::size_t kKernelSize = offsetof(formats::KTrapFrameX86, HardwareEsp);
  if (address % 4 != 0 || address > UINT32_MAX - sizeof(frame)) return std::nullopt;
  if (!memory.copy(address, bytes.first(kKernelSize))) return std::nullopt;
  const bool user = frame.SegCs == 0x1B;
  const std::uint32_t fs = frame.SegFs & 0xFFFF, ds = frame.SegDs & 0xFFFF;
  if ((frame.SegCs != 8 && !user) || !sane_flags(frame.EFlags) || !is_marked(frame)) return {};
  if (fs != (user ? 0x3Bu : 0x30u) || frame.Eip == 0) return {};
  // A fast system call does not save ds, but pushes ss, as every entry from user mode does.
  if (user && (!memory.copy(address, bytes) || (frame.HardwareSegSs & 0xFFFF) != 0x23)) return {};
  if (!user && ds != 0x23) return {};
  Registers r;
  const std::uint32_t general[] = {frame.Eax, frame.Ecx, frame.Edx, frame.Ebx,
                                   0,         frame.Ebp, frame.Esi, frame.Edi};
  for (int i = 0; i < 8; ++i) r.set(i, general[i]);
  r.set(4, user ? std::uint64_t{frame.HardwareEsp} : address + kKernelSize);
  r.set(8, frame.Eip);
  r.set(9, frame.EFlags);
  r.set(10, frame.SegCs);
  return r;
}

// rbx, rdi, rsi and r12 ... r15 are kept elsewhere, unless this is a system call, which no field
// tells: they stay unknown.
std::optional<Registers> trap_frame_x64(const memory::AddressSpace& memory, std::uint64_t address) {
  formats::KTrapFrameX64 frame;
  if (address % 16 != 0 || !memory.copy(address, std::as_writable_bytes(std::span(&frame, 1))))
    return std::nullopt;
  const std::uint16_t cs = static_cast<std::uint16_t>(frame.SegCs);
  const std::uint16_t ss = static_cast<std::uint16_t>(frame.SegSs);
  const bool kernel = cs == 0x10 && (ss == 0x18 || ss == 0);
  const bool user = (cs == 0x33 || cs == 0x23) && ss == 0x2B;
  if ((!kernel && !user) || !sane_flags(frame.EFlags) || frame.Rip == 0) return std::nullopt;
  if (kernel && (frame.Rsp >> 63 == 0 || frame.Rsp % 8 != 0)) return std::nullopt;
  Registers r;
  const std::pair<int, std::uint64_t> values[] = {
      {0, frame.Rax}, {1, frame.Rcx},  {2, frame.Rdx},    {8, frame.R8},  {9, frame.R9},
      {4, frame.Rsp}, {10, frame.R10}, {11, frame.R11},   {5, frame.Rbp}, {16, frame.Rip},
      {18, cs},       {19, ss},        {17, frame.EFlags}};
  for (const auto& [index, value] : values) r.set(index, value);
  return r;
}

} // namespace dumptriage::arch
