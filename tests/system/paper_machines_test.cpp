// Snapshots of Alpha and Itanium from dumps of machines on paper.
#include <gtest/gtest.h>

#include "arch/address.h"
#include "dump/kernel_samples.h"
#include "dump/paper_samples.h"
#include "system/snapshot.h"

namespace dumptriage::system {
namespace {

using tests::has_note;

struct Opened {
  explicit Opened(synth::Bytes file) : bytes(std::move(file)), dump(*tests::open_bytes(bytes)) {}
  synth::Bytes bytes;
  dump::Dump dump;
};

std::uint64_t sp_in(const Snapshot& snapshot, const arch::Registers& registers) {
  return *arch::sp_of(*arch::find(snapshot.machine), registers);
}

TEST(PaperMachines, AlphaFull) {
  Opened opened(write_alpha_pagedump(tests::alpha_machine()));
  const Snapshot snapshot = take_snapshot(opened.dump);
  EXPECT_EQ(snapshot.os.family, "nt4");
  EXPECT_EQ(snapshot.stop.code, 0xAu);
  ASSERT_EQ(snapshot.modules.size(), 4u);
  EXPECT_TRUE(snapshot.modules_complete);
  EXPECT_EQ(snapshot.modules[0].path, "\\WINNT\\System32\\ntoskrnl.exe");
  EXPECT_EQ(snapshot.modules[2].base, 0xF1000000u);
  EXPECT_EQ(snapshot.modules[2].size, 0x6000u);
  EXPECT_EQ(snapshot.modules[2].timestamp, 0x34000003u); // its own header's
  ASSERT_EQ(snapshot.cpus.size(), 1u);
  EXPECT_TRUE(snapshot.cpus[0].crashed);
  ASSERT_EQ(snapshot.threads.size(), 1u);
  const ThreadState& thread = snapshot.threads[0];
  ASSERT_TRUE(thread.context);
  EXPECT_EQ(sp_in(snapshot, *thread.context), tests::kAlphaSp);
  EXPECT_TRUE(thread.crashed);
  EXPECT_LE(thread.stack_low, tests::kAlphaSp);
  EXPECT_GT(thread.stack_high, tests::kAlphaSp);
  EXPECT_TRUE(snapshot.processes.empty()); // no layout of Alpha's is published
  EXPECT_TRUE(has_note(snapshot.notes, "processes and threads: unsupported"));
  EXPECT_EQ(snapshot.layout_trust, "");
}

TEST(PaperMachines, AlphaWithoutProofHasRegistersOnly) {
  synth::Bytes bytes = write_alpha_pagedump(tests::alpha_machine());
  synth::put32(bytes, 0x18, 0); // PsLoadedModuleList
  Opened opened(std::move(bytes));
  const Snapshot snapshot = take_snapshot(opened.dump);
  EXPECT_TRUE(snapshot.modules.empty());
  EXPECT_FALSE(snapshot.modules_complete);
  ASSERT_EQ(snapshot.threads.size(), 1u);
  EXPECT_TRUE(snapshot.threads[0].context);
  EXPECT_TRUE(has_note(opened.dump.notes, "undecided"));
}

// A name that is not where x86 has it is no name; what the images prove stays.
TEST(PaperMachines, AlphaNamesHaveToProveTheirPlace) {
  tests::Paper paper = tests::alpha_paper();
  for (std::uint64_t entry : paper.places.entries) paper.poke(entry + 0x30, 0x80080000);
  Opened opened(paper.bytes);
  const Snapshot snapshot = take_snapshot(opened.dump);
  ASSERT_EQ(snapshot.modules.size(), 4u);
  EXPECT_EQ(snapshot.modules[1].path, "");
  EXPECT_EQ(snapshot.modules[1].base, 0x80400000u);
  EXPECT_TRUE(has_note(snapshot.notes, "the names are undecided"));
}

void expect_itanium(const Snapshot& snapshot, const char* crashed_from) {
  EXPECT_EQ(snapshot.os.family, "ws2003");
  EXPECT_EQ(snapshot.os.service_pack, 2u);
  ASSERT_EQ(snapshot.modules.size(), 3u);
  EXPECT_EQ(snapshot.modules[2].path, "\\SystemRoot\\System32\\DRIVERS\\netbt.sys");
  EXPECT_EQ(snapshot.modules[2].base, 0xE000010500000000u);
  ASSERT_EQ(snapshot.cpus.size(), 2u);
  EXPECT_TRUE(snapshot.cpus[0].crashed);
  EXPECT_FALSE(snapshot.cpus[1].crashed);
  EXPECT_EQ(snapshot.cpus[0].context_from, crashed_from);
  EXPECT_EQ(snapshot.cpus[1].context_from, "KPRCB.ProcessorState");
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(snapshot.cpus[i].context) << i;
    EXPECT_EQ(arch::pc_of(*arch::find(snapshot.machine), *snapshot.cpus[i].context),
              tests::kIa64Pc + 0x100 * i);
    const ThreadState& thread = snapshot.threads[i];
    const std::uint64_t store = tests::kIa64Store + 0x100000 * i;
    EXPECT_EQ(thread.cpu, i);
    EXPECT_LE(thread.stack_low, store - 0x200);
    EXPECT_EQ(thread.stack_high, store);
    EXPECT_EQ(thread.store_low, store);
    EXPECT_EQ(thread.store_high, store + 0x4000);
    EXPECT_EQ(snapshot.memory->u64(store + 0x40), 0xB500000000000040u);
  }
}

TEST(PaperMachines, ItaniumFull) {
  for (synth::RsBsp convention : {synth::RsBsp::base, synth::RsBsp::top}) {
    Opened opened(write_ia64_pagedu64(tests::ia64_machine(convention)));
    expect_itanium(take_snapshot(opened.dump), "KPRCB.ProcessorState");
  }
}

TEST(PaperMachines, ItaniumTriage) {
  Opened opened(write_ia64_triage(tests::ia64_machine()));
  expect_itanium(take_snapshot(opened.dump), "KPRCB.ProcessorState");
}

// Kseg3 is published: a machine that lies there is read without any tables.
TEST(PaperMachines, ItaniumInKseg3NeedsNoTables) {
  constexpr std::uint64_t kKseg3 = 0x8000000000000000;
  synth::PaperMachine machine = tests::ia64_machine();
  machine.data = kKseg3 + 0x4000000;
  for (std::size_t i = 0; i < machine.modules.size(); ++i)
    machine.modules[i].base = kKseg3 + 0x1000000 + 0x10000 * i;
  Opened opened(write_ia64_pagedu64(machine, {.tables = false}));
  const Snapshot snapshot = take_snapshot(opened.dump);
  ASSERT_EQ(snapshot.modules.size(), 3u);
  EXPECT_EQ(snapshot.modules[0].path, "\\WINDOWS\\system32\\ntoskrnl.exe");
  EXPECT_TRUE(snapshot.modules_complete);
  EXPECT_EQ(snapshot.cpus.size(), 2u);
  EXPECT_TRUE(has_note(opened.dump.notes, "undecided")); // the tables
}

// Without a proof of the tables nothing of region 7 is read, and the report says so.
TEST(PaperMachines, ItaniumWithoutProof) {
  Opened opened(write_ia64_pagedu64(tests::ia64_machine(), {.tables = false}));
  const Snapshot snapshot = take_snapshot(opened.dump);
  EXPECT_TRUE(snapshot.modules.empty());
  EXPECT_TRUE(has_note(opened.dump.notes, "undecided"));
  ASSERT_FALSE(snapshot.threads.empty());
  EXPECT_TRUE(snapshot.threads[0].context);
  EXPECT_EQ(snapshot.threads[0].store_low, 0u);
}

TEST(PaperMachines, MinidumpsOfBoth) {
  {
    Opened opened(write_paper_minidump(tests::ia64_machine()));
    const Snapshot snapshot = take_snapshot(opened.dump);
    ASSERT_EQ(snapshot.threads.size(), 2u);
    EXPECT_TRUE(snapshot.threads[0].crashed);
    EXPECT_EQ(snapshot.threads[0].store_low, tests::kIa64Store);
    EXPECT_EQ(snapshot.threads[0].store_high, tests::kIa64Store + 0x1B0);
    EXPECT_EQ(snapshot.modules.size(), 3u);
    EXPECT_EQ(snapshot.os.family, "ws2003");
    EXPECT_FALSE(has_note(snapshot.notes, "no stream about its threads"));
  }
  Opened opened(write_paper_minidump(tests::alpha_machine()));
  const Snapshot snapshot = take_snapshot(opened.dump);
  ASSERT_EQ(snapshot.threads.size(), 1u);
  EXPECT_EQ(snapshot.threads[0].stack_low, tests::kAlphaSp);
  EXPECT_EQ(snapshot.threads[0].stack_high, 0xF8004000u);
}

TEST(PaperMachines, UserDumpOfAlpha) {
  Opened opened(write_alpha_userdump(tests::alpha_machine()));
  const Snapshot snapshot = take_snapshot(opened.dump);
  ASSERT_EQ(snapshot.threads.size(), 1u);
  ASSERT_TRUE(snapshot.threads[0].context);
  EXPECT_EQ(sp_in(snapshot, *snapshot.threads[0].context), tests::kAlphaSp);
  EXPECT_EQ(snapshot.modules.size(), 4u);
}

} // namespace
} // namespace dumptriage::system
