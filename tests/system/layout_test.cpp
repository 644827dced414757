// Layouts against the offsets that Microsoft's public symbols (as volatility and ntdiff list them)
// and Geoff Chappell's tables give, copied here by hand.
#include <cstddef>
#include <cstring>

#include <gtest/gtest.h>

#include "formats/kdbg64.h"
#include "synth/bytes_out.h"
#include "system/layout.h"

namespace dumptriage::system {
namespace {

using arch::Machine;
using formats::KdDebuggerData64;

struct Sizes {
  std::uint32_t thread = 0, process = 0, prcb = 0;
};
struct Offsets {
  std::uint32_t parent = 0, irp_list = 0;
};

dump::DebuggerData kdbg(std::uint32_t size, Sizes sizes, Offsets offsets = {}) {
  synth::Bytes bytes(size);
  synth::put_text(bytes, 0x10, "KDBG");
  synth::put32(bytes, 0x14, size);
  if (size >= 0x318) {
    synth::put16(bytes, 0x2A8, static_cast<std::uint16_t>(sizes.process));
    synth::put16(bytes, 0x2AC, static_cast<std::uint16_t>(offsets.parent));
    synth::put16(bytes, 0x2B0, static_cast<std::uint16_t>(sizes.prcb));
    synth::put16(bytes, 0x2C0, static_cast<std::uint16_t>(sizes.thread));
  }
  if (size >= 0x360) synth::put32(bytes, 0x34C, offsets.irp_list);
  return dump::DebuggerData(ByteView(bytes.data(), bytes.size()));
}

struct Known {
  Machine machine;
  std::uint32_t build;
  std::optional<std::uint32_t> pack;
  Sizes sizes;
  const char *structure, *field;
  std::uint32_t offset;
  const char* variant;
};
constexpr Machine x86 = Machine::x86, x64 = Machine::x64, arm64 = Machine::arm64;

const Known kKnown[] = {
    {x86, 1381, 6, {}, "_KTHREAD", "State", 0x2D, "1381"},
    {x86, 1381, 6, {}, "_KTHREAD", "ThreadListEntry", 0x1A4, "1381"},
    {x86, 1381, 6, {}, "_KPROCESS", "ThreadListHead", 0x50, "1381"},
    {x86, 1381, 6, {}, "_EPROCESS", "ActiveProcessLinks", 0x98, "1381"},
    {x86, 1381, 6, {}, "_EPROCESS", "ImageFileName", 0x1DC, "1381"},
    {x86, 1381, 6, {}, "_ETHREAD", "Cid", 0x1E0, "1381"},
    {x86, 2195, 4, {}, "_EPROCESS", "UniqueProcessId", 0x9C, "2195"},
    {x86, 2195, 4, {}, "_ETHREAD", "ThreadListEntry", 0x240, "2195"},
    {x86, 2195, 4, {}, "_KPRCB", "Number", 0x10, "2195"},
    {x86, 2600, 2, {}, "_KTHREAD", "WaitReason", 0x5B, "2600.2180"},
    {x86, 2600, 3, {}, "_EPROCESS", "InheritedFromUniqueProcessId", 0x14C, "2600.5512"},
    // SP1 moved KTHREAD's State, and SizeEThread tells without a service pack.
    {x86, 3790, 0, {}, "_KTHREAD", "State", 0x2C, "3790.0"},
    {x86, 3790, 2, {}, "_KTHREAD", "State", 0x4C, "3790.3959"},
    {x86, 3790, {}, {0x260, 0x278, 0xDD0}, "_KTHREAD", "State", 0x2C, "3790.0"},
    {x86, 3790, {}, {0x250, 0x278, 0xEC0}, "_KTHREAD", "State", 0x4C, "3790.1830"},
    {x86, 3790, {}, {0x250, 0x278, 0xEC0}, "_EPROCESS", "ImageFileName", 0x164, "3790.1830"},
    {x64, 3790, {}, {0x428, 0x3E0, 0x2480}, "_KTHREAD", "StackBase", 0x258, "3790.1830"},
    {x64, 3790, {}, {0x410, 0x3E0, 0x2480}, "_KTHREAD", "StackBase", 0x240, "3790.3959"},
    {x64, 3790, {}, {0x410, 0x3E0, 0x2480}, "_ETHREAD", "Cid", 0x358, "3790.3959"},
    {x86, 6002, 2, {}, "_KTHREAD", "WaitReason", 0x6C, "6002"},
    {x86, 7601, 1, {0x2B8, 0x2C0, 0x3628}, "_EPROCESS", "ThreadListHead", 0x188, "7601"},
    {x64, 7601, 1, {0x498, 0x4D0, 0x4D00}, "_ETHREAD", "Cid", 0x3B0, "7601"},
    {x64, 7601, 1, {0x4A8, 0x4E8, 0x4D00}, "_ETHREAD", "Cid", 0x3B8, "7601.23418"},
    {x64, 7601, 1, {0x4A8, 0x4F8, 0x6F00}, "_ETHREAD", "Cid", 0x3B8, "7601.24000"},
    {x64, 7601, 1, {0x4A8, 0x4F8, 0x6F00}, "_KPRCB", "Context", 0x53E0, "7601.24000"},
    {x64, 7601, 1, {0x4A8, 0x4E8, 0x4D00}, "_KPRCB", "Context", 0x4BD8, "7601.23418"},
    {x64, 9600, 0, {0x778, 0x6F0, 0x5D80}, "_EPROCESS", "ExitTime", 0x640, "9600.18340"},
    {x86, 10240, 0, {0x458, 0x388, 0x5F00}, "_EPROCESS", "VadRoot", 0x288, "10240.17770"},
    {x86, 10240, 0, {0x458, 0x380, 0x4900}, "_EPROCESS", "VadRoot", 0x284, "10240"},
    {x64, 14393, 0, {0x7E0, 0x7B0, 0x6900}, "_EPROCESS", "ImageFileName", 0x450, "14393"},
    {x64, 19041, 0, {0x898, 0xA40, 0xAF00}, "_EPROCESS", "ActiveProcessLinks", 0x448, "19041"},
    {x64, 19045, 0, {0x898, 0xA40, 0xAF00}, "_KTHREAD", "WaitBlockList", 0xD0, "19041"},
    {x86, 19041, 0, {0x4E0, 0x4C0, 0x5F00}, "_ETHREAD", "Cid", 0x2AC, "19041"},
    {x64, 26100, 0, {}, "_EPROCESS", "ActiveProcessLinks", 0x1D8, "26100"},
    {arm64, 22000, 0, {0x910, 0xC80, 0x9680}, "_KTHREAD", "WaitReason", 0x2A3, "22000"},
    {arm64, 22000, 0, {0x910, 0xC80, 0x9680}, "_EPROCESS", "ActiveProcessLinks", 0x400, "22000"},
};

TEST(Layout, FieldsAreWhereTheSymbolsHaveThem) {
  for (const Known& known : kKnown) {
    SCOPED_TRACE(testing::Message() << known.build << " " << known.structure << "." << known.field);
    Layout layout =
        choose_layout(known.machine, known.build, known.pack,
                      known.sizes.thread ? kdbg(0x340, known.sizes) : dump::DebuggerData());
    auto field = layout.field(known.structure, known.field);
    ASSERT_TRUE(field);
    EXPECT_EQ(field->offset, known.offset);
    EXPECT_EQ(field->from, "table");
    EXPECT_EQ(layout.variant(), known.variant);
    EXPECT_FALSE(layout.needs_proof());
  }
}

TEST(Layout, KdbgBeatsTheTable) {
  synth::Bytes bytes(0x380);
  synth::put_text(bytes, 0x10, "KDBG");
  synth::put32(bytes, 0x14, 0x380);
  synth::put16(bytes, 0x2A2, 0x194);  // OffsetKThreadState; the table has 0x184
  synth::put32(bytes, 0x344, 0x40);   // OffsetKThreadStackBase; 0x38
  synth::put16(bytes, 0x2BE, 0x2C);   // OffsetPrcbNumber
  synth::put16(bytes, 0x2B0, 0xAF40); // SizePrcb
  synth::put16(bytes, 0x2E6, 0xFFFF); // OffsetPcrContainedPrcb: not applicable
  Layout layout = choose_layout(x64, 19041, 0, dump::DebuggerData({bytes.data(), bytes.size()}));
  EXPECT_EQ(layout.offset("_KTHREAD", "State"), 0x194u);
  EXPECT_EQ(layout.field("_KTHREAD", "State")->from, "kdbg");
  EXPECT_EQ(layout.field("_KTHREAD", "State")->size, 1u);
  EXPECT_EQ(layout.offset("_KTHREAD", "StackBase"), 0x40u);
  EXPECT_EQ(layout.field("_KPRCB", "Number")->size, 4u);
  EXPECT_EQ(layout.size("_KPRCB"), 0xAF40u);
  EXPECT_EQ(layout.offset("_KPCR", "Prcb"), 0x180u); // the table's
}

TEST(Layout, KprcbNumberGrew) {
  struct {
    std::uint32_t build, size;
  } const kSizes[] = {{3790, 1}, {6001, 2}, {7601, 4}};
  for (auto [build, size] : kSizes) {
    synth::Bytes bytes(0x340);
    synth::put_text(bytes, 0x10, "KDBG");
    synth::put32(bytes, 0x14, 0x340);
    synth::put16(bytes, 0x2BE, 0x10);
    Layout layout = choose_layout(x86, build, {}, dump::DebuggerData({bytes.data(), bytes.size()}));
    EXPECT_EQ(layout.field("_KPRCB", "Number")->size, size) << build;
  }
}

TEST(Layout, SizesThatNoTableHasGiveDistancesAndWantProof) {
  // An update of 7601 that made EPROCESS and ETHREAD bigger than any listed.
  Layout layout = choose_layout(x64, 7601, 1, kdbg(0x340, {0x4C0, 0x520, 0x4D00}, {0x2A0}));
  EXPECT_TRUE(layout.needs_proof());
  // 7601: UniqueProcessId 0x180, InheritedFromUniqueProcessId 0x290.
  auto id = layout.field("_EPROCESS", "UniqueProcessId");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->offset, 0x2A0u - 0x110u);
  EXPECT_EQ(id->from, "derived");
  // No distance is known for ETHREAD then, and its three tables disagree.
  EXPECT_FALSE(layout.field("_ETHREAD", "Cid"));
  auto state = layout.field("_KTHREAD", "State");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->from, "inferred");
  layout.drop_inferred();
  EXPECT_FALSE(layout.field("_KTHREAD", "State"));
  EXPECT_EQ(layout.offset("_KPRCB", "Context"), 0x4BD8u); // SizePrcb agrees
}

