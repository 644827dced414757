// Page walks over tables laid down by hand, every address worked out by hand beside it.
#include <gtest/gtest.h>

#include <map>

#include "arch/arch.h"

namespace dumptriage::arch {
namespace {

using memory::PageTables;
using memory::Paging;
using memory::Presence;
using memory::Translation;

// Physical memory made of frames that exist once something is written to them.
class Frames final : public memory::AddressSpace {
public:
  void put(std::uint64_t address, std::uint64_t value, int size = 8) {
    for (int i = 0; i < size; ++i)
      frames_[(address + i) >> 12][(address + i) & 0xFFF] = std::byte(value >> (8 * i));
  }
  void frame(std::uint64_t address) { frames_[address >> 12]; }
  memory::ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const override {
    memory::ReadOutcome outcome;
    for (; outcome.got < out.size(); ++outcome.got) {
      const auto it = frames_.find((address + outcome.got) >> 12);
      if (it == frames_.end()) {
        outcome.presence = Presence::absent;
        break;
      }
      out[outcome.got] = it->second[(address + outcome.got) & 0xFFF];
    }
    return outcome;
  }
  std::optional<Range> range_around(std::uint64_t) const override { return std::nullopt; }

private:
  std::map<std::uint64_t, std::array<std::byte, 0x1000>> frames_;
};

Translation walk(Machine machine, const Frames& frames, PageTables tables, std::uint64_t address) {
  return find(machine)->translate(frames, tables, address);
}
#define EXPECT_AT(translation, expected)                                                           \
  do {                                                                                             \
    const Translation t = (translation);                                                           \
    EXPECT_EQ(t.presence, Presence::present);                                                      \
    EXPECT_EQ(t.physical, std::uint64_t{expected});                                                \
  } while (false)

// ---- x86, two levels.  0xC0123456: directory entry 0x300 (at +0xC00), table entry 0x123 (at
// +0x48C), offset 0x456.
struct X86 : ::testing::Test {
  Frames frames;
  PageTables tables{Paging::x86, 0x39000, 2600};
  Translation at(std::uint64_t address) { return walk(Machine::x86, frames, tables, address); }
  void leaf(std::uint64_t pte) {
    frames.put(0x39C00, 0x45000 | 0x63, 4);
    frames.put(0x4548C, pte, 4);
  }
};

TEST_F(X86, TwoLevels) {
  leaf(0x9ABCD163);
  EXPECT_AT(at(0xC0123456), 0x9ABCD456);
  EXPECT_FALSE(at(0xC0123456).transition);
  EXPECT_EQ(at(0xC0124000).presence, Presence::unmapped); // the next entry of the table is zero
  EXPECT_EQ(at(0xC0124000).span, 0x1000u);
  EXPECT_EQ(at(0xBFFFFFFF).presence, Presence::unmapped); // a zero directory entry
  EXPECT_EQ(at(0xBFFFFFFF).span, 0x400000u);
}

TEST_F(X86, FlagsInTheRootAreNoAddress) {
  leaf(0x9ABCD163);
  tables.root = 0x39FFF;
  EXPECT_AT(at(0xC0123456), 0x9ABCD456);
}

TEST_F(X86, LargePagesWithFortyBits) {
  // 4 MB page: base bits 31:22 = 0x12C00000 >> 22; bits 20:13 of the entry = 0x5A become 39:32.
  frames.put(0x39C00, 0x12C00000 | 0x5A << 13 | 0xE3, 4);
  EXPECT_AT(at(0xC0123456), 0x5A12D23456);
  EXPECT_EQ(at(0xC0123456).span, 0x400000u);
}

TEST_F(X86, SelfMap) {
  // Entry 0x300 of the directory is the directory itself: PTEs appear at 0xC0000000.
  frames.put(0x39C00, 0x39063, 4);
  EXPECT_AT(at(0xC0300C00), 0x39C00); // the directory's own entry, at its well-known address
}

TEST_F(X86, NothingAbove4GB) {
  leaf(0x9ABCD163);
  EXPECT_EQ(at(0x1C0123456).presence, Presence::unmapped);
  EXPECT_EQ(at(0xFFFFFFFFC0123456).presence, Presence::unmapped);
}

TEST_F(X86, TablesThatAreNotInTheDump) {
  EXPECT_EQ(at(0xC0123456).presence, Presence::absent); // no directory
  frames.put(0x39C00, 0x45063, 4);
  EXPECT_EQ(at(0xC0123456).presence, Presence::absent); // no table
}

TEST_F(X86, SoftwareEntries) {
  frames.frame(0x77000);
  leaf(0x00077880 | 0x80); // transition (bit 11), protection 4
  EXPECT_AT(at(0xC0123456), 0x77456);
  EXPECT_TRUE(at(0xC0123456).transition);
  leaf(0x00078880); // a frame that is not in the dump
  EXPECT_EQ(at(0xC0123456).presence, Presence::absent);
  leaf(0x00005082); // page file 1, offset 5, protection 4
  EXPECT_EQ(at(0xC0123456).presence, Presence::paged_out);
  leaf(0x00000080); // demand zero, protection 4
  EXPECT_EQ(at(0xC0123456).presence, Presence::paged_out);
  leaf(0x00000300); // no access
  EXPECT_EQ(at(0xC0123456).presence, Presence::unmapped);
  leaf(0x00000200); // decommitted
  EXPECT_EQ(at(0xC0123456).presence, Presence::unmapped);
  leaf(0x12345000); // free system entry: protection 0
  EXPECT_EQ(at(0xC0123456).presence, Presence::absent);
  leaf(0x12345C80); // prototype, transition bit or not: its base is not known
  EXPECT_EQ(at(0xC0123456).presence, Presence::absent);
}

TEST_F(X86, TablesInTransitionAndInThePageFile) {
  leaf(0x9ABCD163);
  frames.put(0x39C00, 0x45880, 4);
  EXPECT_AT(at(0xC0123456), 0x9ABCD456);
  frames.put(0x39C00, 0x46880, 4); // in transition, not in the dump
  EXPECT_EQ(at(0xC0123456).presence, Presence::absent);
  frames.put(0x39C00, 0x5082, 4);
  EXPECT_EQ(at(0xC0123456).presence, Presence::paged_out);
  EXPECT_EQ(at(0xC0123456).span, 0x400000u);
}

TEST_F(X86, AnotherMachinesTablesAreNotWalked) {
  leaf(0x9ABCD163);
  tables.paging = Paging::x64;
  EXPECT_EQ(at(0xC0123456).presence, Presence::absent);
  EXPECT_EQ(walk(Machine::x64, frames, {Paging::x86, 0x39000, 0}, 0x1000).presence,
            Presence::absent);
  EXPECT_EQ(walk(Machine::arm64, frames, {}, 0x1000).presence, Presence::absent);
}

// ---- PAE.  0xC0123456: pointer entry 3 (at +0x18), directory entry 0 (0xC0123456 >> 21 & 511 =
// 0), table entry 0x123 (at +0x918).
struct Pae : X86 {
  Pae() {
    tables = {Paging::x86_pae, 0x39A60, 3790};
    frames.put(0x39A78, 0x51001);
  }
  void leaf(std::uint64_t pte) {
    frames.put(0x51000, 0x52063);
    frames.put(0x52918, pte);
  }
};

TEST_F(Pae, ThreeLevels) {
  leaf(0x8000000ABCDEF163); // no-execute, above 4 GB
  EXPECT_AT(at(0xC0123456), 0xABCDEF456);
  EXPECT_EQ(at(0x00123456).presence, Presence::unmapped); // pointer entry 0 is zero
  EXPECT_EQ(at(0x00123456).span, 0x40000000u);
  tables.root = 0x39A7F; // low five bits are flags
  EXPECT_AT(at(0xC0123456), 0xABCDEF456);
}

TEST_F(Pae, LargePages) {
  frames.put(0x51000, 0x8000000123400000 | 0x1000 | 0xE3); // PAT in bit 12 is no address
  EXPECT_AT(at(0xC0123456), 0x123523456);
  EXPECT_EQ(at(0xC0123456).span, 0x200000u);
}

TEST_F(Pae, ABitOfThePointerEntryIsNoLargePage) {
  frames.put(0x39A78, 0x51081);
  leaf(0xABCDEF163);
  EXPECT_AT(at(0xC0123456), 0xABCDEF456);
}

TEST_F(Pae, SoftwareEntries) {
  frames.frame(0x312345000);
  leaf(0x0000000312345880); // transition
  EXPECT_AT(at(0xC0123456), 0x312345456);
  leaf(0x0000000500000082); // page file
  EXPECT_EQ(at(0xC0123456).presence, Presence::paged_out);
  leaf(0x0000000000000080);
  EXPECT_EQ(at(0xC0123456).presence, Presence::paged_out);
  leaf(0xFFFFFFFF00000480); // prototype, see the VAD
  EXPECT_EQ(at(0xC0123456).presence, Presence::absent);
}

TEST_F(Pae, PrototypeEntries) {
  // The prototype entry lies at 0xC0124018: table entry 0x124 maps frame 0x60000.
  frames.put(0x52920, 0x60063);
  leaf(0xC012401800000400);
  frames.put(0x60018, 0x7654321163); // valid
  EXPECT_AT(at(0xC0123456), 0x7654321456);
  frames.put(0x60018, 0x00000480); // subsection: a mapped file's page
  EXPECT_EQ(at(0xC0123456).presence, Presence::paged_out);
  frames.put(0x60018, 0);
  EXPECT_EQ(at(0xC0123456).presence, Presence::unmapped);
}

// ---- x64.  0xFFFFF80001234567: indexes 0x1F0, 0, 9 (0x1234567 >> 21 = 9), 0x34, offset 0x567.
// So +0xF80, +0, +0x48, +0x1A0.
struct X64 : ::testing::Test {
  static constexpr std::uint64_t kAt = 0xFFFFF80001234567;
  Frames frames;
  PageTables tables{Paging::x64, 0x1AD000, 7601};
  Translation at(std::uint64_t address) { return walk(Machine::x64, frames, tables, address); }
  X64() {
    frames.put(0x1ADF80, 0x2000063);
    frames.put(0x2000000, 0x2001063);
    frames.put(0x2001048, 0x2002063);
  }
  void leaf(std::uint64_t pte) { frames.put(0x20021A0, pte); }
};

TEST_F(X64, FourLevels) {
  leaf(0x8A00000ABCDEF963); // software bits 62:52 and no-execute are no address
  EXPECT_AT(at(kAt), 0xABCDEF567);
  tables.root = 0x80000000001AD005; // PCID and the no-flush bit
  EXPECT_AT(at(kAt), 0xABCDEF567);
  EXPECT_EQ(at(kAt + 0x1000).presence, Presence::unmapped);
  EXPECT_EQ(at(kAt + 0x200000).span, 0x200000u);
  EXPECT_EQ(at(kAt + 0x40000000).span, 0x40000000u);
  EXPECT_EQ(at(0xFFFFFFFFFFFFFFFF).span, 0x8000000000u);
  EXPECT_EQ(at(0xFFFFFFFFFFFFFFFF).presence, Presence::unmapped);
}

TEST_F(X64, LargePages) {
  frames.put(0x2001048, 0x80000000122010E3); // 2 MB, PAT in bit 12
  EXPECT_AT(at(kAt), 0x12234567);
  EXPECT_EQ(at(kAt).span, 0x200000u);
  frames.put(0x2000000, 0xC00010E3); // 1 GB
  EXPECT_AT(at(kAt), 0xC1234567);
  EXPECT_EQ(at(kAt).span, 0x40000000u);
  frames.put(0x1ADF80, 0x20000E3); // the bit means nothing in the top table
  EXPECT_AT(at(kAt), 0xC1234567);
}

TEST_F(X64, OnlyCanonicalAddresses) {
  leaf(0xABCDEF163);
  // The same indexes with other bits above 47.
  EXPECT_EQ(at(0x0000F80001234567).presence, Presence::unmapped);
  EXPECT_EQ(at(0x7FFFF80001234567).presence, Presence::unmapped);
  EXPECT_EQ(at(0x8000000000000000).presence, Presence::unmapped);
}

TEST_F(X64, FiveLevels) {
  // Index of bits 56:48 of 0xFFFFF800... is 0x1FF; of 0xFF11F80001234567, 0x111 (at +0x888).
  leaf(0xABCDEF163);
  frames.put(0x300888, 0x1AD063);
  tables = {Paging::x64_la57, 0x300000, 20348};
  EXPECT_AT(at(0xFF11F80001234567), 0xABCDEF567);
  EXPECT_EQ(at(kAt).presence, Presence::unmapped);
  EXPECT_EQ(at(0xFE11F80001234567).presence, Presence::unmapped); // not canonical
}

TEST_F(X64, SelfMap) {
  // Slot 0x1ED names the top table: its own entry appears at 0xFFFFF6FB7DBEDF68.
  frames.put(0x1ADF68, 0x1AD063);
  EXPECT_AT(at(0xFFFFF6FB7DBEDF68), 0x1ADF68);
  // A table that is its own child at every level ends after four steps.
  Frames loop;
  for (int i = 0; i < 512; ++i) loop.put(0x5000 + 8 * i, 0x5063);
  EXPECT_AT(walk(Machine::x64, loop, {Paging::x64, 0x5000, 0}, 0x123456789ABC), 0x5ABC);
}

TEST_F(X64, TransitionFramesWidenedWithVista) {
  frames.frame(0x2345678000);
  frames.frame(0xFE2345678000);
  leaf(0xFE2345678880); // bits 47:40 hold something
  tables.build = 3790;  // frame in bits 39:12
  EXPECT_AT(at(kAt), 0x2345678567);
  EXPECT_TRUE(at(kAt).transition);
  tables.build = 7601; // in bits 47:12
  EXPECT_AT(at(kAt), 0xFE2345678567);
}

TEST_F(X64, SoftwareEntries) {
  leaf(0x0000000500000082); // page file 1, offset 5
  EXPECT_EQ(at(kAt).presence, Presence::paged_out);
  leaf(0x0000000000000080); // demand zero
  EXPECT_EQ(at(kAt).presence, Presence::paged_out);
  leaf(0x0000000000000300); // no access
  EXPECT_EQ(at(kAt).presence, Presence::unmapped);
  leaf(0x0000000500000000); // protection 0
  EXPECT_EQ(at(kAt).presence, Presence::absent);
  leaf(0xFFFFFFFF00000480); // prototype, address all ones: see the VAD
  EXPECT_EQ(at(kAt).presence, Presence::absent);
  leaf(0x00007FFF12340400); // a prototype entry in user space
  EXPECT_EQ(at(kAt).presence, Presence::absent);
}

// A prototype entry for kAt at 0xFFFFF80001235010 (the next table entry, frame 0x2100000).
struct X64Prototype : X64 {
  X64Prototype() {
    frames.put(0x20021A8, 0x2100063);
    leaf(0xF800'0123'5010'0400);
  }
  void prototype(std::uint64_t pte) { frames.put(0x2100010, pte); }
};

TEST_F(X64Prototype, EveryKind) {
  prototype(0x8000000ABCDEF121);
  EXPECT_AT(at(kAt), 0xABCDEF567);
  EXPECT_FALSE(at(kAt).transition);
  frames.frame(0x76543000);
  prototype(0x76543880);
  EXPECT_AT(at(kAt), 0x76543567);
  EXPECT_TRUE(at(kAt).transition);
  prototype(0x76544880); // in transition in a frame that is not in the dump
  EXPECT_EQ(at(kAt).presence, Presence::absent);
  prototype(0xFA8001234560'0480); // subsection
  EXPECT_EQ(at(kAt).presence, Presence::paged_out);
  prototype(0x0000000500000082);
  EXPECT_EQ(at(kAt).presence, Presence::paged_out);
  prototype(0x80); // demand zero
  EXPECT_EQ(at(kAt).presence, Presence::paged_out);
  prototype(0);
  EXPECT_EQ(at(kAt).presence, Presence::unmapped);
}

TEST_F(X64Prototype, ThePlaceOfTheEntryMayBeMissing) {
  prototype(0xABCDEF121);
  frames.put(0x20021A8, 0x2200063); // its frame is not in the dump
  EXPECT_EQ(at(kAt).presence, Presence::absent);
  frames.put(0x20021A8, 0x0000000500000082); // paged out
  EXPECT_EQ(at(kAt).presence, Presence::paged_out);
  frames.put(0x20021A8, 0); // nowhere: the two contradict each other
  EXPECT_EQ(at(kAt).presence, Presence::absent);
}

TEST_F(X64Prototype, OnlyOneStepThroughPrototypes) {
  // The page of the prototype entry is mapped by a prototype entry, itself.
  frames.put(0x20021A8, 0xF800'0123'5010'0400);
  EXPECT_EQ(at(kAt).presence, Presence::absent);
}

TEST_F(X64Prototype, FlippedBitsAreNotGuessed) {
  prototype(0xABCDEF121);
  tables.build = 19041;
  EXPECT_EQ(at(kAt).presence, Presence::absent); // SwizzleBit clear: the mask is not known
  leaf(0xF800'0123'5010'0410);
  EXPECT_AT(at(kAt), 0xABCDEF567);
  leaf(0x2000'76543880); // a transition frame with a high bit flipped
  EXPECT_EQ(at(kAt).presence, Presence::absent);
}

// ---- ARM64, the same address and indexes.
struct Arm64 : ::testing::Test {
  static constexpr std::uint64_t kAt = X64::kAt;
  Frames frames;
  PageTables tables{Paging::arm64, 0x00010000801AD001, 22000}; // ASID and CnP
  Translation at(std::uint64_t address) { return walk(Machine::arm64, frames, tables, address); }
  Arm64() {
    frames.put(0x801ADF80, 0x82000003);
    frames.put(0x82000000, 0x82001003);
    frames.put(0x82001048, 0x82002003);
    frames.put(0x820021A0, 0x0060000ABCDEF703);
  }
};

TEST_F(Arm64, FourLevels) {
  EXPECT_AT(at(kAt), 0xABCDEF567);
  EXPECT_EQ(at(kAt + 0x1000).presence, Presence::unmapped);
  EXPECT_EQ(at(0x00FFF80001234567).presence, Presence::unmapped); // not sign-extended
  frames.put(0x82001048, 0x83002003);
  EXPECT_EQ(at(kAt).presence, Presence::absent);
}

TEST_F(Arm64, Blocks) {
  frames.put(0x82001048, 0x0060000012200701);
  EXPECT_AT(at(kAt), 0x12234567);
  EXPECT_EQ(at(kAt).span, 0x200000u);
  frames.put(0x82000000, 0x00600000C0000701);
  EXPECT_AT(at(kAt), 0xC1234567);
  frames.put(0x801ADF80, 0xC0000701); // no blocks at the top
  EXPECT_EQ(at(kAt).presence, Presence::unmapped);
}

TEST_F(Arm64, ReservedAndUnknownDescriptors) {
  frames.put(0x820021A0, 0xABCDEF701); // bit 1 clear at the last level
  EXPECT_EQ(at(kAt).presence, Presence::unmapped);
  frames.put(0x820021A0, 0xABCDEF880); // not valid, but not empty
  EXPECT_EQ(at(kAt).presence, Presence::absent);
}

// ---- Itanium and Alpha.
TEST(Ia64Pages, DirectMapsOnly) {
  const Frames none;
  const PageTables tables{Paging::ia64, 0x4000, 3790};
  EXPECT_AT(walk(Machine::ia64, none, tables, 0x8000000012345678), 0x12345678);
  EXPECT_AT(walk(Machine::ia64, none, tables, 0xA000000012345678), 0x12345678);
  for (std::uint64_t address : {0ull, 0x2000000000000000ull, 0x8004000000000000ull,
                                0xC000000000000000ull, 0xE000000083000000ull, ~0ull})
    EXPECT_EQ(walk(Machine::ia64, none, tables, address).presence, Presence::absent) << address;
  EXPECT_EQ(find(Machine::ia64)->page_size, 0x2000u);
}

// Region 7 by three levels of 1024 entries; forms that the CPU does not define are not followed.
TEST(Ia64Pages, Region7ByItsRoot) {
  Frames frames;
  const PageTables tables{Paging::ia64_tables, 0x400000, 3790};
  constexpr std::uint64_t kAt = 0xE000010600804120; // indexes 0x83, 1, 2 of 33, 23, 13
  frames.put(0x400000 + 8 * 0x83, 0x402061);
  frames.put(0x402000 + 8 * 1, 0x404061);
  frames.put(0x404000 + 8 * 2, 0x0010000000ABC061 | std::uint64_t{3} << 53); // ed, ignored bits
  EXPECT_AT(walk(Machine::ia64, frames, tables, kAt), 0xABC120);
  EXPECT_EQ(walk(Machine::ia64, frames, tables, kAt).span, 0x2000u);
  EXPECT_AT(walk(Machine::ia64, frames, tables, 0x8000000000001234), 0x1234);
  // Beyond the 43 bits of a region; another region.
  EXPECT_EQ(walk(Machine::ia64, frames, tables, kAt + (std::uint64_t{1} << 43)).presence,
            Presence::absent);
  EXPECT_EQ(walk(Machine::ia64, frames, tables, kAt - (std::uint64_t{6} << 61)).presence,
            Presence::absent);
  frames.put(0x404000 + 8 * 2, 0xABC063); // reserved bit 1
  EXPECT_EQ(walk(Machine::ia64, frames, tables, kAt).presence, Presence::absent);
  frames.put(0x404000 + 8 * 2, 0xABC060); // not present, but not empty
  EXPECT_EQ(walk(Machine::ia64, frames, tables, kAt).presence, Presence::absent);
  frames.put(0x404000 + 8 * 2, 0);
  EXPECT_EQ(walk(Machine::ia64, frames, tables, kAt).presence, Presence::unmapped);
  frames.put(0x400000 + 8 * 0x83, 0);
  EXPECT_EQ(walk(Machine::ia64, frames, tables, kAt).span, std::uint64_t{1} << 33);
}

TEST(AlphaPages, TheFirstGigabyteWithoutTables) {
  const Frames none;
  const PageTables tables{Paging::alpha, 0x4000, 1381};
  EXPECT_AT(walk(Machine::alpha, none, tables, 0x80081234), 0x81234);
  EXPECT_AT(walk(Machine::alpha, none, tables, 0xFFFFFFFF80081234), 0x81234);
  EXPECT_AT(walk(Machine::alpha, none, tables, 0xBFFFFFFF), 0x3FFFFFFF);
  for (std::uint64_t address : {0x0ull, 0x7FFFFFFFull, 0xC0000000ull, 0xFFFFFFFFC0000000ull})
    EXPECT_EQ(walk(Machine::alpha, none, tables, address).presence, Presence::absent) << address;
  EXPECT_EQ(walk(Machine::alpha, none, tables, 0x180081234).presence, Presence::unmapped);
  EXPECT_EQ(find(Machine::alpha)->page_size, 0x2000u);
}

TEST(AlphaPages, TwoLevelsOfFourByteEntries) {
  Frames frames;
  const PageTables tables{Paging::alpha_tables, 0x6000, 1381};
  constexpr std::uint64_t kAt = 0xF1004128; // indexes 0xF1 of 24, 2 of 13
  frames.put(0x6000 + 4 * 0xF1, 0x10 << 9 | 0x11, 4);
  frames.put(0x10 * 0x2000 + 4 * 2, 0x123 << 9 | 0x11, 4);
  EXPECT_AT(walk(Machine::alpha, frames, tables, kAt), 0x123 * 0x2000 + 0x128);
  EXPECT_AT(walk(Machine::alpha, frames, tables, 0xFFFFFFFF00000000 | kAt), 0x123 * 0x2000 + 0x128);
  EXPECT_EQ(walk(Machine::alpha, frames, tables, 0xF2000000).presence, Presence::unmapped);
  EXPECT_EQ(walk(Machine::alpha, frames, {Paging::alpha_tables, 0x7000000, 1381}, kAt).presence,
            Presence::absent);                      // the root is not in the dump
  frames.put(0x10 * 0x2000 + 4 * 2, 0x123 << 9, 4); // not valid: its form is not known
  EXPECT_EQ(walk(Machine::alpha, frames, tables, kAt).presence, Presence::absent);
  frames.put(0x10 * 0x2000 + 4 * 2, 0, 4);
  EXPECT_EQ(walk(Machine::alpha, frames, tables, kAt).presence, Presence::unmapped);
}

} // namespace
} // namespace dumptriage::arch
