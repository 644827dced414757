// The CPUs of triage dumps, which store one KPRCB raw and others as data blocks.
#include <filesystem>

#include <gtest/gtest.h>

#include "dump/kernel_samples.h"
#include "system/snapshot.h"

namespace dumptriage::system {
namespace {

using namespace tests;
using synth::Bytes;

constexpr int kRip = 16, kRsp = 4; // x64 register numbers

Snapshot snapshot_of(const Bytes& bytes) {
  auto dump = open_bytes(bytes);
  EXPECT_TRUE(dump);
  return take_snapshot(*dump);
}

TEST(KernelCpus, EveryCpuHasItsContext) {
  Bytes bytes = synth::write_triage64(two_cpus());
  Snapshot s = snapshot_of(bytes);
  ASSERT_EQ(s.cpus.size(), 2u);
  EXPECT_EQ(s.cpus[0].prcb, kPrcb0);
  EXPECT_EQ(s.cpus[0].current_thread, kThread0);
  EXPECT_EQ(s.cpus[0].context_from, "KPRCB.Context");
  EXPECT_EQ(s.cpus[0].context->get(kRsp), kStackSp0);
  EXPECT_EQ(s.cpus[1].number, 1u);
  EXPECT_EQ(s.cpus[1].idle_thread, kIdle1);
  EXPECT_EQ(s.cpus[1].context->get(kRip), kKernelBase + 0x4000);
}

TEST(KernelCpus, AnOlderKernelKeepsContextsInsideTheKprcb) {
  const synth::KernelOffsets& offsets = synth::offsets_ws2003sp2();
  auto d = two_cpus();
  d.build = 3790;
  d.debugger_data = synth::kdbg(offsets, d.kd_debugger_data_block,
                                {{synth::kKdbgKiProcessorBlock, kProcessorBlock}});
  synth::PrcbValues one{.number = 1, .current_thread = kIdle1};
  one.state_context = context_bytes(kKernelBase + 0x5000, kStackSp1);
  synth::PrcbValues zero{.number = 0, .current_thread = kThread0};
  d.prcb = synth::kprcb(offsets, zero); // ContextFrame never written: zero
  d.cpus = {{kPrcb0, d.prcb, 0, {}, 0, {}}, {kPrcb1, synth::kprcb(offsets, one), 0, {}, 0, {}}};
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  ASSERT_EQ(s.cpus.size(), 2u);
  EXPECT_EQ(s.cpus[1].context_from, "KPRCB.ProcessorState");
  EXPECT_EQ(s.cpus[1].context->get(kRip), kKernelBase + 0x5000);
  // A CONTEXT of zeros is none; the header's is the crashed CPU's.
  EXPECT_EQ(s.cpus[0].context_from, "header");
}

TEST(KernelCpus, TheCrashedCpuTakesTheContextThatTheSavedStackBeginsAt) {
  auto d = two_cpus();
  // What KPRCB.Context holds is from somewhere else, the header's is from here.
  d.cpus[0].context = context_bytes(kKernelBase + 0x9000, kStackSp1);
  d.context = context_bytes(kKernelBase + 0x3000, kStackSp0);
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  ASSERT_EQ(s.cpus.size(), 2u);
  EXPECT_EQ(s.cpus[0].context_from, "header");
}

TEST(KernelCpus, AKprcbOfAnotherNumberIsNotUsed) {
  auto d = two_cpus();
  d.cpus[1].prcb =
      synth::kprcb(synth::offsets_win10_19041(),
                   {.number = 7, .current_thread = kIdle1, .context_pointer = kContext1});
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  ASSERT_EQ(s.cpus.size(), 2u);
  EXPECT_FALSE(s.cpus[1].context);
  EXPECT_EQ(s.cpus[1].current_thread, 0u);
  EXPECT_TRUE(has_note(s.notes, "says it is number 7"));
}

TEST(KernelCpus, WithoutTheProcessorArrayTheSavedKprcbIsTheOnlyCpu) {
  auto d = two_cpus();
  d.ki_processor_block = 0;
  d.cpus.clear();
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  ASSERT_EQ(s.cpus.size(), 1u);
  EXPECT_EQ(s.cpus[0].number, 0u);
  EXPECT_EQ(s.cpus[0].current_thread, kThread0);
  EXPECT_EQ(s.cpus[0].context_from, "header");
}

TEST(KernelCpus, TooManyCpusAreRefused) {
  auto d = two_cpus();
  d.processors = 0x40000000;
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  EXPECT_TRUE(has_note(s.notes, "CPUs are more than Windows has"));
  EXPECT_LE(s.cpus.size(), 1u);
}

struct Real {
  const char* path;
  std::uint32_t cpus;
  std::uint64_t process, thread, first_sp;
};
const Real kReal[] = {
    {"triage_x64.dmp", 16, 0xFFFFC08BDCE94180, 0xFFFFC08BDE9E1640, 0xFFFF850429890EE8},
    {"triage_arm64.dmp", 8, 0xFFFFBB8EB1690080, 0xFFFFBB8EB1719180, 0xFFFFE00E0E4BC4A0},
};

TEST(KernelCpus, EveryCpuOfRealTriageDumpsHasItsContext) {
  const std::string folder =
      std::string(DUMPTRIAGE_SHARED_DIR) + "/corpus/kernel/rizinorg+rizin-testbins/dmp/";
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << "skipped: the folder of real dumps is not here";
  for (const Real& real : kReal) {
    auto dump = dump::open(folder + real.path);
    ASSERT_TRUE(dump);
    Snapshot s = take_snapshot(*dump);
    const arch::Arch* arch = arch::find(s.machine);
    ASSERT_EQ(s.cpus.size(), real.cpus);
    for (std::uint32_t i = 0; i < real.cpus; ++i) {
      const Cpu& cpu = s.cpus[i];
      EXPECT_EQ(cpu.number, i);
      EXPECT_EQ(cpu.context_from, "KPRCB.Context");
      EXPECT_EQ(cpu.current_thread >> 47, 0x1FFFFu);
      EXPECT_EQ(cpu.crashed, i == 0);
      ASSERT_TRUE(cpu.context) << i;
      auto sp = *cpu.context->get(arch->sp);
      auto captured = dump->memory->range_around(sp);
      ASSERT_TRUE(captured) << i; // the slice of its stack, to the end of the stack
      EXPECT_EQ(captured->end % 0x1000, 0u);
      EXPECT_TRUE(i != 0 || sp == real.first_sp);
    }
    EXPECT_EQ(s.cpus[0].current_thread, real.thread);
    ASSERT_EQ(s.processes.size(), 1u);
    EXPECT_EQ(s.processes[0].object, real.process);
    EXPECT_EQ(s.threads[0].object, real.thread);
    EXPECT_EQ(s.layout_trust, "sourced");
    EXPECT_GE(s.layout_checks.size(), 3u);
  }
}

} // namespace
} // namespace dumptriage::system