// The distances that hold on x64 18362, 19041 and 26100 and on bytes of ARM64 22000.
TEST(Layout, BuildsWithoutATableKeepTheDistancesOfTheirNeighbours) {
  for (auto [machine, build] :
       {std::pair{x64, 20348u}, {x64, 22000u}, {x64, 22621u}, {x64, 25398u}, {arm64, 22621u}}) {
    SCOPED_TRACE(build);
    Layout layout =
        choose_layout(machine, build, 0, kdbg(0x380, {0x900, 0xB80, 0xB000}, {0x540, 0x4F0}));
    for (auto [field, distance] : {std::pair{"UniqueProcessId", -0x100},
                                   {"ActiveProcessLinks", -0xF8},
                                   {"CreateTime", -0xD8},
                                   {"Peb", 0x10},
                                   {"ObjectTable", 0x30},
                                   {"ImageFileName", 0x68},
                                   {"ThreadListHead", 0xA0}}) {
      auto found = layout.field("_EPROCESS", field);
      ASSERT_TRUE(found) << field;
      EXPECT_EQ(static_cast<int>(found->offset), 0x540 + distance) << field;
      EXPECT_EQ(found->from, "derived") << field;
    }
    for (auto [field, distance] : {std::pair{"CreateTime", -0x80},
                                   {"StartAddress", -0x60},
                                   {"Cid", -0x38},
                                   {"Win32StartAddress", 0x20},
                                   {"ThreadListEntry", 0x38}}) {
      auto found = layout.field("_ETHREAD", field);
      ASSERT_TRUE(found) << field;
      EXPECT_EQ(static_cast<int>(found->offset), 0x4F0 + distance) << field;
      EXPECT_EQ(found->from, "derived") << field;
    }
    EXPECT_FALSE(layout.needs_proof());
  }
}

