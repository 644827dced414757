// A user minidump of a 32-bit process that 64-bit code wrote: one thread inside wow64cpu.dll, whose
// 32-bit registers lie in its CPU area.  Its program is two functions with frame pointers.
#pragma once

#include <string>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

struct Wow64Dump {
  static constexpr std::uint64_t kTeb = 0x7EFDB000, kTeb32 = kTeb + 0x2000, kArea = 0x8FD20;
  static constexpr std::uint64_t kStack64 = 0x8F000;
  static constexpr std::uint32_t kStack = 0x19F000, kStackEnd = 0x1A0000; // of 32-bit code
  static constexpr std::uint32_t kProgram = 0x400000, kReturn = 0x401008, kFault = 0x401026,
                                 kCpuDll = 0x77A00000, kNamesake = 0x77C00000;

  std::uint32_t build = 19041;
  std::uint16_t processor = 9; // AMD64
  std::string cpu_dll = "C:\\Windows\\System32\\WOW64CPU.dll";
  std::uint64_t slot = kArea, first_of_teb = 0; // TlsSlots[1]; NtTib.ExceptionList
  std::uint16_t machine = 0x14C;                // of the CPU area
  std::uint32_t flags = 0x1003F, eip = kFault, esp = 0x19FF98, ebp = 0x19FFA0;
  std::size_t area_size = 4 + 0x2CC; // bytes of it that were captured
  std::uint32_t caller = kReturn;    // the return address on the stack of 32-bit code
  bool teb32 = true, self = true;    // captured; NtTib.Self is right
  bool running = false;              // the 64-bit CONTEXT is one of 32-bit code
  bool exception = false;            // an access violation at kFault
  std::string program_path = "C:\\app\\app.exe";
  std::string namesake; // path of another module, at the 64-bit side

  Bytes finish() const;
};

} // namespace dumptriage::synth
