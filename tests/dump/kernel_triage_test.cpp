#include <gtest/gtest.h>

#include "dump/kernel_samples.h"

namespace dumptriage::dump {
namespace {

using namespace tests;
using synth::Bytes;
using synth::put32;
using synth::put64;
using synth::write_triage64;

TEST(KernelTriage, EveryPartIsRead) {
  Bytes bytes = write_triage64(two_cpus());
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(dump->complete);
  EXPECT_TRUE(dump->notes.empty()) << dump->notes.front().message;
  EXPECT_EQ(dump->kind, Kind::triage);
  EXPECT_EQ(dump->machine, arch::Machine::x64);
  const KernelHeader& header = dump->kernel->header;
  EXPECT_TRUE(header.is64);
  EXPECT_EQ(header.build, 19041u);
  EXPECT_EQ(header.bugcheck_code, 0x1000007Eu);
  EXPECT_EQ(header.bugcheck_parameters[1], kFaultIp);
  EXPECT_EQ(header.processors, 2u);
  EXPECT_EQ(header.product_type, 1u);
  EXPECT_EQ(header.attributes, std::nullopt); // the filler
  EXPECT_EQ(header.comment, "");
  EXPECT_EQ(header.context.size(), 0x4D0u);
  EXPECT_EQ(header.exception.code, 0x80000003u);

  const Triage& triage = *dump->kernel->triage;
  ASSERT_EQ(triage.drivers.size(), 2u);
  EXPECT_EQ(triage.drivers[1].path, "\\SystemRoot\\System32\\drivers\\netbt.sys");
  EXPECT_EQ(triage.drivers[1].base, 0xFFFFF80005000000u);
  EXPECT_EQ(triage.drivers[1].size, 0x50000u);
  EXPECT_EQ(triage.drivers[1].timestamp, 0x4A5BC0DEu);
  EXPECT_EQ(triage.drivers[1].checksum, 0x51234u);
  EXPECT_TRUE(triage.drivers_complete);
  ASSERT_EQ(triage.unloaded_drivers.size(), 2u);
  EXPECT_EQ(triage.unloaded_drivers[0].name, "hwpolicy.sys");
  EXPECT_EQ(triage.unloaded_drivers[0].base, 0xFFFFF80006000000u);
  EXPECT_EQ(triage.unloaded_drivers[0].size, 0x11000u);
  EXPECT_EQ(triage.unloaded_drivers[1].name, "dam.sys");
  EXPECT_EQ(triage.stack_start, kStackSp0);
  EXPECT_EQ(triage.stack.size(), 0x800u);
  EXPECT_EQ(triage.prcb.size(), 0xAF00u);
  EXPECT_EQ(triage.process.size(), 0xA40u);
  EXPECT_EQ(triage.thread.size(), 0x898u);
  EXPECT_EQ(triage.process_address, kProcess);
  EXPECT_EQ(triage.thread_address, kThread0);
  ASSERT_EQ(dump->kernel->blobs.size(), 2u);
  EXPECT_EQ(dump->kernel->blobs[0].guid, "da82441d-7142-4bc1-b844-0807c5a4b67f");
  EXPECT_EQ(dump->kernel->blobs[0].name, "storport");
  EXPECT_EQ(dump->kernel->blobs[0].size, 12u);
  EXPECT_EQ(bytes[dump->kernel->blobs[0].offset], 0xAB);
  EXPECT_EQ(dump->kernel->blobs[1].name, "");
}

TEST(KernelTriage, MemoryIsLaidOutByAddress) {
  Bytes bytes = write_triage64(two_cpus());
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  const auto& memory = *dump->memory;
  EXPECT_EQ(memory.u32(kRecord), 0xC0000005u);
  EXPECT_EQ(memory.u32(kThread0), 6u);
  EXPECT_EQ(memory.u64(kProcessorBlock + 8), kPrcb1);
  auto stack = memory.range_around(kStackSp0 + 4);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->start, kStackSp0);
  EXPECT_EQ(stack->end, kStackBase0);
  EXPECT_EQ(memory.u32(kStackBase0), std::nullopt);
}

TEST(KernelTriage, OneWaiterIsNotTakenForTheObjectItself) {
  auto d = two_cpus();
  // A list of one entry: both links point at the same stranger.
  put64(d.process, 8, 0xFFFFA1000000F000);
  put64(d.process, 16, 0xFFFFA1000000F000);
  put64(d.process, 0x18, 0xFFFFA1000000E000);
  put64(d.process, 0x20, 0xFFFFA1000000E000);
  Bytes bytes = write_triage64(d);
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->kernel->triage->process_address, 0u);
}