TEST(Layout, KthreadKeepsItsFieldsFromWindows8On) {
  Layout layout = choose_layout(x64, 22621, 0, kdbg(0x380, {0x900, 0xB80, 0xB000}, {0x540, 0x4F0}));
  for (auto [field, offset] : {std::pair{"MutantListHead", 0x308u},
                               {"InitialStack", 0x28u},
                               {"KernelStack", 0x58u},
                               {"TrapFrame", 0x90u},
                               {"ApcState", 0x98u},
                               {"State", 0x184u},
                               {"WaitReason", 0x283u},
                               {"WaitBlockList", 0xD0u},
                               {"WaitTime", 0x1B4u},
                               {"Process", 0x220u},
                               {"ThreadListEntry", 0x2F8u}}) {
    EXPECT_EQ(layout.offset("_KTHREAD", field), offset) << field;
    EXPECT_EQ(layout.field("_KTHREAD", field)->from, "derived") << field;
  }
  // Kept up to 19041, and no later table has them.
  EXPECT_EQ(layout.offset("_KWAIT_BLOCK", "Object"), 0x20u);
  EXPECT_EQ(layout.field("_KWAIT_BLOCK", "Object")->from, "inferred");
}

TEST(Layout, NestedFields) {
  Layout xp = choose_layout(x86, 2600, 3, {});
  EXPECT_EQ(xp.offset("_KTHREAD", "ApcState.Process"), 0x34u + 0x10);
  EXPECT_EQ(xp.offset("_KPRCB", "ProcessorState.ContextFrame"), 0x1Cu);
  EXPECT_EQ(xp.offset("_KPRCB", "ProcessorState.SpecialRegisters"), 0x1Cu + 0x2CC);
  Layout later = choose_layout(x64, 15063, 0, {});
  EXPECT_EQ(later.offset("_KPRCB", "ProcessorState.ContextFrame"), 0x100u + 0xF0);
  Layout earlier = choose_layout(x64, 14393, 0, {});
  EXPECT_EQ(earlier.offset("_KPRCB", "ProcessorState.ContextFrame"), 0x40u + 0xE0);
}

