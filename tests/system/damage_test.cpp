// What frees leave behind: tests free as a kernel does, twice where a driver did, and look.
#include "system/damage.h"

#include <gtest/gtest.h>

#include "synth/free_memory.h"
#include "system/kernel_scene.h"

namespace dumptriage::system {
namespace {

using Build = synth::KernelBuild;
using Address = std::uint64_t;
constexpr Address kSfmsrv = 0xF8000000;

// A healthy machine: rings of lookaside lists with blocks on them, the pool's lists with free
// blocks of some sizes, IRPs.
struct Machine {
  explicit Machine(Build build, std::uint32_t heads_apart = 0)
      : scene(build), memory(scene.objects), o(scene.objects), ring(memory.ring()),
        other_ring(memory.ring()), size(memory.irp_block(3) - memory.header()) {
    small = memory.lookaside("Irps", size / 2, ring);
    large = memory.lookaside("Irpl", size, ring);
    mdl = memory.lookaside("Mdl ", 0x40, ring, true);
    drivers = memory.lookaside("SfmX", 0x20, other_ring);
    memory.heads_apart = heads_apart;
    heads = memory.pool_heads();
    for (int i = 0; i < 3; ++i) {
      memory.push(large, memory.irp(3, kSfmsrv + 0x100));
      memory.push(mdl, memory.block(2 * memory.unit(), "Mdl "));
      for (std::uint32_t units : {3u, 5u, 8u}) {
        free_blocks.push_back(memory.block(units * memory.unit(), "Free"));
        memory.block(memory.unit() * 2, "Used");
        memory.free_block(free_blocks.back(), i == 1);
      }
    }
    dump::Module kernel;
    kernel.path = "ntoskrnl.exe";
    kernel.base = memory.kernel_base();
    kernel.size = synth::FreeMemory::kKernelSize;
    snapshot.modules.push_back(kernel);
  }
  FreeLists read() {
    memory.fill_page();
    return read_free_lists(scene.view(), snapshot);
  }
  // An IRP as the crashing thread's stack has it.
  void name_on_stack(Address irp) {
    Address thread = scene.thread("8");
    o.push(thread, irp);
    ThreadState& state = scene.threads.back();
    state.crashed = true;
    state.stack_low = o.pointer_at(thread + o.at.stack_limit);
    state.stack_high = o.pointer_at(thread + o.at.stack_base);
    snapshot.threads.push_back(state);
  }

