// The x64 unwinder on UNWIND_INFO and code laid down byte by byte, as "x64 exception handling" on
// learn.microsoft.com describes them.
#include <gtest/gtest.h>

#include <functional>

#include "fake.h"

namespace dumptriage::arch {
namespace {

enum { kRax = 0, kRcx = 1, kRbx = 3, kRsp = 4, kRbp = 5, kRsi = 6, kRdi = 7, kR12 = 12, kRip = 16 };
constexpr std::uint64_t kBase = 0x140000000;
constexpr std::uint64_t kCode = kBase + 0x1000; // the function under test: 0x1000 ... 0x1100
constexpr std::uint64_t kInfo = kBase + 0x8000;
constexpr std::uint64_t kStack = 0x10000;

class X64Unwind : public ::testing::Test {
protected:
  FakeMemory memory;
  FakeFunctions functions;
  Registers registers;
  const Arch& arch = *find(Machine::x64);

  void SetUp() override {
    functions.add(0x1000, 0x1100, 0x8000);
    std::vector<std::uint8_t> stack(0x400);
    for (std::size_t i = 0; i < stack.size(); i += 8) {
      stack[i] = static_cast<std::uint8_t>(i / 8);
      stack[i + 3] = 0x77; // slot n holds 0x77000000 + n
    }
    memory.put(kStack, stack);
    registers.set(kRsp, kStack);
    registers.set(kRbp, kStack + 0x80);
    registers.set(kRbx, 0xB);
    registers.set(kRax, 0xA);
  }
  void info(std::vector<std::uint8_t> bytes) { memory.put(kInfo, std::move(bytes)); }
  // nops, so that the bytes at pc are no epilogue
  void body() { memory.put(kCode, std::vector<std::uint8_t>(0x100, 0x90)); }
  UnwindResult unwind(std::uint64_t pc, bool first) {
    registers.set(kRip, pc);
    return arch.unwind_by_data({registers, memory, functions, first});
  }
  static std::uint64_t slot(int n) { return 0x77000000u + n; }
};

TEST_F(X64Unwind, PushesAndAllocations) {
  // push rbp (1), push rbx (2), sub rsp, 0x20 (6), sub rsp, 0x88 (0xD), sub rsp, 8 (0x11)
  info({1, 0x11, 6, 0, 0x11, 0x02, 0x0D, 0x01, 0x11, 0x00, 0x06, 0x32, 0x02, 0x30, 0x01, 0x50, 0,
        0});
  body();
  auto caller = unwind(kCode + 0x40, true);
  ASSERT_TRUE(caller) << caller.error().error.message();
  // 8 + 0x88 + 0x20 = 0xB0 bytes = 22 slots; rbx at 22, rbp at 23, return address at 24
  EXPECT_EQ(caller->registers.get(kRbx), slot(22));
  EXPECT_EQ(caller->registers.get(kRbp), slot(23));
  EXPECT_EQ(caller->registers.get(kRip), slot(24));
  EXPECT_EQ(caller->registers.get(kRsp), kStack + 25 * 8);
  EXPECT_EQ(caller->trust, Trust::unwind_data);
  EXPECT_FALSE(caller->machine_frame);
  // a volatile register is not known in the caller
  EXPECT_FALSE(caller->registers.get(kRax).has_value());
}

// No function table covers this code.
constexpr std::uint64_t kBare = 0x150000000;

TEST_F(X64Unwind, StraightToRetWithoutAFunctionTable) {
  // mov rax,gs:[0xC0]; dec qword [rax]; sti; hlt; lea r9,[rcx+rdx*8+0x10]; cmp r12,0x47; ret
  memory.put(kBare, {0x65, 0x48, 0x8B, 0x04, 0x25, 0xC0, 0,    0,    0,    0x48, 0xFF, 0x08,
                     0xFB, 0xF4, 0x4C, 0x8D, 0x4C, 0xD1, 0x10, 0x4C, 0x3B, 0xE0, 0xC3});
  const auto caller = unwind(kBare, true);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_EQ(caller->registers.get(kRip), slot(0));
  EXPECT_EQ(caller->registers.get(kRsp), kStack + 8);
  EXPECT_EQ(caller->registers.get(kRbx), 0xBu);
  EXPECT_EQ(caller->trust, Trust::prologue);
  EXPECT_FALSE(unwind(kBare, false)); // a return address: a function that calls is no leaf
}

TEST_F(X64Unwind, NotPastAnythingElseWithoutAFunctionTable) {
  for (const std::vector<std::uint8_t>& first : std::vector<std::vector<std::uint8_t>>{
           {0x58},                   // pop rax
           {0x48, 0x83, 0xC4, 0x20}, // add rsp,20h
           {0x48, 0x8B, 0xE0},       // mov rsp,rax
           {0x48, 0x89, 0xC4},       // mov rsp,rax, the other encoding
           {0x48, 0x8B, 0x1C, 0x24}, // mov rbx,[rsp]
           {0x4C, 0x8B, 0x24, 0x24}, // mov r12,[rsp]
           {0xE8, 0, 0, 0, 0},       // call
           {0x74, 0},                // je
           {0xFF, 0x30},             // push [rax]
           {0xFF, 0x10},             // call [rax]
           {0x0F, 0x05},             // syscall
       }) {
    memory = FakeMemory();
    SetUp();
    std::vector<std::uint8_t> code = first;
    code.push_back(0xC3);
    memory.put(kBare, code);
    EXPECT_FALSE(unwind(kBare, true)) << std::hex << int{first[0]};
  }
  memory = FakeMemory();
  SetUp();
  memory.put(kBare, std::vector<std::uint8_t>(8, 0x90)); // the code ends before any ret
  EXPECT_FALSE(unwind(kBare, true));
}

TEST_F(X64Unwind, InsideThePrologueOnlyWhatIsDoneIsUndone) {
  info({1, 0x06, 3, 0, 0x06, 0x32, 0x02, 0x30, 0x01, 0x50, 0, 0});
  body();
  const int expected_slot[] = {0, 1, 2, 2, 2, 2, 6}; // of the return address, by offset of pc
  for (int offset = 0; offset <= 6; ++offset) {
    auto caller = unwind(kCode + offset, true);
    ASSERT_TRUE(caller) << offset;
    EXPECT_EQ(caller->registers.get(kRip), slot(expected_slot[offset])) << offset;
    EXPECT_EQ(caller->registers.get(kRsp), kStack + 8 * expected_slot[offset] + 8) << offset;
  }
}

TEST_F(X64Unwind, AReturnAddressInsideThePrologueToo) {
  // push rbp (1); mov eax, n; call __chkstk (0xB); sub rsp, rax (0xE): the call returns to 0xB.
  info({1, 0x0E, 3, 0, 0x0E, 0x01, 0x10, 0x00, 0x01, 0x50, 0, 0});
  auto caller = unwind(kCode + 0xB, false);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), slot(1));
}

