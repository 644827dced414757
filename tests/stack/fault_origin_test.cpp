// Where the fault is, on stacks and task states laid down by hand.
#include <gtest/gtest.h>

#include "../arch/fake.h"
#include "stack/fault_origin.h"

namespace dumptriage::stack {
namespace {

constexpr std::uint64_t kFault = 0xFFFFF88001080684;

struct Row {
  const char* module;
  std::uint64_t pc;
  bool exact = false;
};
Stack make(const std::vector<Row>& rows, std::size_t sure = SIZE_MAX) {
  Stack stack;
  for (const Row& row : rows) {
    Frame frame;
    frame.pc = row.pc;
    frame.sp = 0xFFFFF88002C15000 + 0x100 * stack.frames.size();
    frame.exact_pc = row.exact;
    frame.module = 0;
    frame.module_name = row.module;
    stack.frames.push_back(frame);
  }
  stack.sure_frames = std::min(sure, rows.size());
  return stack;
}
const std::vector<Row> kRows = {{"ntoskrnl.exe", 0xFFFFF80002850000, true},
                                {"ntoskrnl.exe", 0xFFFFF80002853192},
                                {"ntoskrnl.exe", 0xFFFFF80002852FB5},
                                {"netbt.sys", kFault, true},
                                {"netbt.sys", 0xFFFFF880010805D2}};

system::Snapshot stopped(std::uint32_t code, std::vector<std::uint64_t> parameters) {
  system::Snapshot snapshot;
  snapshot.machine = arch::Machine::x64;
  snapshot.kernel = true;
  snapshot.stop.kind = system::StopKind::bugcheck;
  snapshot.stop.code = code;
  snapshot.stop.parameters = std::move(parameters);
  return snapshot;
}

TEST(FaultOrigin, TheTrapAtTheAddressThatTheStopNames) {
  const auto origin = find_fault_origin(make(kRows), stopped(0xD1, {0x44, 2, 0, kFault}));
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->frame, 3u);
  EXPECT_EQ(origin->from, "trap frame, found by unwinding");
}

TEST(FaultOrigin, AnInterruptedFrameThatTheStopDoesNotNameIsNotTheFault) {
  EXPECT_FALSE(find_fault_origin(make(kRows), stopped(0xD1, {0x44, 2, 0, kFault + 2})));
  EXPECT_FALSE(find_fault_origin(make(kRows), stopped(0x133, {0, 0, 0, 0})));
  EXPECT_FALSE(find_fault_origin(make(kRows), stopped(0xE2, {0, 0, 0, 0})));
}

TEST(FaultOrigin, OnlySureFrames) {
  EXPECT_FALSE(find_fault_origin(make(kRows, 3), stopped(0xD1, {0x44, 2, 0, kFault})));
  EXPECT_TRUE(find_fault_origin(make(kRows, 4), stopped(0xD1, {0x44, 2, 0, kFault})));
}

TEST(FaultOrigin, AReturnAddressIsNotInterrupted) {
  auto rows = kRows;
  rows[3].exact = false;
  EXPECT_FALSE(find_fault_origin(make(rows), stopped(0xD1, {0x44, 2, 0, kFault})));
}

TEST(FaultOrigin, BelowAnotherTrap) {
  auto rows = kRows;
  rows.insert(rows.begin() + 3, {"hal.dll", 0xFFFFF80002803000, true});
  const auto origin = find_fault_origin(make(rows), stopped(0xD1, {0x44, 2, 0, kFault}));
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->frame, 4u);
}

TEST(FaultOrigin, AKernelModeTrapIsRaisedByItsHandlerOnly) {
  auto origin = find_fault_origin(make(kRows), stopped(0x7F, {0xD, 0, 0, 0}));
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->frame, 3u);
  origin = find_fault_origin(make(kRows), stopped(0x1000007F, {8, 0, 0, 0}));
  ASSERT_TRUE(origin);
  EXPECT_NE(origin->from.find("double fault"), std::string::npos);
  auto rows = kRows;
  rows[1].module = "driver.sys"; // which could have called KeBugCheckEx itself
  EXPECT_FALSE(find_fault_origin(make(rows), stopped(0x7F, {0xD, 0, 0, 0})));
}

TEST(FaultOrigin, NoneWithoutAStop) {
  auto snapshot = stopped(0xD1, {0x44, 2, 0, kFault});
  snapshot.stop.kind = system::StopKind::none;
  EXPECT_FALSE(find_fault_origin(make(kRows), snapshot));
  EXPECT_FALSE(find_fault_origin({}, stopped(0x7F, {8})));
}

