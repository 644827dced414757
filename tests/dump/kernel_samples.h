// A triage dump laid down by the synth writer, whose every value the tests know, and the way to
// open bytes as a dump.
#pragma once

#include <string>

#include "dump/dump.h"
#include "synth/kernel_bytes.h"
#include "synth/triage_writer.h"

namespace dumptriage::tests {

inline ByteView view_of(const synth::Bytes& bytes) { return {bytes.data(), bytes.size()}; }
inline Result<dump::Dump> open_bytes(ByteView bytes) {
  return dump::open(MappedFile::borrow(bytes, "test.dmp"));
}
inline Result<dump::Dump> open_bytes(const synth::Bytes& bytes) {
  return open_bytes(view_of(bytes));
}

inline constexpr std::uint64_t kThread0 = 0xFFFFA10000001080, kIdle1 = 0xFFFFA10000002080;
inline constexpr std::uint64_t kProcess = 0xFFFFA10000003080;
inline constexpr std::uint64_t kPrcb0 = 0xFFFFF80000010180, kPrcb1 = 0xFFFFF80000020180;
inline constexpr std::uint64_t kContext0 = 0xFFFFF80000030000, kContext1 = 0xFFFFF80000031000;
inline constexpr std::uint64_t kStackBase0 = 0xFFFFB20000008000, kStackSp0 = kStackBase0 - 0x800;
inline constexpr std::uint64_t kStackBase1 = 0xFFFFB20000018000, kStackSp1 = kStackBase1 - 0x400;
inline constexpr std::uint64_t kRecord = kStackSp0 + 0x100, kFaultContext = kStackSp0 + 0x200;
inline constexpr std::uint64_t kFaultIp = 0xFFFFF80001002345, kFaultSp = kStackSp0 + 0x740;
inline constexpr std::uint64_t kKernelBase = 0xFFFFF80001000000;
inline constexpr std::uint64_t kBuildLab = 0xFFFFF80001800000, kCsdVersion = 0xFFFFF80001800100;
inline constexpr std::uint64_t kProcessorBlock = 0xFFFFF80001900000;

inline synth::Bytes context_bytes(std::uint64_t rip, std::uint64_t rsp) {
  synth::ContextX64 context;
  context.rip = rip;
  context.rsp() = rsp;
  return synth::context_x64(context);
}

// The list heads by which a kernel object tells its own address: empty, they point at themselves.
inline void point_at_itself(synth::Bytes& object, std::uint64_t address, std::uint64_t head) {
  synth::put64(object, head, address + head);
  synth::put64(object, head + 8, address + head);
}

// Windows 10 19041, stop 0x1000007E on CPU 0 of two; CPU 1 idles.
inline synth::TriageDescription two_cpus() {
  const synth::KernelOffsets& offsets = synth::offsets_win10_19041();
  synth::TriageDescription d;
  d.build = 19041;
  d.processors = 2;
  d.directory_table_base = 0x1AD000;
  d.ps_loaded_module_list = 0xFFFFF80001700000;
  d.ps_active_process_head = 0xFFFFF80001700100;
  d.bugcheck_code = 0x1000007E;
  d.bugcheck_parameters = {0xFFFFFFFFC0000005, kFaultIp, kRecord, kFaultContext};
  d.kd_debugger_data_block = 0xFFFFF80001600000;
  d.context = context_bytes(kFaultIp, kFaultSp);
  d.exception = synth::exception_record(0x80000003, 0, 0xFFFFF80001003000, {0});
  d.system_time = 0x01D707F23DBB3399; // 2021-02-21T01:38:22Z
  d.system_up_time = 37'339'625;      // 3.7 s
  d.product_type = 1;
  d.suite_mask = 0x110;

  synth::PrcbValues prcb0{.number = 0,
                          .current_thread = kThread0,
                          .idle_thread = kThread0 + 0x10000,
                          .context_pointer = kContext0};
  synth::PrcbValues prcb1{
      .number = 1, .current_thread = kIdle1, .idle_thread = kIdle1, .context_pointer = kContext1};
  d.prcb = synth::kprcb(offsets, prcb0);
  synth::ThreadValues thread{.process = kProcess, .process_id = 4, .thread_id = 264};
  thread.stack_base = kStackBase0;
  thread.initial_stack = kStackBase0 - 0x370;
  thread.stack_limit = kStackBase0 - 0x6000;
  thread.kernel_stack = kStackBase0 - 0x1000;
  d.thread = synth::ethread(offsets, thread);
  synth::put8(d.thread, 0, 6);
  point_at_itself(d.thread, kThread0, 8);
  d.process = synth::eprocess(offsets, {.name = "System", .id = 4});
  synth::put8(d.process, 0, 3);
  point_at_itself(d.process, kProcess, 8);
  point_at_itself(d.process, kProcess, 0x18);

  d.stack_start = kStackSp0;
  d.stack.resize(0x800);
  synth::put_bytes(d.stack, kRecord - kStackSp0,
                   synth::exception_record(0xC0000005, 0, kFaultIp, {1, 0x40}));
  synth::put_bytes(d.stack, kFaultContext - kStackSp0, context_bytes(kFaultIp, kFaultSp));

  d.drivers = {
      {"\\SystemRoot\\system32\\ntoskrnl.exe", kKernelBase, 0x1046000, 0x0D8333E6, 0xA5938C},
      {"\\SystemRoot\\System32\\drivers\\netbt.sys", 0xFFFFF80005000000, 0x50000, 0x4A5BC0DE,
       0x51234}};
  d.unloaded = {{"hwpolicy.sys", 0xFFFFF80006000000, 0xFFFFF80006011000},
                {"dam.sys", 0xFFFFF80006100000, 0xFFFFF8000611C000}};
  d.debugger_data = synth::kdbg(offsets, d.kd_debugger_data_block,
                                {{synth::kKdbgKernBase, kKernelBase},
                                 {synth::kKdbgPsLoadedModuleList, d.ps_loaded_module_list},
                                 {synth::kKdbgNtBuildLab, kBuildLab},
                                 {synth::kKdbgKiProcessorBlock, kProcessorBlock},
                                 {synth::kKdbgCmNtCSDVersion, kCsdVersion}});
  synth::Bytes lab;
  synth::put_text(lab, 0, "19041.1.amd64fre.vb_release.191206-1406");
  lab.resize(64);
  d.blocks = {{kBuildLab, lab}};
  d.ki_processor_block = kProcessorBlock;
  d.cpus = {{kPrcb0, d.prcb, kContext0, context_bytes(kKernelBase + 0x3000, kStackSp0), 0, {}},
            {kPrcb1, synth::kprcb(offsets, prcb1), kContext1,
             context_bytes(kKernelBase + 0x4000, kStackSp1), kStackSp1, synth::Bytes(0x400)}};
  synth::SynthBlob storport{{0x1D, 0x44, 0x82, 0xDA, 0x42, 0x71, 0xC1, 0x4B, 0xB8, 0x44, 0x08, 0x07,
                             0xC5, 0xA4, 0xB6, 0x7F},
                            synth::Bytes(12, 0xAB),
                            4,
                            8};
  d.blobs = {storport, {{}, synth::Bytes(5), 0, 3}};
  return d;
}

inline bool has_note(const Notes& notes, std::string_view part) {
  for (const Note& note : notes)
    if (note.message.find(part) != std::string::npos) return true;
  return false;
}

} // namespace dumptriage::tests
