// Frame-pointer links of x86: when they are proved by code, and when they are not.  Functions that
// keep no frame pointer: x86_by_code_test.cpp.
#include <gtest/gtest.h>

#include "fake.h"

namespace dumptriage::arch {
namespace {

enum { kEbx = 3, kEsp = 4, kEbp = 5, kEip = 8 };
constexpr std::uint64_t kFunction = 0x401000; // the callee
constexpr std::uint64_t kCallSite = 0x402000; // a call there returns to kReturn
constexpr std::uint64_t kReturn = 0x402005;
constexpr std::uint64_t kStack = 0x10000;

class X86FramePointer : public ::testing::Test {
protected:
  FakeMemory memory;
  FakeFunctions functions;
  Registers registers;

  void SetUp() override {
    registers.set(kEsp, kStack);
    registers.set(kEbp, kStack + 0x20);
    memory.words(kStack + 0x20, {kStack + 0x80, kReturn}, 4);
  }
  void call(std::uint64_t target) {
    const auto rel = static_cast<std::uint32_t>(target - kReturn);
    memory.put(kCallSite,
               {0xE8, static_cast<std::uint8_t>(rel), static_cast<std::uint8_t>(rel >> 8),
                static_cast<std::uint8_t>(rel >> 16), static_cast<std::uint8_t>(rel >> 24), 0x90});
  }
  // call [mem]; two bytes shorter than the space, so it begins at kCallSite - 1
  void indirect_call() { memory.put(kCallSite - 1, {0xFF, 0x15, 0, 0, 0x50, 0, 0x90}); }
  void code(std::vector<std::uint8_t> bytes) {
    memory.put(kFunction - 16, std::vector<std::uint8_t>(16, 0xCC));
    memory.put(kFunction, std::move(bytes));
  }
  std::uint64_t depth = 8; // of the stack pointer below ebp
  UnwindResult unwind(std::uint64_t offset, bool first = true) {
    registers.set(kEip, kFunction + offset);
    registers.set(kEsp, kStack + 0x20 - depth);
    return find(Machine::x86)->unwind_by_frame_pointer({registers, memory, functions, first});
  }
  void expect(std::uint64_t offset, bool proved, bool first = true) {
    auto caller = unwind(offset, first);
    ASSERT_TRUE(caller) << caller.error().error.message();
    EXPECT_EQ(caller->registers.get(kEip), kReturn);
    EXPECT_EQ(caller->registers.get(kEsp), kStack + 0x28);
    EXPECT_EQ(caller->registers.get(kEbp), kStack + 0x80);
    EXPECT_EQ(caller->trust, Trust::frame_pointer);
    EXPECT_EQ(caller->proved, proved) << "offset " << offset;
    EXPECT_EQ(caller->unproved.empty(), proved);
  }
};

// 0 push ebp; 1 mov ebp,esp; 3 sub esp,8; 6 test eax,eax; 8 je 0xD; A mov eax,[ecx]; C nop;
// D call 13 (returns to 12); 12 mov esp,ebp; 14 pop ebp; 15 ret
const std::vector<std::uint8_t> kBody = {0x55, 0x8B, 0xEC, 0x83, 0xEC, 0x08, 0x85, 0xC0,
                                         0x74, 0x03, 0x8B, 0x01, 0x90, 0xE8, 1,    0,
                                         0,    0,    0x8B, 0xE5, 0x5D, 0xC3};

TEST_F(X86FramePointer, ProvedByTheCallAndThePrologue) {
  call(kFunction);
  code(kBody);
  expect(0xA, true);
  expect(0xD, true);
  expect(0x12, true);
  expect(0x12, true, false); // as a return address
  depth = 0;
  expect(0x3, true);
}

TEST_F(X86FramePointer, AStackPointerThatTheCodeDoesNotLeaveThereProvesNothing) {
  call(kFunction);
  code(kBody);
  depth = 12;
  expect(0xA, false);
}

TEST_F(X86FramePointer, NotBeforeThePrologueIsDoneNorInTheMiddleOfAnInstruction) {
  call(kFunction);
  code(kBody);
  expect(0x0, false);
  expect(0x1, false);
  expect(0x4, false);
  expect(0xA, false, false); // no call ends there
}

TEST_F(X86FramePointer, InstructionsBeforeThePrologueMustNotTouchTheStackPointer) {
  auto behind = [](std::vector<std::uint8_t> first) {
    first.insert(first.end(), kBody.begin(), kBody.end());
    return first;
  };
  call(kFunction);
  // mov eax,[esp+4]; mov ecx,fs:[0]; inc dword [ecx]; movzx edx,byte [eax]
  const std::vector<std::uint8_t> harmless = {0x8B, 0x44, 0x24, 4,    0x64, 0x8B, 0x0D, 0,
                                              0,    0,    0,    0xFF, 0x01, 0x0F, 0xB6, 0x10};
  code(behind(harmless));
  expect(harmless.size() + 0x12, true, false);
  expect(4, false); // not before the frame is made
}
TEST_F(X86FramePointer, ABeginningThatMovesTheStackPointerProvesNothing) {
  call(kFunction);
  for (const std::vector<std::uint8_t>& first :
       std::vector<std::vector<std::uint8_t>>{{0x50},
                                              {0x83, 0xEC, 8},
                                              {0x8B, 0xE1},
                                              {0x89, 0xCC},
                                              {0xBC, 0, 0, 1, 0},
                                              {0x8D, 0x64, 0x24, 4},
                                              {0xFF, 0x31},
                                              {0x5D},
                                              {0x94, 0x90}}) {
    memory = FakeMemory();
    SetUp();
    call(kFunction);
    std::vector<std::uint8_t> bytes = first;
    bytes.insert(bytes.end(), kBody.begin(), kBody.end());
    code(bytes);
    SCOPED_TRACE(static_cast<int>(first[0]));
    expect(first.size() + 0x12, false, false);
  }
}

TEST_F(X86FramePointer, AFramePointerOnAnotherStack) {
  // push ebp; mov ebp,esp; mov esp,[eax]; call +0 (returns to 10); leave; ret
  call(kFunction);
  code({0x55, 0x8B, 0xEC, 0x8B, 0x20, 0xE8, 1, 0, 0, 0, 0xC9, 0xC3});
  depth = -0x8000ull;
  const auto caller = unwind(10, false);
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->proved);
  EXPECT_EQ(caller->registers.get(kEsp), kStack + 0x28);
  memory = FakeMemory(); // without code it is no frame at all
  memory.words(kStack + 0x20, {kStack + 0x80, kReturn}, 4);
  EXPECT_FALSE(unwind(10, false));
}

TEST_F(X86FramePointer, HotPatchImagesAndTheOtherEncoding) {
  call(kFunction);
  code({0x8B, 0xFF, 0x55, 0x89, 0xE5, 0x90, 0x90, 0x5D, 0xC3});
  depth = 0;
  expect(0x6, true);
}

TEST_F(X86FramePointer, ThroughAThunk) {
  call(0x403000);
  memory.put(0x403000, {0xE9, 0xFB, 0xDF, 0xFF, 0xFF}); // jmp 0x401000
  code(kBody);
  expect(0xA, true);
}

TEST_F(X86FramePointer, AFunctionWithoutAFrameIsNotProved) {
  // ebp is still that of the caller's caller: the return address follows a call of another
  // function.
  call(0x403000);
  memory.put(0x403000 - 16, std::vector<std::uint8_t>(16, 0xCC));
  memory.put(0x403000, kBody);
  code({0x83, 0xEC, 0x08, 0x8B, 0x01, 0x83, 0xC4, 0x08, 0xC3});
  memory.put(kStack + 0x70, std::vector<std::uint8_t>(0x20, 0)); // no call there
  expect(0x3, false);
}

TEST_F(X86FramePointer, TheFunctionBehindTheOneThatWasCalledIsNotProved) {
  // 0x401000 has a frame and ends; pc is in the frameless function right behind it.
  call(kFunction);
  std::vector<std::uint8_t> two = kBody;
  two.insert(two.end(), {0x83, 0xEC, 0x08, 0x8B, 0x01, 0xC3});
  code(two);
  expect(kBody.size() + 3, false);
}

// The stack pointer still says where the frame is, and the stack what ebp was.
TEST_F(X86FramePointer, EbpThatWasChangedIsTakenFromTheStack) {
  const std::vector<std::vector<std::uint8_t>> writes = {
      {0x8B, 0x6C, 0x24, 0x10},             // mov ebp,[esp+10h]
      {0x33, 0xED},                         // xor ebp,ebp
      {0x31, 0xED},                         // xor ebp,ebp, the other way
      {0x95},                               // xchg eax,ebp
      {0x0F, 0xB6, 0x29},                   // movzx ebp,[ecx]
      {0x0F, 0x44, 0xE9},                   // cmove ebp,ecx
      {0xC5, 0xF8, 0x28, 0xC1, 0x8B, 0x29}, // vmovaps xmm0,xmm1; mov ebp,[ecx]
  };
  for (const auto& write : writes) {
    memory = {};
    SetUp();
    registers.set(kEbp, 0);
    call(kFunction);
    std::vector<std::uint8_t> bytes = {0x55, 0x8B, 0xEC};
    bytes.insert(bytes.end(), write.begin(), write.end());
    bytes.insert(bytes.end(), {0x90, 0x90, 0x8B, 0x01, 0x5D, 0xC3});
    code(bytes);
    depth = 0;
    const auto caller = unwind(3 + write.size() + 2);
    ASSERT_TRUE(caller) << write.size();
    EXPECT_TRUE(caller->proved);
    EXPECT_EQ(caller->trust, Trust::prologue);
    EXPECT_EQ(caller->registers.get(kEip), kReturn);
    EXPECT_EQ(caller->registers.get(kEbp), kStack + 0x80);
  }
}

TEST_F(X86FramePointer, EbpThatTheCodeHasChangedIsNoFrame) {
  call(kFunction);
  code({0x55, 0x8B, 0xEC, 0xBD, 1, 2, 3, 4, 0x90, 0x5D, 0xC3}); // mov ebp,imm
  depth = 0;
  expect(8, false);
}

TEST_F(X86FramePointer, ReadingEbpIsFine) {
  const std::vector<std::vector<std::uint8_t>> reads = {
      {0x89, 0x6C, 0x24, 0x10},       // mov [esp+10h],ebp
      {0x8B, 0xC5},                   // mov eax,ebp
      {0x3B, 0xE8},                   // cmp ebp,eax
      {0x85, 0xED},                   // test ebp,ebp
      {0x83, 0xFD, 0x04},             // cmp ebp,4
      {0x55},                         // push ebp
      {0xFF, 0x75, 0x08},             // push [ebp+8]
      {0xDD, 0x45, 0x08},             // fld [ebp+8]
      {0x0F, 0x85, 0, 0, 0, 0},       // jne next
      {0x66, 0xB8, 1, 2},             // mov ax,imm16
      {0xF7, 0x45, 0x08, 1, 2, 3, 4}, // test [ebp+8],imm32
  };
  for (const auto& read : reads) {
    memory = {};
    SetUp();
    call(kFunction);
    std::vector<std::uint8_t> bytes = {0x55, 0x8B, 0xEC};
    bytes.insert(bytes.end(), read.begin(), read.end());
    bytes.insert(bytes.end(), {0x8B, 0x01, 0xC9, 0xC3});
    code(bytes);
    const bool pushes = read[0] == 0x55 || (read[0] == 0xFF && read[1] == 0x75);
    depth = pushes ? 4 : 0;
    expect(3 + read.size(), true);
  }
}

TEST_F(X86FramePointer, SwitchTablesAreFollowed) {
  call(kFunction);
  // push ebp; mov ebp,esp; jmp [eax*4+0x401020]; int3...; 0x401010: nop; mov eax,[ecx]
  code({0x55, 0x8B, 0xEC, 0xFF, 0x24, 0x85, 0x20, 0x10, 0x40, 0x00, 0xCC,
        0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0x90, 0x8B, 0x01, 0x5D, 0xC3});
  memory.words(kFunction + 0x20, {0x401010, 0}, 4);
  depth = 0;
  expect(0x11, true);
}

TEST_F(X86FramePointer, IndirectCallsNeedAPrologueBeforePc) {
  indirect_call();
  code(kBody);
  expect(0xA, true);
  // a prologue that is no beginning of a function
  memory = {};
  SetUp();
  indirect_call();
  memory.put(kFunction - 3, {0x83, 0xC0, 0x01, 0x90, 0x90, 0x90, 0x83, 0xC0, 0x01, 0x55, 0x8B, 0xEC,
                             0x90, 0x8B, 0x01, 0xC3});
  auto caller = unwind(10);
  ASSERT_TRUE(caller);
  EXPECT_FALSE(caller->proved);
}

// lea ecx,[esp+4]; and esp,-16; push [ecx-4]; push ebp; mov ebp,esp; push edi; push ecx; nop; mov;
// pop ecx; pop edi; pop ebp; lea esp,[ecx-4]; ret
TEST_F(X86FramePointer, GccsRealignedFramesKeepTheCallersEspInTheSavedEcx) {
  const std::vector<std::uint8_t> body = {0x8D, 0x4C, 0x24, 0x04, 0x83, 0xE4, 0xF0, 0xFF, 0x71,
                                          0xFC, 0x55, 0x89, 0xE5, 0x57, 0x51, 0x90, 0x8B, 0x01,
                                          0x59, 0x5F, 0x5D, 0x8D, 0x61, 0xFC, 0xC3};
  for (bool stub : {false, true}) {
    for (bool direct : {true, false}) {
      memory = {};
      SetUp();
      direct ? call(kFunction) : indirect_call();
      std::vector<std::uint8_t> bytes;
      if (stub) bytes = {0x8B, 0xFF, 0x55, 0x8B, 0xEC, 0x5D};
      bytes.insert(bytes.end(), body.begin(), body.end());
      code(bytes);
      memory.words(kStack + 0x18, {kStack + 0x44, 0}, 4); // the second push: ecx
      memory.words(kStack + 0x40, {kReturn}, 4);          // the true return address
      auto caller = unwind((stub ? 6 : 0) + 15);
      ASSERT_TRUE(caller);
      EXPECT_TRUE(caller->proved) << caller->unproved;
      EXPECT_EQ(caller->registers.get(kEsp), kStack + 0x44);
      EXPECT_EQ(caller->registers.get(kEip), kReturn);
    }
  }
  // what ecx saved does not lead to the return address
  memory = {};
  SetUp();
  call(kFunction);
  code(body);
  memory.words(kStack + 0x18, {kStack + 0x44, 0}, 4);
  memory.words(kStack + 0x40, {kReturn + 1}, 4);
  memory.put(kCallSite - 16, std::vector<std::uint8_t>(16, 0x90));
  EXPECT_FALSE(unwind(15)->proved);
}

TEST_F(X86FramePointer, WithoutCodeBytesNothingIsProved) {
  expect(0x10, false);
  auto caller = unwind(0x10);
  EXPECT_NE(caller->unproved.find("no code bytes"), std::string::npos);
}

TEST_F(X86FramePointer, RefusesFramesThatAreNoFrames) {
  for (std::uint64_t ebp : {std::uint64_t{0}, kStack - 4, kStack + 0x22, std::uint64_t{0x90000}}) {
    registers.set(kEbp, ebp);
    EXPECT_FALSE(unwind(0x10)) << ebp;
  }
  registers.forget(kEbp);
  EXPECT_FALSE(unwind(0x10));
}

TEST_F(X86FramePointer, AnExactPcBeforeRetNeedsNoChain) {
  depth = 0x20;
  memory.words(kStack, {kReturn - 1, kReturn, 0x33}, 4);
  code({0x5B, 0xC2, 0x0C, 0x00}); // pop ebx; ret 12
  auto caller = unwind(0);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->trust, Trust::prologue);
  EXPECT_TRUE(caller->proved);
  EXPECT_EQ(caller->registers.get(kEbx), kReturn - 1);
  EXPECT_EQ(caller->registers.get(kEip), kReturn);
  EXPECT_EQ(caller->registers.get(kEsp), kStack + 8);
  caller = unwind(1);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kEip), kReturn - 1);
}