// Stop 0x8E: exception, address, trap frame.
TEST(FaultOrigin, TheTrapFrameAtTheParameter) {
  constexpr std::uint64_t kTrap = 0xF7A3CC50, kPc = 0xF8765432;
  auto memory = std::make_shared<arch::FakeMemory>();
  memory->words(kTrap, {0xF7A3CD10, kPc, 0xBADB0D00}, 4);
  memory->words(kTrap + 0xC, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23, 0x23, 0, 0, 0, 0, 0, 0x30}, 4);
  memory->words(kTrap + 0x54, {0xD1, 0x51, 0xB, 0xF7A3CD10, 0, kPc, 8, 0x10246}, 4);
  auto snapshot = stopped(0x8E, {0xC0000005, 0xFFFFFFFF00000000 | kPc, kTrap, 0});
  snapshot.machine = arch::Machine::x86;
  snapshot.memory = memory;
  const auto registers = trap_frame_of_stop(snapshot);
  ASSERT_TRUE(registers);
  EXPECT_EQ(registers->get(8), kPc);
  EXPECT_EQ(registers->get(4), kTrap + 0x74);
  snapshot.stop.parameters[1] = kPc + 1; // the two must agree
  EXPECT_FALSE(trap_frame_of_stop(snapshot));
  snapshot.stop.parameters = {0xC0000005, kPc, kTrap + 0x100, 0};
  EXPECT_FALSE(trap_frame_of_stop(snapshot));
}

// ---- Double fault of 32-bit x86.
struct Tss : ::testing::Test {
  static constexpr std::uint64_t kPcr = 0xFFDFF000, kIdt = 0x8003F400, kGdt = 0x8003F000,
                                 kHandlerTask = 0x80050000, kTask = 0x80042000,
                                 kStackTop = 0x80060000;
  std::uint32_t gate = 0x8500, handler_type = 0x8B, task_type = 0x8B, backlink = 0x28, cs = 8,
                ss = 0x10, prcb = kPcr + 0x120, flags = 0x10282, selector = 0x50;

  static std::uint64_t descriptor(std::uint64_t base, std::uint32_t type) {
    return 0x67 | (base & 0xFFFFFF) << 16 | std::uint64_t{type} << 40 | (base >> 24) << 56;
  }
  std::optional<arch::Registers> read(std::uint64_t sp = kStackTop - 0x200) {
    arch::FakeMemory memory;
    memory.words(kPcr + 0x1C, {kPcr, prcb}, 4);
    memory.words(kPcr + 0x38, {kIdt, kGdt, kTask}, 4);
    memory.words(kIdt + 8 * 8, {selector << 16, gate}, 4);
    memory.words(kGdt + 0x28, {descriptor(kTask, task_type)});
    memory.words(kGdt + 0x50, {descriptor(kHandlerTask, handler_type)});
    std::vector<std::uint64_t> handler(24), task(24);
    handler[0] = backlink;
    handler[14] = kStackTop; // Esp
    task[7] = 0x39000;       // CR3
    task[8] = 0xF8765432;    // Eip
    task[9] = flags;
    for (std::size_t i = 0; i < 8; ++i) task[10 + i] = 0xA0 + i; // Eax ... Edi
    task[14] = 0xF7A3C004;                                       // Esp
    task[19] = cs;
    task[20] = ss;
    for (const auto& [at, words] : {std::pair{kHandlerTask, handler}, std::pair{kTask, task}}) {
      std::vector<std::uint8_t> bytes;
      for (std::uint64_t word : words)
        for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
      memory.put(at, bytes);
    }
    return before_double_fault(memory, kPcr, sp);
  }
};

TEST_F(Tss, TheRegistersOfTheTaskBefore) {
  const auto r = read();
  ASSERT_TRUE(r);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(r->get(i), i == 4 ? 0xF7A3C004u : 0xA0u + i) << i;
  EXPECT_EQ(r->get(8), 0xF8765432u);
  EXPECT_EQ(r->get(9), 0x10282u);
}

TEST_F(Tss, EverythingMustAgree) {
  EXPECT_FALSE(read(kStackTop + 4)); // the stop did not run on the handler's stack
  EXPECT_FALSE(read(kStackTop - 0x10000));
  gate = 0x8E00; // an interrupt gate
  EXPECT_FALSE(read());
  gate = 0x8500;
  handler_type = 0x93; // a data segment
  EXPECT_FALSE(read());
  handler_type = 0x8B;
  for (std::uint32_t link : {0u, 0x50u, 0x2Cu, 0x30u}) { // none, itself, a local table, nothing
    backlink = link;
    EXPECT_FALSE(read()) << link;
  }
  backlink = 0x28;
  prcb = kPcr;
  EXPECT_FALSE(read());
  prcb = kPcr + 0x120;
  cs = 0x1B; // with the kernel's stack segment
  EXPECT_FALSE(read());
  cs = 8;
  flags = 0;
  EXPECT_FALSE(read());
  flags = 0x10282;
  EXPECT_TRUE(read());
}

} // namespace
} // namespace dumptriage::stack