TEST(KernelTriage, OverflowAndBlamedDriverAreTold) {
  auto d = two_cpus();
  d.triage_options = 0x100;
  d.broken_driver = "netbt.sys";
  Bytes bytes = write_triage64(d);
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  EXPECT_FALSE(dump->kernel->triage->drivers_complete);
  EXPECT_EQ(dump->kernel->triage->broken_driver, "netbt.sys");
  EXPECT_TRUE(has_note(dump->notes, "ran out of room"));
}

TEST(KernelTriage, ANewerDriverEntryIsWider) {
  auto d = two_cpus();
  d.driver_stride = 0xA8;
  Bytes bytes = write_triage64(d);
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  ASSERT_EQ(dump->kernel->triage->drivers.size(), 2u);
  EXPECT_EQ(dump->kernel->triage->drivers[1].name(), "netbt.sys");
  EXPECT_EQ(dump->kernel->triage->drivers[1].timestamp, 0x4A5BC0DEu);
}

// Every count and offset of TRIAGE_DUMP64 set to what no file can hold.
TEST(KernelTriage, LyingFieldsCostTheirPartOnly) {
  const Bytes good = write_triage64(two_cpus());
  for (std::uint32_t field = 0x2000; field < 0x2080; field += 4)
    for (std::uint32_t lie :
         {0xFFFFFFFFu, 0x7FFFFFF0u, static_cast<std::uint32_t>(good.size()), 1u}) {
      Bytes bytes = good;
      put32(bytes, field, lie);
      auto dump = open_bytes(bytes);
      ASSERT_TRUE(dump) << field;
      EXPECT_EQ(dump->kernel->header.bugcheck_code, 0x1000007Eu);
      ASSERT_TRUE(dump->kernel->triage);
    }
}

TEST(KernelTriage, LyingCountsAreNotes) {
  struct Lie {
    std::uint32_t field;
    const char* note;
  };
  for (Lie lie :
       {Lie{0x2034, "driver list:"}, Lie{0x207C, "data blocks:"}, Lie{0x202C, "call stack:"},
        Lie{0x2004, "cut short"}, Lie{0x2008, "end mark"}, Lie{0x2070, "debugger data"}}) {
    Bytes bytes = write_triage64(two_cpus());
    put32(bytes, lie.field, 0x00FFFFFF);
    auto dump = open_bytes(bytes);
    ASSERT_TRUE(dump);
    EXPECT_FALSE(dump->complete) << lie.note;
    EXPECT_TRUE(has_note(dump->notes, lie.note)) << lie.note;
  }
}

TEST(KernelTriage, ALyingUnloadedCountKeepsTheEntriesThatFit) {
  synth::TriageLayout layout;
  Bytes bytes = write_triage64(two_cpus(), &layout);
  put64(bytes, layout.offset["unloaded"], UINT64_MAX);
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  EXPECT_TRUE(has_note(dump->notes, "unloaded drivers:"));
  ASSERT_GE(dump->kernel->triage->unloaded_drivers.size(), 2u);
  EXPECT_EQ(dump->kernel->triage->unloaded_drivers[0].name, "hwpolicy.sys");
  EXPECT_LT(dump->kernel->triage->unloaded_drivers.size(), 10u);
}

TEST(KernelTriage, ABlobThatReachesBeyondTheFileEndsTheWalk) {
  synth::TriageLayout layout;
  Bytes bytes = write_triage64(two_cpus(), &layout);
  put32(bytes, layout.offset["blobs"] + 0x10 + 0x14, 0xFFFFFFF0); // DataSize of the first
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  EXPECT_TRUE(dump->kernel->blobs.empty());
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(has_note(dump->notes, "secondary data: blob da82441d"));
}

TEST(KernelTriage, CutAnywhereItEndsInAnErrorOrAPartialResult) {
  const Bytes bytes = write_triage64(two_cpus());
  const std::size_t end_of_dump = bytes.size();
  for (std::size_t length = 0; length < end_of_dump; length += length < 0x2100 ? 1 : 512) {
    auto dump = open_bytes(ByteView(bytes.data(), length));
    if (length < 0x60) {
      ASSERT_FALSE(dump) << length;
      continue;
    }
    ASSERT_TRUE(dump) << length;
    ASSERT_FALSE(dump->complete) << length;
    ASSERT_FALSE(dump->notes.empty()) << length;
    ASSERT_EQ(dump->kernel->header.bugcheck_code, 0x1000007Eu) << length;
    ASSERT_EQ(dump->kernel->header.bugcheck_parameters[3], kFaultContext) << length;
  }
}

} // namespace
} // namespace dumptriage::dump