TEST_F(X64Unwind, FrameRegister) {
  // push rbp (1), sub rsp, 0x40 (5), lea rbp, [rsp+0x20] (0xA); then an alloca moved rsp
  info({1, 0x0A, 3, 0x25, 0x0A, 0x03, 0x05, 0x72, 0x01, 0x50, 0, 0});
  body();
  registers.set(kRbp, kStack + 0x80 + 0x20); // rsp of the fixed frame: kStack + 0x80 = slot 16
  auto caller = unwind(kCode + 0x40, true);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRbp), slot(16 + 8));
  EXPECT_EQ(caller->registers.get(kRip), slot(16 + 9));
  // before the lea, rsp counts and rbp is still the caller's
  caller = unwind(kCode + 5, true);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), slot(9));
  registers.forget(kRbp);
  EXPECT_FALSE(unwind(kCode + 0x40, true));
}

TEST_F(X64Unwind, SavedRegisters) {
  // sub rsp, 0x48 (4); mov [rsp+0x50], rsi (8); mov [rsp+0x58], rdi far (0x10);
  // movaps [rsp+0x20], xmm6 (0x15); movaps far [rsp+0x30], xmm7 (0x1D)
  info({1,    0x1D, 11,   0,    0x1D, 0x79, 0x30, 0, 0, 0, // SAVE_XMM128_FAR xmm7, 0x30
        0x15, 0x68, 0x02, 0x00,                            // SAVE_XMM128 xmm6, 2 * 16
        0x10, 0x75, 0x58, 0,    0,    0,                   // SAVE_NONVOL_FAR rdi, 0x58
        0x08, 0x64, 0x0A, 0x00,                            // SAVE_NONVOL rsi, 10 * 8
        0x04, 0x82, 0,    0});
  body();
  auto caller = unwind(kCode + 0x40, true);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_EQ(caller->registers.get(kRsi), slot(10));
  EXPECT_EQ(caller->registers.get(kRdi), slot(11));
  EXPECT_EQ(caller->registers.get(kRip), slot(9));
}