  KernelScene scene;
  synth::FreeMemory memory;
  synth::KernelObjects& o;
  Address ring, other_ring, small = 0, large = 0, mdl = 0, drivers = 0, heads = 0;
  std::uint32_t size;
  std::vector<Address> free_blocks;
  Snapshot snapshot;
};

const Damage* damage_at(const FreeLists& lists, Address entry) {
  for (const Damage& damage : lists.damage)
    if (damage.entry == entry) return &damage;
  return nullptr;
}

class FreeMemoryOf : public testing::TestWithParam<Build> {};
INSTANTIATE_TEST_SUITE_P(Builds, FreeMemoryOf,
                         testing::Values(Build::nt4_x86, Build::ws2003sp2_x86, Build::win7sp1_x64));

TEST_P(FreeMemoryOf, HealthyMachineHasNoDamage) {
  Machine machine(GetParam());
  FreeLists lists = machine.read();
  for (const Damage& damage : lists.damage) ADD_FAILURE() << damage.how << ": " << damage.why;
  // Lists of lookaside blocks, and those of the pool where the dump leads to them.
  EXPECT_GE(lists.seen, 4u);
  EXPECT_EQ(lists.free_irps.size(), 3u);
  for (Address irp : lists.free_irps) {
    auto found = read_freed_irp(machine.scene.view(), irp, "test");
    ASSERT_TRUE(found);
    IrpState state = state_of(machine.scene.view(), *found, lists);
    EXPECT_TRUE(state.freed);
    EXPECT_FALSE(state.twice);
    EXPECT_EQ(found->locations.front().completion_routine, kSfmsrv + 0x100);
  }
}

TEST_P(FreeMemoryOf, IrpFreedTwiceInARow) {
  Machine machine(GetParam());
  Address device = machine.memory.device("\\Driver\\sfmsrv", kSfmsrv);
  Address irp = machine.memory.irp(3, kSfmsrv + 0x4321, device);
  machine.memory.complete(irp);
  machine.memory.push(machine.large, irp);
  machine.memory.push(machine.large, irp);
  FreeLists lists = machine.read();
  ASSERT_EQ(lists.damage.size(), 1u);
  const Damage& damage = lists.damage[0];
  EXPECT_EQ(damage.what, "irp_lookaside");
  EXPECT_EQ(damage.how, "looped");
  EXPECT_EQ(damage.entry, irp);
  EXPECT_EQ(damage.list, machine.large);
  EXPECT_EQ(damage.tag, "Irpl");
  EXPECT_EQ(damage.block_type, "IRP");
  EXPECT_EQ(damage.trust, GetParam() == Build::nt4_x86 ? "self_checked" : "read");
  auto irps = irps_by_evidence(machine.scene.view(), machine.snapshot, lists);
  ASSERT_EQ(irps.size(), 1u);
  EXPECT_EQ(irps[0].address, irp);
  EXPECT_TRUE(irps[0].overwritten);
  EXPECT_TRUE(irps[0].completed);
  ASSERT_EQ(irps[0].locations.size(), 1u);
  EXPECT_EQ(irps[0].locations[0].completion_routine, kSfmsrv + 0x4321);
  EXPECT_EQ(irps[0].locations[0].driver, "\\Driver\\sfmsrv");
  EXPECT_EQ(irps[0].locations[0].driver_start, kSfmsrv);
  IrpState state = state_of(machine.scene.view(), irps[0], lists);
  EXPECT_TRUE(state.freed);
  EXPECT_TRUE(state.twice);
  EXPECT_NE(state.where.find("Irpl"), std::string::npos) << state.where;
}

// Other requests were freed in between: the list runs in a circle that comes back to the one.
TEST_P(FreeMemoryOf, IrpFreedAgainLater) {
  Machine machine(GetParam());
  Address irp = machine.memory.irp(3, kSfmsrv + 0x4321), between = machine.memory.irp(3, 0);
  for (Address freed : {irp, between, irp}) machine.memory.push(machine.large, freed);
  FreeLists lists = machine.read();
  ASSERT_EQ(lists.damage.size(), 1u);
  EXPECT_EQ(lists.damage[0].how, "looped");
  EXPECT_EQ(lists.damage[0].entry, irp);
  auto twice = read_freed_irp(machine.scene.view(), irp, "");
  auto once = read_freed_irp(machine.scene.view(), between, "");
  ASSERT_TRUE(twice && once);
  EXPECT_TRUE(state_of(machine.scene.view(), *twice, lists).twice);
  EXPECT_TRUE(state_of(machine.scene.view(), *once, lists).freed);
  EXPECT_FALSE(state_of(machine.scene.view(), *once, lists).twice);
}

TEST_P(FreeMemoryOf, IrpOnTheListsOfTwoProcessors) {
  Machine machine(GetParam());
  Address second = machine.memory.lookaside("Irpl", machine.size, machine.ring, true);
  Address irp = machine.memory.irp(3, kSfmsrv + 0x4321);
  machine.memory.push(machine.large, irp);
  machine.memory.push(second, irp);
  FreeLists lists = machine.read();
  const Damage* damage = damage_at(lists, irp);
  ASSERT_TRUE(damage);
  EXPECT_EQ(damage->how, "doubled");
  EXPECT_EQ(damage->block_type, "IRP");
}

// Freed twice, then given out once: its new owner works with it while the list still holds it.
TEST_P(FreeMemoryOf, IrpInUseOnAFreeList) {
  Machine machine(GetParam());
  Address irp = machine.memory.irp(3, kSfmsrv + 0x4321);
  std::uint64_t header = machine.o.pointer_at(irp);
  machine.memory.push(machine.large, irp);
  machine.memory.push(machine.large, irp);
  EXPECT_EQ(machine.memory.pop(machine.large), irp);
  machine.o.put_pointer(irp, header);
  FreeLists lists = machine.read();
  ASSERT_EQ(lists.damage.size(), 1u);
  EXPECT_EQ(lists.damage[0].how, "allocated_entry");
  EXPECT_EQ(lists.damage[0].entry, irp);
  EXPECT_EQ(lists.damage[0].block_type, "IRP");
  auto live = read_irp(machine.scene.view(), irp, "", false);
  ASSERT_TRUE(live);
  IrpState state = state_of(machine.scene.view(), *live, lists);
  EXPECT_TRUE(state.freed);
  EXPECT_FALSE(state.twice); // one free too early looks the same
}

TEST_P(FreeMemoryOf, BlockWrittenToAfterItWasFreed) {
  Machine machine(GetParam());
  Address block = machine.memory.block(2 * machine.memory.unit(), "Mdl ");
  machine.memory.push(machine.mdl, block);
  machine.o.put(block, 0x41414141, 4);
  FreeLists lists = machine.read();
  ASSERT_EQ(lists.damage.size(), 1u);
  EXPECT_EQ(lists.damage[0].what, "lookaside");
  EXPECT_EQ(lists.damage[0].how, "broken_link");
  EXPECT_EQ(lists.damage[0].block_type, "");
}

// The IRP in use was given out once more, and its first word is the list's head now.
TEST(FreeMemoryForms, HeadThatLeadsToAnIrpsType) {
  Machine machine(Build::nt4_x86);
  Address irp = machine.memory.irp(3, kSfmsrv + 0x4321);
  std::uint64_t header = machine.o.pointer_at(irp);
  for (int i = 0; i < 3; ++i) machine.memory.push(machine.large, irp);
  machine.memory.pop(machine.large);
  machine.o.put_pointer(irp, header);
  machine.memory.pop(machine.large);
  FreeLists lists = machine.read();
  ASSERT_EQ(lists.damage.size(), 1u);
  EXPECT_EQ(lists.damage[0].what, "irp_lookaside");
  EXPECT_EQ(lists.damage[0].how, "allocated_entry");
  EXPECT_EQ(lists.damage[0].entry, 0u);
  EXPECT_EQ(lists.damage[0].block_type, "IRP");
  EXPECT_NE(lists.damage[0].why.find("type and size of an IRP"), std::string::npos);
}

// A lookaside list that is full gives to the pool: once there and once here.
TEST(FreePool, IrpOnALookasideListAndInThePool) {
  for (bool pool_first : {false, true}) {
    Machine machine(Build::nt4_x86);
    Address irp = machine.memory.irp(3, kSfmsrv + 0x4321);
    Address next = machine.memory.block(machine.memory.irp_block(3), "Free");
    machine.memory.free_block(next);
    if (pool_first) machine.memory.free_block(irp);
    machine.memory.push(machine.large, irp);
    if (!pool_first) machine.memory.free_block(irp);
    FreeLists lists = machine.read();
    const Damage* damage = damage_at(lists, irp);
    ASSERT_TRUE(damage) << pool_first;
    EXPECT_EQ(damage->block_type, "IRP");
    for (const Damage& other : lists.damage) EXPECT_EQ(other.entry, irp) << other.why;
    auto freed = read_freed_irp(machine.scene.view(), irp, "");
    ASSERT_TRUE(freed);
    EXPECT_TRUE(state_of(machine.scene.view(), *freed, lists).twice) << pool_first;
  }
}

// Freed while its thread still has it in its list.
TEST_P(FreeMemoryOf, FreedIrpOfAThread) {
  Machine machine(GetParam());
  Address irp = machine.memory.irp(3, kSfmsrv + 0x4321), thread = machine.scene.thread("8");
  machine.o.append(thread + machine.o.at.irp_list, irp + (machine.o.at.pointer == 8 ? 0x20 : 0x10));
  machine.memory.push(machine.large, irp);
  FreeLists lists = machine.read();
  auto irps = irps_of_threads(machine.scene.view(), machine.scene.threads);
  ASSERT_EQ(irps.size(), 1u);
  EXPECT_TRUE(irps[0].overwritten);
  EXPECT_EQ(irps[0].thread_id, "8");
  EXPECT_TRUE(state_of(machine.scene.view(), irps[0], lists).freed);
  EXPECT_FALSE(state_of(machine.scene.view(), irps[0], lists).twice);
}

// The pool's lists: NT 4's are found in the kernel's data by the blocks on them.
TEST(FreePool, IrpFreedTwiceToThePool) {
  for (bool at_end : {false, true}) {
    Machine machine(Build::nt4_x86);
    Address irp = machine.memory.irp(3, kSfmsrv + 0x4321);
    machine.memory.free_block(irp, at_end);
    machine.memory.free_block(irp, at_end);
    FreeLists lists = machine.read();
    ASSERT_EQ(lists.damage.size(), 1u) << at_end;
    EXPECT_EQ(lists.damage[0].what, "pool_freelist");
    EXPECT_EQ(lists.damage[0].how, "looped");
    EXPECT_EQ(lists.damage[0].entry, irp);
    EXPECT_EQ(lists.damage[0].block_type, "IRP");
    EXPECT_EQ(lists.damage[0].tag, "Irp ");
    EXPECT_EQ(lists.damage[0].trust, "self_checked");
    auto irps = irps_by_evidence(machine.scene.view(), machine.snapshot, lists);
    ASSERT_EQ(irps.size(), 1u);
    EXPECT_TRUE(state_of(machine.scene.view(), irps[0], lists).twice);
  }
}

// Wherever the array begins: its heads may lie across pages.
TEST(FreePool, HeadsAtEveryPointer) {
  for (Build build : {Build::nt4_x86, Build::ws2003sp2_x86})
    for (std::uint32_t apart : {0u, 4u}) {
      Machine machine(build, apart);
      Address irp = machine.memory.irp(3, kSfmsrv + 0x4321);
      for (int i = 0; i < 2; ++i) machine.memory.free_block(irp);
      FreeLists lists = machine.read();
      ASSERT_EQ(lists.damage.size(), 1u) << apart;
      EXPECT_EQ(lists.damage[0].entry, irp);
    }
}

TEST(FreePool, FreedAgainWithOthersBetween) {
  struct Case {
    bool first_at_end, second_at_end;
    const char* how;
  };
  for (const Case& c : {Case{false, false, "looped"}, Case{false, true, "doubled"}}) {
    Machine machine(Build::nt4_x86);
    auto block = [&] { return machine.memory.block(6 * machine.memory.unit(), "Irp "); };
    Address before = block(), twice = block(), after = block();
    machine.memory.free_block(after);
    machine.memory.free_block(twice, c.first_at_end);
    machine.memory.free_block(before);
    machine.memory.free_block(twice, c.second_at_end);
    FreeLists lists = machine.read();
    const Damage* damage = damage_at(lists, twice);
    ASSERT_TRUE(damage) << c.how;
    EXPECT_EQ(damage->how, c.how);
    EXPECT_EQ(lists.damage.size(), 1u) << c.how;
  }
}

TEST(FreePool, BlockInUseOnAList) {
  Machine machine(Build::nt4_x86);
  Address block = machine.free_blocks[4];
  machine.o.put(block - 8 + 2, 5, 1); // PoolType
  FreeLists lists = machine.read();
  ASSERT_EQ(lists.damage.size(), 1u);
  EXPECT_EQ(lists.damage[0].how, "allocated_entry");
  EXPECT_EQ(lists.damage[0].entry, block);
}

// Another CPU was linking a block in, or out, when the machine stopped.
TEST(FreePool, HalfLinkedIsNoDamage) {
  for (int order : {0, 1, 2}) {
    Machine machine(Build::nt4_x86);
    Address first = machine.free_blocks[0], block = machine.memory.block(3 * 32, "Free", 0);
    Address head = machine.o.pointer_at(first + 4);
    ASSERT_GE(head, machine.heads);
    machine.o.put_pointer(block, first);
    machine.o.put_pointer(block + 4, head);
    if (order == 1) machine.o.put_pointer(head, block);
    if (order == 2) machine.o.put_pointer(first + 4, block);
    FreeLists lists = machine.read();
    for (const Damage& damage : lists.damage) ADD_FAILURE() << order << damage.how << damage.why;
  }
}

TEST(FreePool, TornLinkIsDamage) {
  Machine machine(Build::nt4_x86);
  machine.o.put_pointer(machine.free_blocks[0] + 4, machine.free_blocks[1]);
  FreeLists lists = machine.read();
  ASSERT_EQ(lists.damage.size(), 1u);
  EXPECT_EQ(lists.damage[0].how, "broken_link");
}

// An array of list heads whose blocks are no free pool is none of the pool's.
TEST(FreePool, WhatDoesNotProveItselfIsNotRead) {
  Machine machine(Build::nt4_x86);
  for (Address block : machine.free_blocks) machine.o.put(block - 8 + 3, 0x33, 1); // sizes
  Address irp = machine.memory.irp(3, 0);
  machine.memory.free_block(irp);
  machine.memory.free_block(irp);
  FreeLists lists = machine.read();
  EXPECT_TRUE(lists.damage.empty());
  EXPECT_FALSE(lists.complete);
}

// No list head can be found: the kernel's data are not in the dump, the stack names the IRP.
TEST_P(FreeMemoryOf, IrpThatLinksToItselfIsToldByTheStack) {
  Machine machine(GetParam());
  Address irp = machine.memory.irp(3, kSfmsrv + 0x4321);
  machine.memory.push(machine.large, irp);
  machine.memory.push(machine.large, irp);
  machine.name_on_stack(irp);
  machine.snapshot.modules.clear();
  FreeLists lists = machine.read();
  ASSERT_EQ(lists.damage.size(), 1u);
  EXPECT_EQ(lists.damage[0].what, "irp_lookaside");
  EXPECT_EQ(lists.damage[0].trust, "self_checked");
  EXPECT_FALSE(lists.complete);
  auto irps = irps_by_evidence(machine.scene.view(), machine.snapshot, lists);
  ASSERT_EQ(irps.size(), 1u);
  EXPECT_TRUE(state_of(machine.scene.view(), irps[0], lists).twice);
}

TEST_P(FreeMemoryOf, LiveIrpOnTheStackIsNotFreed) {
  Machine machine(GetParam());
  Address irp = machine.memory.irp(3, kSfmsrv + 0x4321);
  machine.name_on_stack(irp);
  FreeLists lists = machine.read();
  EXPECT_TRUE(lists.damage.empty());
  auto irps = irps_by_evidence(machine.scene.view(), machine.snapshot, lists);
  ASSERT_EQ(irps.size(), 1u);
  EXPECT_EQ(irps[0].from, "stack of thread 8");
  IrpState state = state_of(machine.scene.view(), irps[0], lists);
  EXPECT_FALSE(state.freed);
  EXPECT_FALSE(state.twice);
}

TEST_P(FreeMemoryOf, IrpInAFreePoolBlock) {
  Machine machine(GetParam());
  Address irp = machine.memory.block(machine.memory.irp_block(3), "Irp ", 0);
  Address copy = machine.memory.irp(3, kSfmsrv + 0x4321);
  for (std::uint32_t i = 0; i < machine.size; ++i)
    machine.o.put(irp + i, machine.o.get(copy + i, 1), 1);
  FreeLists lists = machine.read();
  auto found = read_irp(machine.scene.view(), irp, "", false);
  if (GetParam() == Build::nt4_x86) { // there the pointer to the location must agree
    EXPECT_FALSE(found);
    return;
  }
  ASSERT_TRUE(found);
  IrpState state = state_of(machine.scene.view(), *found, lists);
  EXPECT_TRUE(state.freed);
  EXPECT_EQ(state.where, "its pool block is free");
}

// Where KDBG names the descriptor nothing needs to be found, and all lists can be read to their
// end.
TEST(FreePool, ByItsDescriptor) {
  for (Build build : {Build::ws2003sp2_x86, Build::win7sp1_x64}) {
    for (int frees : {0, 1, 2}) {
      Machine machine(build);
      machine.scene.kdbg_variables[0x1C0] =
          machine.heads - (build == Build::ws2003sp2_x86 ? 0x30 : 0x140); // ListHeads
      Address irp = machine.memory.irp(3, kSfmsrv + 0x4321);
      for (int i = 0; i < frees; ++i) machine.memory.free_block(irp);
      FreeLists lists = machine.read();
      EXPECT_EQ(lists.damage.size(), frees == 2 ? 1u : 0u);
      EXPECT_EQ(lists.complete, frees < 2) << lists.missing;
      EXPECT_EQ(lists.free_irps.size(), frees == 1 ? 4u : 3u);
      if (frees != 2) continue;
      EXPECT_EQ(lists.damage[0].what, "pool_freelist");
      EXPECT_EQ(lists.damage[0].trust, "read");
      EXPECT_EQ(lists.damage[0].block_type, "IRP");
      EXPECT_GT(lists.seen, 200u);
    }
  }
}

TEST(StopsOfIrps, WhatTheStopSays) {
  struct Case {
    std::uint32_t code;
    std::array<std::uint64_t, 4> parameters;
    bool completed, freed, twice;
  };
  for (int i = 0; i < 4; ++i) {
    Machine machine(Build::ws2003sp2_x86);
    Address irp = machine.memory.irp(3, kSfmsrv + 0x4321);
    const Case cases[] = {{0x44, {irp}, true, false, true},
                          {0x44, {irp}, false, false, false},
                          {0xC2, {7, 0, 0, irp}, false, true, true},
                          {0xC2, {6, 0, irp - 8, 0}, false, true, true}};
    const Case& c = cases[i];
    if (c.completed) machine.memory.complete(irp);
    machine.scene.bugcheck = c.code;
    machine.scene.parameters = c.parameters;
    machine.snapshot.stop.kind = StopKind::bugcheck;
    machine.snapshot.stop.code = c.code;
    machine.snapshot.stop.parameters.assign(c.parameters.begin(), c.parameters.end());
    FreeLists lists = machine.read();
    auto irps = irps_by_evidence(machine.scene.view(), machine.snapshot, lists);
    ASSERT_EQ(irps.size(), 1u) << i;
    EXPECT_EQ(irps[0].address, irp);
    IrpState state = state_of(machine.scene.view(), irps[0], lists);
    EXPECT_EQ(state.freed, c.freed) << i;
    EXPECT_EQ(state.twice, c.twice) << i;
  }
}

// Damage is looked for at every cut of the memory: nothing false, nothing lost but what is cut off.
TEST(FreeMemoryForms, MemoryCutOff) {
  for (std::uint32_t left = 0; left < synth::FreeMemory::kKernelSize; left += 0x80) {
    Machine cut(Build::nt4_x86);
    cut.memory.fill_page();
    cut.o.cut(cut.memory.kernel_base(), left);
    FreeLists lists = read_free_lists(cut.scene.view(), cut.snapshot);
    for (const Damage& damage : lists.damage) ADD_FAILURE() << left << damage.why;
    EXPECT_FALSE(lists.complete);
  }
}

TEST(FreeMemoryForms, EightByteListsOfX64) {
  Machine machine(Build::win7sp1_x64);
  machine.memory.eight_byte_slists = true;
  Address list = machine.memory.lookaside("IrpE", machine.size, machine.ring);
  // The heads reach 8 TiB only: blocks lie in the kernel's own.
  Address block = machine.memory.data(0x200), other = machine.memory.data(0x200);
  for (Address freed : {block, other, block}) machine.memory.push(list, freed);
  FreeLists lists = machine.read();
  const Damage* damage = damage_at(lists, block);
  ASSERT_TRUE(damage);
  EXPECT_EQ(damage->how, "looped");
  EXPECT_EQ(damage->list, list);
}

} // namespace
} // namespace dumptriage::system
