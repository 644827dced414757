#include "synth/wow64_dump.h"

#include "synth/minidump_writer.h"
#include "synth/pe_writer.h"

namespace dumptriage::synth {
namespace {

Bytes program() {
  Bytes code(0x40, 0xCC);
  const Bytes caller = {0x55, 0x8B, 0xEC, 0xE8, 0x18, 0, 0, 0, 0x5D, 0xC3}; // calls +0x20
  // push ebp; mov ebp, esp; sub esp, 8; mov eax, [0]; mov esp, ebp; pop ebp; ret
  const Bytes callee = {0x55, 0x8B, 0xEC, 0x83, 0xEC, 8, 0xA1, 0, 0, 0, 0, 0x8B, 0xE5, 0x5D, 0xC3};
  put_bytes(code, 0, caller);
  put_bytes(code, 0x20, callee);
  PeWriter pe(false);
  pe.section(".text", 0x1000, code, kCodeSection);
  return pe.memory();
}

} // namespace

Bytes Wow64Dump::finish() const {
  Bytes teb(0x1490);
  put64(teb, 0, first_of_teb);
  put64(teb, 0x1488, slot);
  Bytes narrow(0x20);
  put32(narrow, 4, kStackEnd);
  put32(narrow, 8, kStack);
  put32(narrow, 0x18, self ? kTeb32 : kTeb32 + 8);
  Bytes area(4);
  put16(area, 2, machine);
  Bytes context = context_x86(eip, {1, 2, 3, 4, esp, ebp, 6, 7});
  put32(context, 0, flags);
  append(area, context);
  area.resize(area_size);
  Bytes stack(kStackEnd - kStack);
  put32(stack, 0x19FFA0 - kStack, 0x19FFC0); // the caller's ebp
  put32(stack, 0x19FFA4 - kStack, caller);

  Bytes wide = context_x64(kCpuDll + 0x1000, {0, 0, 0, 0, kStack64 + 0x10});
  if (running) {
    const std::uint64_t dirt = 0xAAAA00000000; // upper halves of what is no address
    wide = context_x64(kFault, {dirt | 1, 2, 3, 4, 0x19FF98, 0x19FFA0, 6, 7});
    put16(wide, 0x38, 0x23); // SegCs
  }
  MinidumpWriter w;
  w.system({.processor = processor, .major = 10, .minor = 0, .build = build});
  std::vector<MdModule> modules = {{.base = kProgram, .size = 0x2000, .name = program_path},
                                   {.base = 0x77B00000, .name = "C:\\Windows\\System32\\wow64.dll"},
                                   {.base = kCpuDll, .name = cpu_dll}};
  if (!namesake.empty()) modules.push_back({.base = kNamesake, .size = 0x1000, .name = namesake});
  w.modules(modules);
  MdMemory memory = {{kTeb, teb}, {kArea, area}, {kStack, stack}, {kProgram, program()}};
  if (teb32) memory.push_back({kTeb32, narrow});
  w.memory(memory);
  w.threads(
      {{.id = 10, .teb = kTeb, .stack_address = kStack64, .stack = Bytes(0x100), .context = wide}});
  if (exception)
    w.exception({.thread_id = 10, .address = kFault, .parameters = {0, 0}, .context = wide});
  return w.finish();
}

} // namespace dumptriage::synth