TEST_F(X64Unwind, ASavedRegisterThatIsNotCapturedIsForgotten) {
  info({1, 0x08, 3, 0, 0x08, 0x34, 0x00, 0x20, 0x04, 0x02, 0, 0}); // rbx at [rsp+0x10000]
  body();
  auto caller = unwind(kCode + 0x40, true);
  ASSERT_TRUE(caller);
  EXPECT_FALSE(caller->registers.get(kRbx).has_value());
  EXPECT_EQ(caller->registers.get(kRip), slot(1));
}

TEST_F(X64Unwind, LargeAllocationOfThirtyTwoBits) {
  info({1, 0x07, 3, 0, 0x07, 0x11, 0x00, 0x00, 0x02, 0x00, 0, 0}); // sub rsp, 0x20000
  body();
  memory.words(kStack + 0x20000, {0x1234});
  auto caller = unwind(kCode + 0x40, true);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), 0x1234u);
  EXPECT_EQ(caller->registers.get(kRsp), kStack + 0x20008);
}

TEST_F(X64Unwind, MachineFrames) {
  for (int error_code = 0; error_code < 2; ++error_code) {
    X64Unwind::memory = {};
    SetUp();
    // sub rsp, 0x20 on top of rip, cs, rflags, rsp, ss (and an error code)
    info({1, 0x04, 2, 0, 0x04, 0x32, 0x00, static_cast<std::uint8_t>(0x0A | error_code << 4)});
    body();
    auto caller = unwind(kCode + 0x40, true);
    ASSERT_TRUE(caller);
    const int at = 4 + error_code;
    EXPECT_TRUE(caller->machine_frame);
    EXPECT_EQ(caller->registers.get(kRip), slot(at));
    EXPECT_EQ(caller->registers.get(18), slot(at + 1)); // cs
    EXPECT_EQ(caller->registers.get(17), slot(at + 2)); // rflags
    EXPECT_EQ(caller->registers.get(kRsp), slot(at + 3));
    EXPECT_EQ(caller->registers.get(19), slot(at + 4)); // ss
    EXPECT_FALSE(caller->registers.get(kRax).has_value());
  }
}

TEST_F(X64Unwind, ChainedInfos) {
  // A later part of the function saved rbx; its parent pushed rbp and allocated 0x20.
  info({0x21, 0x00, 2,    0,    0x00, 0x34, 0x03, 0x00, // flags CHAININFO, rbx at [rsp+0x18]
        0x00, 0x20, 0x00, 0x00, 0x50, 0x20, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00});
  memory.put(kBase + 0x9000, {1, 0x05, 2, 0, 0x05, 0x32, 0x01, 0x50});
  body();
  auto caller = unwind(kCode + 0x10, true);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_EQ(caller->registers.get(kRbx), slot(3));
  EXPECT_EQ(caller->registers.get(kRbp), slot(4));
  EXPECT_EQ(caller->registers.get(kRip), slot(5));
}

TEST_F(X64Unwind, AChainThatGoesInACircleEnds) {
  info({0x21, 0, 0, 0, 0x00, 0x10, 0, 0, 0x00, 0x11, 0, 0, 0x00, 0x80, 0, 0});
  body();
  auto caller = unwind(kCode + 0x10, true);
  ASSERT_FALSE(caller);
  EXPECT_EQ(caller.error().error.code, Code::limit);
}

