// Critical sections in user dumps: laid down byte by byte, and in a process that really hung.
#include "system/critical_sections.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "dump/dump.h"
#include "synth/bytes_out.h"

namespace dumptriage::system {
namespace {

using synth::Bytes;

constexpr std::uint64_t kNtdll = 0x77000000, kApp = 0x400000, kStacks = 0x100000, kLocks = 0x500000,
                        kRecords = 0x600000;

// A process of sleeping threads; sections at kLocks + 0x100 * n, their records at kRecords + 0x100
// * n, all in one ring.
struct Process {
  Snapshot snapshot;
  int size;
  Bytes locks = Bytes(0x1000), records = Bytes(0x1000);
  std::vector<Bytes> stacks;

  explicit Process(arch::Machine machine = arch::Machine::x64) {
    snapshot.machine = machine;
    size = arch::pointer_size_of(machine);
    snapshot.modules = {{.path = "C:\\app.exe", .base = kApp, .size = 0x200000},
                        {.path = "C:\\Windows\\NTDLL.dll", .base = kNtdll, .size = 0x10000}};
  }
  static std::uint64_t lock(int n) { return kLocks + 0x100 * static_cast<std::uint64_t>(n); }

  // `points_at`: words on its stack.
  void thread(std::uint32_t id, std::vector<std::uint64_t> points_at,
              std::uint64_t pc = kNtdll + 0x10) {
    ThreadState state;
    state.id = std::to_string(id);
    state.process = "app.exe";
    const arch::Arch* arch = arch::find(snapshot.machine);
    state.context.emplace();
    state.context->set(arch->pc, pc);
    state.stack_low = kStacks + 0x1000 * stacks.size();
    state.stack_high = state.stack_low + 0x1000;
    state.context->set(arch->sp, state.stack_low);
    Bytes stack(0x1000);
    for (std::size_t i = 0; i < points_at.size(); ++i)
      synth::put(stack, 0x40 + 0x40 * i, points_at[i], static_cast<std::size_t>(size));
    stacks.push_back(stack);
    snapshot.threads.push_back(std::move(state));
  }
  void section(int n, std::uint32_t lock_count, std::uint32_t recursion, std::uint64_t owner,
               std::uint64_t event = 0x54, bool record = true) {
    auto p = static_cast<std::size_t>(size);
    std::size_t at = 0x100 * static_cast<std::size_t>(n);
    synth::put(locks, at, record ? kRecords + at : ~0ull, p);
    synth::put32(locks, at + p, lock_count);
    synth::put32(locks, at + p + 4, recursion);
    synth::put(locks, at + p + 8, owner, p);
    synth::put(locks, at + 2 * p + 8, event, p);
    synth::put(records, at + p, lock(n), p);
    synth::put(records, at + 2 * p, kRecords + at + 2 * p, p);
    synth::put(records, at + 3 * p, kRecords + at + 2 * p, p);
  }
  const Waits& read() {
    auto memory = std::make_shared<memory::FlatRanges>();
    auto add = [&](std::uint64_t address, const Bytes& bytes) {
      memory->add(address, ByteView(bytes.data(), bytes.size()));
    };
    add(kLocks, locks);
    add(kRecords, records);
    for (std::size_t i = 0; i < stacks.size(); ++i) add(kStacks + 0x1000 * i, stacks[i]);
    memory->seal();
    snapshot.memory = memory;
    read_critical_sections(snapshot);
    return snapshot.waits;
  }
  // "1>lock" or "lock>2" in reading order.
  std::vector<std::string> edges() const {
    std::vector<std::string> out;
    for (const WaitEdge& edge : snapshot.waits.edges) {
      const auto& nodes = snapshot.waits.nodes;
      out.push_back(nodes[edge.from].id + " " + std::string(name_of(edge.relation)) + " " +
                    nodes[edge.to].id);
    }
    return out;
  }
};

// Both readings of LockCount: one waiter each.
constexpr std::uint32_t kOldOne = 1, kNewOne = static_cast<std::uint32_t>(-6);

TEST(CriticalSections, ACycleOfTwo) {
  for (arch::Machine machine : {arch::Machine::x64, arch::Machine::x86}) {
    for (std::uint32_t count : {kOldOne, kNewOne}) {
      Process p(machine);
      p.thread(11, {p.lock(1), p.lock(0)}); // owns 0: its own section is on its stack as well
      p.thread(22, {p.lock(0), p.lock(1)});
      p.section(0, count, 1, 11);
      p.section(1, count, 1, 22);
      const Waits& waits = p.read();
      std::string a = machine == arch::Machine::x64 ? "critical_section@0000000000500000"
                                                    : "critical_section@00500000";
      std::string b = machine == arch::Machine::x64 ? "critical_section@0000000000500100"
                                                    : "critical_section@00500100";
      EXPECT_EQ(p.edges(),
                (std::vector<std::string>{"thread:22 waits_for " + a, a + " held_by thread:11",
                                          "thread:11 waits_for " + b, b + " held_by thread:22"}));
      for (const WaitEdge& edge : waits.edges) EXPECT_EQ(edge.trust, WaitTrust::read);
      ASSERT_EQ(waits.cycles.size(), 1u);
      EXPECT_EQ(waits.cycles[0].nodes.size(), 4u);
      EXPECT_EQ(waits.nodes[0].kind, WaitKind::critical_section);
      EXPECT_EQ(waits.nodes[0].address, p.lock(0));
      EXPECT_EQ(waits.nodes[0].label, machine == arch::Machine::x64
                                          ? "critical section 0x0000000000500000 (app.exe+0x100000)"
                                          : "critical section 0x00500000 (app.exe+0x100000)");
      EXPECT_EQ(waits.nodes[0].state, "owned, 1 waiting");
      EXPECT_TRUE(p.snapshot.notes.empty());
    }
  }
}

TEST(CriticalSections, RecursionAndSeveralWaiters) {
  Process p;
  p.thread(11, {});
  p.thread(22, {p.lock(0)});
  p.thread(33, {p.lock(0)});
  p.section(0, 4, 3, 11); // 5 entries: 3 by the owner, 2 wait
  p.read();
  ASSERT_EQ(p.snapshot.waits.edges.size(), 3u);
  EXPECT_EQ(p.snapshot.waits.edges[2].count, 3u);
  EXPECT_TRUE(p.snapshot.waits.cycles.empty());
}

TEST(CriticalSections, WhatIsNoLockedSectionWithWaitersIsNone) {
  struct Case {
    const char* what;
    std::uint32_t lock_count, recursion;
    std::uint64_t owner, event;
    bool record;
  };
  const Case cases[] = {
      {"free", 0xFFFFFFFF, 0, 0, 0, true},
      {"nobody waits", 0, 1, 11, 0, true},
      {"nobody waits, new count", static_cast<std::uint32_t>(-2), 1, 11, 0, true},
      {"new count, not locked", static_cast<std::uint32_t>(-5), 1, 11, 0x54, true},
      {"more recursions than entries", 1, 3, 11, 0x54, true},
      {"more waiters than threads", 50, 1, 11, 0x54, true},
      {"no owner", kOldOne, 1, 0, 0x54, true},
      {"an owner of 64 bits", kOldOne, 1, 0x500000000, 0x54, true},
      {"no handle", kOldOne, 1, 11, 0x55, true},
      {"no record and no such owner", kOldOne, 1, 99, 0x54, false},
  };
  for (const Case& one : cases) {
    Process p;
    p.thread(11, {});
    p.thread(22, {p.lock(0)});
    p.section(0, one.lock_count, one.recursion, one.owner, one.event, one.record);
    EXPECT_TRUE(p.read().empty()) << one.what;
  }
  auto broken = [](std::size_t at, std::uint64_t value) {
    Process p;
    p.thread(11, {});
    p.thread(22, {p.lock(0)});
    p.section(0, kOldOne, 1, 11);
    synth::put64(p.records, at, value);
    return p.read().empty();
  };
  EXPECT_FALSE(broken(0x80, 0));
  EXPECT_TRUE(broken(0x00, 1));            // Type
  EXPECT_TRUE(broken(0x08, kLocks + 8));   // CriticalSection
  EXPECT_TRUE(broken(0x10, kRecords + 8)); // ProcessLocksList
}

TEST(CriticalSections, WithoutADebugRecordTheFactsAreSelfChecked) {
  Process p;
  p.thread(11, {});
  p.thread(22, {p.lock(0)});
  p.section(0, kNewOne, 1, 11, ~0ull, false);
  const Waits& waits = p.read();
  ASSERT_EQ(waits.edges.size(), 2u);
  EXPECT_EQ(waits.edges[0].trust, WaitTrust::self_checked);
  EXPECT_EQ(waits.edges[1].trust, WaitTrust::self_checked);
}

// More threads point at it than wait: which of them do is not known, and no cycle is made of it.
TEST(CriticalSections, TooManyThreadsThatPointAtItAreNotWaiters) {
  Process p;
  p.thread(11, {p.lock(1)});
  p.thread(22, {p.lock(0)});
  p.thread(33, {p.lock(0)});
  p.section(0, kOldOne, 1, 11);
  p.section(1, kOldOne, 1, 22);
  const Waits& waits = p.read();
  EXPECT_EQ(p.edges(),
            (std::vector<std::string>{"critical_section@0000000000500000 held_by thread:11",
                                      "thread:11 waits_for critical_section@0000000000500100",
                                      "critical_section@0000000000500100 held_by thread:22"}));
  EXPECT_TRUE(waits.cycles.empty());
  ASSERT_EQ(p.snapshot.notes.size(), 1u);
  EXPECT_TRUE(p.snapshot.notes[0].message.ends_with("which of them wait is not known"));
}

// A thread that must be the waiter of one section is none of another.
TEST(CriticalSections, AThreadWaitsForOne) {
  Process p;
  p.thread(11, {});
  p.thread(22, {p.lock(1), p.lock(0)}); // only it can wait for 1
  p.thread(33, {p.lock(0)});
  p.section(0, kOldOne, 1, 11);
  p.section(1, kOldOne, 1, 11);
  p.read();
  EXPECT_EQ(p.edges(),
            (std::vector<std::string>{"thread:33 waits_for critical_section@0000000000500000",
                                      "critical_section@0000000000500000 held_by thread:11",
                                      "thread:22 waits_for critical_section@0000000000500100",
                                      "critical_section@0000000000500100 held_by thread:11"}));
  for (const WaitEdge& edge : p.snapshot.waits.edges) EXPECT_EQ(edge.trust, WaitTrust::read);
}

TEST(CriticalSections, AThreadThatRunsWaitsForNothing) {
  Process p;
  p.thread(11, {});
  p.thread(22, {p.lock(0)}, kApp + 0x1000);
  p.section(0, kOldOne, 1, 11);
  EXPECT_TRUE(p.read().empty());
}

TEST(CriticalSections, AnOwnerThatIsGoneIsANote) {
  Process p;
  p.thread(11, {});
  p.thread(22, {p.lock(0)});
  p.section(0, kOldOne, 1, 99);
  const Waits& waits = p.read();
  ASSERT_EQ(waits.edges.size(), 2u);
  EXPECT_EQ(waits.nodes[waits.edges[1].to].label, "thread 99");
  ASSERT_EQ(p.snapshot.notes.size(), 1u);
  EXPECT_EQ(p.snapshot.notes[0].message,
            "critical section 0x0000000000500000 (app.exe+0x100000): its owner, thread 99, is not "
            "in the dump; it may have ended");
}

TEST(CriticalSections, EveryByteOfASectionMayBeAnything) {
  for (std::size_t at = 0; at < 0x30; ++at) {
    for (int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      Process p;
      p.thread(11, {p.lock(1)});
      p.thread(22, {p.lock(0)});
      p.section(0, kOldOne, 1, 11);
      p.section(1, kOldOne, 1, 22);
      p.locks[at] = static_cast<std::uint8_t>(value);
      p.records[at] = static_cast<std::uint8_t>(value);
      EXPECT_LE(p.read().cycles.size(), 1u);
    }
  }
}

// The deadlock of tools/samples/user/crash.c: thread 228 owns A and waits for B, 232 the other way
// round (the truth file's words); A and B are g_a and g_b of the program's map.
TEST(CriticalSections, ARealDeadlock) {
  std::string path =
      std::string(DUMPTRIAGE_SHARED_DIR) + "/oracles/user/clang-x86_64/dumps/deadlock-2.dmp.xz";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "skipped: " << path << " is not there";
  auto dump = dump::open(path);
  ASSERT_TRUE(dump) << dump.error().message();
  Snapshot snapshot = take_snapshot(*dump);
  Process p;
  p.snapshot.waits = snapshot.waits;
  EXPECT_EQ(p.edges(),
            (std::vector<std::string>{"thread:232 waits_for critical_section@0000000140005150",
                                      "critical_section@0000000140005150 held_by thread:228",
                                      "thread:228 waits_for critical_section@0000000140005198",
                                      "critical_section@0000000140005198 held_by thread:232"}));
  ASSERT_EQ(snapshot.waits.cycles.size(), 1u);
  EXPECT_EQ(snapshot.waits.cycles[0].trust, WaitTrust::read);
}

} // namespace
} // namespace dumptriage::system