TEST_F(X86FramePointer, LeaveRet) {
  code({0xC9, 0xC3});
  auto caller = unwind(0);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kEip), kReturn);
  EXPECT_EQ(caller->registers.get(kEbp), kStack + 0x80);
  EXPECT_EQ(caller->registers.get(kEsp), kStack + 0x28);
}

// --- the target of a call, asked backwards ---

TEST(CallReaches, OperandsAreWorkedOut) {
  struct Case {
    Machine machine;
    std::vector<std::uint8_t> call;
    std::optional<bool> expected;
  };
  // pc = 0x5000; eax/rax = 0x5000, ecx/rcx = 0x20000 (holds 0x5000 at +8), edx/rdx = 1
  const Case cases[] = {
      {Machine::x86, {0xFF, 0xD0}, true},
      {Machine::x86, {0xFF, 0xD1}, false},
      {Machine::x86, {0xFF, 0x51, 0x08}, true},
      {Machine::x86, {0xFF, 0x11}, false},
      {Machine::x86, {0xFF, 0x54, 0xD1, 0x00}, true},             // [ecx+edx*8]
      {Machine::x86, {0xFF, 0x15, 0x08, 0x00, 0x02, 0x00}, true}, // [0x20008]
      {Machine::x86, {0xFF, 0x15, 0x08, 0x00, 0x09, 0x00}, std::nullopt},
      {Machine::x86, {0xFF, 0xD6}, std::nullopt}, // esi is not known
      {Machine::x86, {0xFF, 0x14, 0x24}, true},   // [esp], after the push it is [esp+4]
      {Machine::x64, {0xFF, 0xD0}, true},
      {Machine::x64, {0x41, 0xFF, 0xD0}, true}, // r8, also 0x5000
      {Machine::x64, {0xFF, 0x51, 0x08}, true},
      {Machine::x64, {0xFF, 0x15, 0x08, 0x00, 0xE2, 0xFF}, true}, // [rip-0x1DFFF8] = 0x20008
      {Machine::x64, {0xE8, 0x00, 0x50, 0xE0, 0xFF}, true},       // 0x200000 - 0x1FB000
      {Machine::x64, {0xE8, 0x01, 0x50, 0xE0, 0xFF}, false},
  };
  for (const Case& c : cases) {
    FakeMemory memory;
    std::vector<std::uint8_t> bytes(16 - c.call.size(), 0x90);
    bytes.insert(bytes.end(), c.call.begin(), c.call.end());
    memory.put(0x200000 - 16, bytes);
    const int size = pointer_size_of(c.machine);
    memory.words(0x20000,
                 size == 8 ? std::initializer_list<std::uint64_t>{0x7777, 0x5000}
                           : std::initializer_list<std::uint64_t>{0x7777, 0, 0x5000, 0},
                 size);
    memory.words(0x30000, {0x200000, 0x5000}, size);
    Registers registers;
    registers.set(0, 0x5000);
    registers.set(1, 0x20000);
    registers.set(2, 1);
    registers.set(4, 0x30000);
    if (size == 8) registers.set(8, 0x5000);
    registers.set(find(c.machine)->pc, 0x5000);
    EXPECT_EQ(find(c.machine)->call_reaches(memory, 0x200000, registers), c.expected)
        << name_of(c.machine) << ' ' << static_cast<int>(c.call[0]) << ' '
        << static_cast<int>(c.call[1]);
  }
}

} // namespace
} // namespace dumptriage::arch