TEST_F(X64Unwind, IndirectEntries) {
  functions.entries[0].unwind = 0x7001;
  memory.words(kBase + 0x7000, {0x1000, 0x1100, 0x8000}, 4);
  info({1, 0x04, 1, 0, 0x04, 0x12, 0, 0});
  body();
  auto caller = unwind(kCode + 0x10, true);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), slot(2));
}

TEST_F(X64Unwind, Version2EpilogCodesAreNotPrologueOperations) {
  // EPILOG (size 6, at the end), EPILOG (padding), then push rbp; sub rsp, 0x20
  info({2, 0x05, 4, 0, 0x06, 0x16, 0x00, 0x06, 0x05, 0x32, 0x01, 0x50});
  body();
  auto caller = unwind(kCode + 0x40, true);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_EQ(caller->registers.get(kRip), slot(5));
  EXPECT_EQ(caller->registers.get(kRbp), slot(4));
  // the same codes are unknown operations in version 1
  info({});
  FakeMemory other;
  memory = other;
  SetUp();
  info({1, 0x05, 4, 0, 0x06, 0x16, 0x00, 0x06, 0x05, 0x32, 0x01, 0x50});
  body();
  EXPECT_FALSE(unwind(kCode + 0x40, true));
}

TEST_F(X64Unwind, RefusesWhatItDoesNotKnow) {
  const std::vector<std::vector<std::uint8_t>> bad = {
      {3, 0, 0, 0},                      // version 3
      {0, 0, 0, 0},                      // version 0
      {1, 0x04, 1, 0, 0x04, 0x07, 0, 0}, // operation 7
      {1, 0x04, 1, 0, 0x04, 0x0B, 0, 0}, // operation 11
      {1, 0x04, 1, 0, 0x04, 0x01, 0, 0}, // ALLOC_LARGE without its second slot
      {1, 0x04, 2, 0, 0x04, 0x21, 0, 0}, // ALLOC_LARGE with argument 2
      {1, 0x04, 1, 0, 0x04, 0x2A, 0, 0}, // PUSH_MACHFRAME with argument 2
  };
  for (const auto& bytes : bad) {
    memory = {};
    SetUp();
    info(bytes);
    body();
    auto caller = unwind(kCode + 0x40, true);
    ASSERT_FALSE(caller);
    EXPECT_FALSE(caller.error().stop);
  }
}

TEST_F(X64Unwind, EveryTruncationOfTheInfoFails) {
  const std::vector<std::uint8_t> whole = {0x21, 0x05, 2, 0,    0x05, 0x32, 0x01, 0x50, 0, 0x10,
                                           0,    0,    0, 0x11, 0,    0,    0,    0x90, 0, 0};
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    memory = {};
    SetUp();
    memory.put(kBase + 0x9000, {1, 0, 0, 0});
    info({whole.begin(), whole.begin() + size});
    body();
    EXPECT_EQ(unwind(kCode + 0x40, true).has_value(), size == whole.size()) << size;
  }
}

TEST_F(X64Unwind, LeafFunctions) {
  auto caller = unwind(kBase + 0x5000, true);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), slot(0));
  EXPECT_EQ(caller->registers.get(kRsp), kStack + 8);
  EXPECT_EQ(caller->registers.get(kRbx), 0xBu); // survives
  // a function that made a call is no leaf
  EXPECT_FALSE(unwind(kBase + 0x5000, false));
}

TEST_F(X64Unwind, WithoutATableNothingIsConcluded) {
  auto caller = unwind(0x7FF600000000, true);
  ASSERT_FALSE(caller);
  EXPECT_FALSE(caller.error().stop);
  EXPECT_EQ(caller.error().error.code, Code::absent);
}

TEST_F(X64Unwind, AReturnAddressBelongsToTheFunctionBeforeIt) {
  // The call is the last instruction of the function; the next one has other unwind data.
  functions.add(0x1100, 0x1200, 0x9000);
  info({1, 0x04, 1, 0, 0x04, 0x32, 0, 0});
  memory.put(kBase + 0x9000, {1, 0x04, 1, 0, 0x04, 0x02, 0, 0});
  auto caller = unwind(kCode + 0x100, false);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), slot(4));
}

