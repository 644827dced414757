// Where the slice of Itanium's register backing store lies in triage dumps and minidumps.
#include <gtest/gtest.h>

#include "dump/kernel_samples.h"
#include "dump/paper_samples.h"

namespace dumptriage::dump {
namespace {

using synth::Ia64TriageStore;
using synth::RsBsp;
using tests::has_note;
using tests::open_bytes;
using Limit = Ia64TriageStore::Limit;

synth::PaperMachine machine(RsBsp convention = RsBsp::base) {
  return tests::ia64_machine(convention);
}

TEST(BackingStore, OfATriageDumpIsPlacedByTwoWitnesses) {
  for (RsBsp convention : {RsBsp::base, RsBsp::top})
    for (bool at_bspstore : {true, false})
      for (Limit limit : {Limit::end, Limit::start, Limit::thread_limit, Limit::none})
        for (bool thread : {true, false}) {
          // The thread's own limit is no end of the slice, and without the thread nothing else is.
          const bool limit_tells = limit == Limit::end || limit == Limit::start;
          const synth::Bytes bytes =
              write_ia64_triage(machine(convention), {at_bspstore, limit, thread});
          auto dump = open_bytes(bytes);
          ASSERT_TRUE(dump);
          const Triage& triage = *dump->kernel->triage;
          const bool placed = limit_tells || thread;
          EXPECT_EQ(triage.backing_store_start, placed ? tests::kIa64Store : 0)
              << int(limit) << thread << at_bspstore;
          EXPECT_EQ(has_note(dump->notes, "register backing store: undecided"), !placed);
          EXPECT_EQ(dump->memory->u64(tests::kIa64Store + 0x20),
                    placed ? std::optional<std::uint64_t>(0xB500000000000020) : std::nullopt);
          EXPECT_EQ(dump->memory->u64(tests::kIa64Sp), 0x5AC0000000001E00u);
        }
}

// Even a limit and a thread that agree: what the CPU used must lie in the slice.
TEST(BackingStore, RegistersOutsideOfTheSliceProveNothing) {
  synth::Bytes bytes = write_ia64_triage(machine());
  auto dump = open_bytes(bytes);
  const ByteView prcb = dump->kernel->triage->prcb;
  const auto context =
      static_cast<std::size_t>(prcb.span().data() - tests::view_of(bytes).span().data()) + 0x100;
  for (std::size_t at : {std::size_t{0x348}, context})
    for (std::size_t field : {0x9F0, 0x9F8})
      synth::put64(bytes, at + field, tests::kIa64Store + 0x300000);
  dump = open_bytes(bytes);
  EXPECT_EQ(dump->kernel->triage->backing_store_start, 0u);
  EXPECT_TRUE(has_note(dump->notes, "undecided"));
}

TEST(BackingStore, LyingFieldsGiveNoAddress) {
  const synth::Bytes good = write_ia64_triage(machine());
  constexpr std::size_t kTriage = 0x2000; // TRIAGE_DUMP64: +50 offset, +54 size, +58 limit
  for (auto [at, value] :
       {std::pair<std::size_t, std::uint64_t>{0x54, 0xFFFFFFF8}, {0x54, 0x7}, {0x50, 0xFFFFFFF0}}) {
    synth::Bytes bytes = good;
    synth::put32(bytes, kTriage + at, value);
    auto dump = open_bytes(bytes);
    ASSERT_TRUE(dump);
    EXPECT_EQ(dump->kernel->triage->backing_store_start, 0u) << at << " " << value;
    dump->memory->u64(tests::kIa64Store);
  }
  for (std::uint64_t limit : {~std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{1} << 63}) {
    synth::Bytes bytes = good;
    synth::put64(bytes, kTriage + 0x58, limit); // the thread and the registers still agree
    EXPECT_EQ(open_bytes(bytes)->kernel->triage->backing_store_start, tests::kIa64Store);
  }
}

TEST(BackingStore, TriageCutAnywhere) {
  const synth::Bytes bytes = write_ia64_triage(machine());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    auto dump = open_bytes(ByteView(bytes.data(), size));
    if (!dump) continue;
    EXPECT_FALSE(dump->complete) << size;
    dump->memory->u64(tests::kIa64Store);
  }
}

TEST(BackingStore, OfAMinidumpIsMemory) {
  const synth::Bytes bytes = write_paper_minidump(machine());
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->machine, arch::Machine::ia64);
  ASSERT_EQ(dump->minidump->threads.size(), 2u);
  const auto& thread = dump->minidump->threads[1];
  EXPECT_EQ(thread.backing_store_start, tests::kIa64Store + 0x100000);
  EXPECT_EQ(thread.backing_store_size, 0x1B0u); // up to RsBSPSTORE
  EXPECT_EQ(dump->memory->u64(tests::kIa64Store + 0x100010), 0xB500000000000010u);
  EXPECT_EQ(dump->memory->u64(tests::kIa64Store + 0x8), 0xB500000000000008u);
  EXPECT_EQ(dump->memory->u64(tests::kIa64Sp), 0x5AC0000000001E00u);
  for (std::size_t size = 0; size < 0x1000; ++size) open_bytes(ByteView(bytes.data(), size));
}

TEST(BackingStore, UserDumpsAndMinidumpsOfAlpha) {
  for (const synth::Bytes& bytes : {write_paper_minidump(tests::alpha_machine()),
                                    write_alpha_userdump(tests::alpha_machine())}) {
    auto dump = open_bytes(bytes);
    ASSERT_TRUE(dump);
    EXPECT_EQ(dump->machine, arch::Machine::alpha);
    EXPECT_EQ(dump->memory->u64(tests::kAlphaSp), 0x5AC0000000000F00u);
    EXPECT_EQ(dump->memory->u32(0xF1000000).value_or(0) & 0xFFFF, 0x5A4Du);
  }
}

} // namespace
} // namespace dumptriage::dump