TEST(Layout, WhatNt4AndWindows2000ShareWithXpIsInferred) {
  for (std::uint32_t build : {1381u, 2195u}) {
    Layout layout = choose_layout(x86, build, {}, {});
    auto object = layout.field("_KWAIT_BLOCK", "Object");
    ASSERT_TRUE(object);
    EXPECT_EQ(object->offset, 0xCu);
    EXPECT_EQ(object->from, "inferred");
    EXPECT_EQ(layout.field("_KTHREAD", "State")->from, "table"); // published for both
    // What differs from XP, or may, is not: bit fields of the pool's header, NT 4's shorter
    // CONTEXT.
    EXPECT_FALSE(layout.field("_POOL_TRACKER_BIG_PAGES", "Va"));
    EXPECT_FALSE(layout.field("_OBJECT_HEADER", "Type"));
    EXPECT_FALSE(layout.field("_KPRCB", "ProcessorState.SpecialRegisters"));
    layout.drop_inferred();
    EXPECT_FALSE(layout.field("_KWAIT_BLOCK", "Object"));
  }
}

TEST(Layout, XpBeforeServicePack2WantsProof) {
  EXPECT_TRUE(choose_layout(x86, 2600, 0, {}).needs_proof());
  EXPECT_TRUE(choose_layout(x86, 2600, {}, {}).needs_proof());
  EXPECT_EQ(choose_layout(x86, 2600, 1, {}).field("_KTHREAD", "State")->from, "inferred");
}

TEST(Layout, WhatIsNotKnownIsNothing) {
  EXPECT_FALSE(choose_layout(Machine::alpha, 1381, {}, {}).field("_KTHREAD", "State"));
  EXPECT_FALSE(choose_layout(Machine::ia64, 3790, 2, {}).field("_KTHREAD", "State"));
  EXPECT_FALSE(choose_layout(x64, 99999, {}, {}).field("_KTHREAD", "Nonsense"));
  EXPECT_FALSE(choose_layout(x86, 1057, {}, {}).field("_KTHREAD", "State"));
  EXPECT_EQ(choose_layout(Machine::alpha, 1381, {}, {}).variant(), "");
  // KDBG serves every CPU.
  synth::Bytes bytes(0x318);
  synth::put_text(bytes, 0x10, "KDBG");
  synth::put32(bytes, 0x14, 0x318);
  synth::put16(bytes, 0x2A2, 0x71);
  Layout itanium =
      choose_layout(Machine::ia64, 3790, 2, dump::DebuggerData({bytes.data(), bytes.size()}));
  EXPECT_EQ(itanium.offset("_KTHREAD", "State"), 0x71u);
  Layout dropped = itanium;
  dropped.drop(Layout::thread);
  EXPECT_FALSE(dropped.field("_KTHREAD", "State"));
}

TEST(Layout, TwoTablesThatDisagreeGiveNothing) {
  Layout layout = choose_layout(x86, 3790, {}, {}); // of which service pack?
  EXPECT_FALSE(layout.field("_KTHREAD", "State"));
  EXPECT_EQ(layout.offset("_KTHREAD", "InitialStack"), 0x18u); // all three have it here
}

} // namespace
} // namespace dumptriage::system