TEST_F(X64Unwind, TheWorstOriginCounts) {
  info({});
  memory.put(kInfo, {1, 0x04, 1, 0, 0x04, 0x32, 0, 0}, memory::Origin::sibling);
  auto caller = unwind(kCode + 0x20, false);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->origin, memory::Origin::sibling);
  functions.entries[0].origin = memory::Origin::image;
  memory = {};
  SetUp();
  functions.entries = {FunctionEntry{kBase, 0x1000, 0x1100, 0x8000, memory::Origin::image}};
  info({1, 0x04, 1, 0, 0x04, 0x32, 0, 0});
  caller = unwind(kCode + 0x20, false);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->origin, memory::Origin::image);
}

// --- epilogues ---

struct EpilogueCase {
  const char* what;
  std::vector<std::uint8_t> code;
  int return_slot; // expected slot of the return address
};

// push rbp; push rbx; sub rsp, 0x20: in the body the return address is in slot 6.
class X64Epilogue : public X64Unwind {
protected:
  UnwindResult at(const std::vector<std::uint8_t>& code) {
    memory = {};
    functions.entries.clear();
    SetUp();
    functions.add(0x1100, 0x1200, 0x9000); // another function
    functions.add(0x1200, 0x1300, 0x9100); // a chained part
    info({1, 0x06, 3, 0, 0x06, 0x32, 0x02, 0x30, 0x01, 0x50, 0, 0});
    memory.put(kBase + 0x9000, {1, 0, 0, 0});
    memory.put(kBase + 0x9100, {0x21, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x11, 0, 0, 0, 0x80, 0, 0});
    memory.put(kCode + 0x80, code);
    return unwind(kCode + 0x80, true);
  }
};

TEST_F(X64Epilogue, IsExecutedFromWhereItStands) {
  const EpilogueCase cases[] = {
      {"add rsp, 0x20; pop rbx; pop rbp; ret", {0x48, 0x83, 0xC4, 0x20, 0x5B, 0x5D, 0xC3}, 6},
      {"pop rbx; pop rbp; ret", {0x5B, 0x5D, 0xC3}, 2},
      {"pop rbp; ret", {0x5D, 0xC3}, 1},
      {"pop r12; pop rbp; ret", {0x41, 0x5C, 0x5D, 0xC3}, 2},
      {"ret", {0xC3}, 0},
      {"rep ret", {0xF3, 0xC3}, 0},
      {"ret 8", {0xC2, 0x08, 0x00}, 0},
      {"pop rbp; jmp other", {0x5D, 0xE9, 0x7A, 0, 0, 0}, 1}, // 0x1086 + 0x7A = 0x1100
      {"jmp leaf", {0xE9, 0x7B, 0x0F, 0, 0}, 0},              // 0x2000: no entry
      {"jmp [rip+n]", {0xFF, 0x25, 1, 2, 3, 4}, 0},
      {"rex.w jmp [rip+n]", {0x48, 0xFF, 0x25, 1, 2, 3, 4}, 0},
      {"rex.w jmp rax", {0x48, 0xFF, 0xE0}, 0},
      {"rex.w jmp [rax+0x10]", {0x48, 0xFF, 0x60, 0x10}, 0},
      // these are no epilogues
      {"jmp within the function", {0xEB, 0x10}, 6},
      {"jmp back within the function", {0xE9, 0xD0, 0xFF, 0xFF, 0xFF}, 6},
      {"jmp into the middle of another", {0xE9, 0x7C, 0, 0, 0}, 6},
      {"jmp to a chained part", {0xE9, 0x7B, 0x01, 0, 0}, 6}, // 0x1200
      {"jmp rax of a switch", {0xFF, 0xE0}, 6},
      {"call [rip+n]", {0xFF, 0x15, 1, 2, 3, 4}, 6},
      {"pop then something else", {0x5B, 0x90}, 6},
      {"mov eax, [rax]", {0x8B, 0x00}, 6},
  };
  for (const EpilogueCase& c : cases) {
    auto caller = at(c.code);
    ASSERT_TRUE(caller) << c.what << ": " << caller.error().error.message();
    EXPECT_EQ(caller->registers.get(kRip), slot(c.return_slot)) << c.what;
    EXPECT_EQ(caller->registers.get(kRsp), kStack + 8 * c.return_slot + 8) << c.what;
  }
}

TEST_F(X64Epilogue, PopsRestoreTheirRegisters) {
  auto caller = at({0x41, 0x5C, 0x5D, 0xC3});
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kR12), slot(0));
  EXPECT_EQ(caller->registers.get(kRbp), slot(1));
}

TEST_F(X64Epilogue, WithoutTheBytesNothingIsConcluded) {
  for (const std::vector<std::uint8_t>& code : std::vector<std::vector<std::uint8_t>>{
           {}, {0x5B}, {0x5B, 0x41}, {0xF3}, {0xE9, 0, 0}, {0xFF}, {0x48}}) {
    auto caller = at(code);
    ASSERT_FALSE(caller) << code.size();
    EXPECT_FALSE(caller.error().stop);
  }
}

TEST_F(X64Epilogue, AReturnAddressIsNeverInsideOne) {
  at({0x5B, 0x5D, 0xC3});
  auto caller = unwind(kCode + 0x80, false);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), slot(6));
}

// Version 2 of UNWIND_INFO: push rbx (1), sub rsp, 0x20 (5).  Epilogues are pop rbx; ret, so 2
// bytes long: one at the end of the function (0xFE), one 0x40 before it (0xC0).
class X64UnwindEpilogCodes : public X64Unwind {
protected:
  void SetUp() override {
    X64Unwind::SetUp();
    info({2, 5, 6, 0, 0x02, 0x16, 0x40, 0x06, 0x00, 0x06, 0x00, 0x06, 0x05, 0x32, 0x01, 0x30});
    code_ = std::vector<std::uint8_t>(0x100, 0x90);
  }
  void expect_frame(std::uint64_t offset, int return_slot, std::uint64_t rbx) {
    memory = FakeMemory();
    SetUp();
    patch();
    memory.put(kCode, code_);
    auto caller = unwind(kCode + offset, true);
    ASSERT_TRUE(caller) << caller.error().error.message();
    EXPECT_EQ(caller->registers.get(kRip), slot(return_slot)) << offset;
    EXPECT_EQ(caller->registers.get(kRsp), kStack + 8 * (return_slot + 1)) << offset;
    EXPECT_EQ(caller->registers.get(kRbx), rbx) << offset;
  }
  std::function<void()> patch = [] {};
  std::vector<std::uint8_t> code_;
};

TEST_F(X64UnwindEpilogCodes, InsideAndOutside) {
  patch = [&] {
    for (int at : {0xC0, 0xFE}) {
      code_[at] = 0x5B;
      code_[at + 1] = 0xC3;
    }
  };
  expect_frame(0x80, 5, slot(4)); // the body
  expect_frame(0xBF, 5, slot(4));
  expect_frame(0xC0, 1, slot(0)); // the pop is still to come
  expect_frame(0xC1, 0, 0xB);     // at the ret
  expect_frame(0xC2, 5, slot(4));
  expect_frame(0xFD, 5, slot(4));
  expect_frame(0xFE, 1, slot(0));
  expect_frame(0xFF, 0, 0xB);
}

// What the list does not name is no epilogue, though it looks like one.
TEST_F(X64UnwindEpilogCodes, TheListGoesBeforeTheLook) {
  patch = [&] {
    code_[0x80] = 0x5B;
    code_[0x81] = 0xC3;
    code_[0xC0] = 0x5B; // pop rbx; jmp rax, which no other epilogue may end with
    code_[0xC1] = 0xFF;
    code_[0xC2] = 0xE0;
  };
  expect_frame(0x80, 5, slot(4));
  expect_frame(0xC0, 1, slot(0));
  expect_frame(0xC1, 0, 0xB);
}

TEST_F(X64UnwindEpilogCodes, DistancesBeyondTheFunction) {
  memory = FakeMemory();
  X64Unwind::SetUp();
  body();
  info({2, 5, 4, 0, 0xFF, 0xF6, 0xFF, 0xF6, 0x05, 0x32, 0x01, 0x30});
  auto caller = unwind(kCode + 0x80, true); // the last 0xFF bytes are an epilogue, says the list
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), slot(0));
}

} // namespace
} // namespace dumptriage::arch
