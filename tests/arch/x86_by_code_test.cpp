// Frames of 32-bit x86 that only following the code can find: functions assembled by hand, stacks
// laid down as that code leaves them.
#include <gtest/gtest.h>

#include "fake.h"

namespace dumptriage::arch {
namespace {

enum { kEax, kEcx, kEdx, kEbx, kEsp, kEbp, kEsi, kEdi, kEip };
using Bytes = std::vector<std::uint8_t>;
constexpr std::uint32_t kFunction = 0x401000;
constexpr std::uint32_t kOther = 0x403000;    // called by the function
constexpr std::uint32_t kReturn = 0x402005;   // behind `call kFunction`
constexpr std::uint32_t kIndirect = 0x402106; // behind `call [0x405000]`
constexpr std::uint32_t kNowhere = 0x402010;  // code, but no call ends there
constexpr std::uint32_t kSlot = 0x10100;      // of the return address
constexpr std::uint32_t kSavedEbx = 0xB0B0, kSavedEsi = 0x5151, kSavedEdi = 0xD1D1,
                        kSavedEbp = 0x10200;

class Hints final : public UnwindSource {
public:
  std::vector<std::uint32_t> starts;
  std::map<std::uint64_t, ImportedFunction> imports;
  FunctionLookup find(std::uint64_t, FunctionEntry&) const override {
    return FunctionLookup::unknown;
  }
  std::optional<std::uint64_t> function_start(std::uint64_t pc) const override {
    std::optional<std::uint64_t> best;
    for (const std::uint32_t start : starts)
      if (start <= pc && (!best || start > *best)) best = start;
    return best;
  }
  ImportedFunction imported(std::uint64_t slot) const override {
    const auto found = imports.find(slot);
    return found == imports.end() ? ImportedFunction{} : found->second;
  }
};

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes word(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(value >> 8),
          static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 24)};
}
Bytes near(std::uint8_t opcode, std::uint32_t at, std::uint32_t target) {
  return Bytes{opcode} + word(target - at - 5);
}

class X86ByCode : public ::testing::Test {
protected:
  std::map<std::uint32_t, Bytes> pieces;
  FakeMemory memory; // made of them for each step
  Hints hints;
  Registers registers;
  std::map<std::uint32_t, std::uint32_t> stack;

  void SetUp() override {
    put(kReturn - 5, near(0xE8, kReturn - 5, kFunction) + Bytes(16, 0x90));
    put(kIndirect - 6, Bytes{0xFF, 0x15} + word(0x405000) + Bytes(16, 0x90));
    put(kFunction - 64, Bytes(64, 0xCC));
    for (int reg : {kEax, kEcx, kEdx, kEbx, kEsi, kEdi, kEbp}) registers.set(reg, 0x7000u + reg);
    registers.set(kEsi, kSavedEsi);
    registers.set(kEbx, kSavedEbx);
    stack[kSlot] = kReturn;
  }
  void put(std::uint32_t at, Bytes bytes) { pieces[at] = std::move(bytes); }
  void function(Bytes bytes) { put(kFunction, bytes + Bytes(32, 0xCC)); }
  void other(Bytes bytes) { put(kOther, bytes + Bytes(32, 0xCC)); }
  Bytes call_other(std::uint32_t offset) { return near(0xE8, kFunction + offset, kOther); }

  // The frame at kFunction + offset, the stack pointer `depth` bytes below the return address.
  UnwindResult unwind(std::uint32_t offset, std::uint32_t depth, bool first = true) {
    for (std::uint32_t at = 0x10000; at < 0x10400; at += 4) stack.try_emplace(at, kNowhere);
    Bytes bytes;
    for (const auto& [at, value] : stack) bytes = bytes + word(value);
    put(0x10000, bytes);
    memory = {};
    for (const auto& [at, piece] : pieces) memory.put(at, piece);
    registers.set(kEip, kFunction + offset);
    registers.set(kEsp, kSlot - depth);
    return find(Machine::x86)->unwind_by_frame_pointer({registers, memory, hints, first});
  }
  void expect(const UnwindResult& caller, std::uint32_t ret = kReturn) {
    ASSERT_TRUE(caller) << caller.error().error.message();
    EXPECT_TRUE(caller->proved) << caller->unproved;
    EXPECT_EQ(caller->registers.get(kEip), ret);
    EXPECT_EQ(caller->registers.get(kEsp), kSlot + 4);
  }
  void refuse(const UnwindResult& caller) {
    EXPECT_TRUE(!caller || !caller->proved) << *caller->registers.get(kEip);
  }
};

// 0 push ebx; 1 push esi; 2 sub esp,20h; 5 test eax,eax; 7 je C; 9 mov [esp],eax;
// C add esp,20h; F pop esi; 10 pop ebx; 11 ret
const Bytes kFpo = {0x53, 0x56, 0x83, 0xEC, 0x20, 0x85, 0xC0, 0x74, 0x03,
                    0x89, 0x04, 0x24, 0x83, 0xC4, 0x20, 0x5E, 0x5B, 0xC3};

TEST_F(X86ByCode, EveryInstructionOfAFunctionWithoutAFramePointer) {
  function(kFpo);
  stack[kSlot - 4] = kSavedEbx;
  stack[kSlot - 8] = kSavedEsi;
  const struct {
    std::uint32_t offset, depth;
  } places[] = {{0, 0},    {1, 4},     {2, 8},  {5, 0x28}, {7, 0x28},
                {9, 0x28}, {12, 0x28}, {15, 8}, {16, 4},   {17, 0}};
  for (const auto& [offset, depth] : places) {
    SCOPED_TRACE(offset);
    registers.set(kEbx, depth < 4 ? kSavedEbx : 1);
    registers.set(kEsi, depth < 8 ? kSavedEsi : 2);
    const auto caller = unwind(offset, depth);
    expect(caller);
    EXPECT_EQ(caller->trust, Trust::prologue);
    if (offset < 1 || offset > 16 || (offset > 1 && offset != 16))
      EXPECT_EQ(caller->registers.get(kEbx), kSavedEbx);
    EXPECT_EQ(caller->registers.get(kEbp), 0x7005u);
  }
}

TEST_F(X86ByCode, CalledIndirectlyItNeedsAStartOrAWayOut) {
  function(kFpo);
  stack[kSlot] = kIndirect;
  expect(unwind(9, 0x28), kIndirect); // exact: the way out tells
  hints.starts = {kFunction};
  expect(unwind(9, 0x28), kIndirect);
}

TEST_F(X86ByCode, ACallThatGoesElsewhereIsAContradiction) {
  function(kFpo);
  stack[kSlot] = 0x402205;
  put(0x402200, near(0xE8, 0x402200, kOther));
  other({0x8B, 0x01, 0xC3});
  hints.starts = {kFunction};
  refuse(unwind(9, 0x28));
}

// 0 push esi; 1 test eax,eax; 3 je 6; 5 push eax; 6 call eax (returns to 8); 8 pop esi; 9 ret
TEST_F(X86ByCode, PathsThatDisagreeProveNothing) {
  function({0x56, 0x85, 0xC0, 0x74, 0x01, 0x50, 0xFF, 0xD0, 0x5E, 0xC3});
  hints.starts = {kFunction};
  for (const std::uint32_t depth : {4u, 8u}) refuse(unwind(8, depth, false));
}

// 0 push eax; 1 dec ecx; 2 jne 0; 4 nop; 5 ret
TEST_F(X86ByCode, ALoopThatPushesProvesNothing) {
  function({0x50, 0x49, 0x75, 0xFC, 0x90, 0xC3});
  hints.starts = {kFunction};
  refuse(unwind(4, 4));
  function({0xEB, 0xFE}); // runs into itself
  refuse(unwind(0, 4));
}

// 0 push esi; 1 push 1; 3 call other; 8 (add esp,4); mov eax,[esi]; pop esi; ret
TEST_F(X86ByCode, ParametersOfTheCalleeFollowFromTheWayOut) {
  for (const bool cleans : {false, true}) { // the function itself, or the callee
    stack.clear();
    SetUp();
    stack[kSlot - 4] = kSavedEsi;
    function(Bytes{0x56, 0x6A, 0x01} + call_other(3) +
             (cleans ? Bytes{0x83, 0xC4, 0x04} : Bytes{0x90, 0x90, 0x90}) +
             Bytes{0x8B, 0x06, 0x5E, 0xC3});
    const auto in_call = unwind(8, 8, false);
    expect(in_call);
    EXPECT_EQ(in_call->registers.get(kEsi), kSavedEsi);
    const auto behind = unwind(11, 4, true);
    expect(behind);
    EXPECT_EQ(behind->registers.get(kEsi), kSavedEsi);
  }
}

// push esi; push 1; call [A]; push 2; call [B]; mov eax,[esi]; pop esi; ret: together they take 8.
const Bytes kTwoCalls = Bytes{0x56, 0x6A, 0x01, 0xFF, 0x15} + word(0x406000) +
                        Bytes{0x6A, 0x02, 0xFF, 0x15} + word(0x406004) +
                        Bytes{0x8B, 0x06, 0x5E, 0xC3};

TEST_F(X86ByCode, TwoUnknownCallsNeedTheImports) {
  function(kTwoCalls);
  stack[kSlot] = kIndirect;
  hints.starts = {kFunction};
  refuse(unwind(17, 8, false));
  hints.imports[0x406000].parameters = 4;
  expect(unwind(17, 8, false), kIndirect);
  hints.imports[0x406000] = {kOther, std::nullopt}; // by the code of the function imported
  refuse(unwind(17, 8, false));
  other({0x8B, 0x44, 0x24, 0x04, 0xC2, 0x04, 0x00}); // ret 4
  expect(unwind(17, 8, false), kIndirect);
}

// What calls take off must not be worked out from a start that is itself only supposed.
TEST_F(X86ByCode, AStartThatIsSearchedNeedsEveryCallKnown) {
  function(kTwoCalls);
  stack[kSlot] = kIndirect;
  hints.imports[0x406000].parameters = 4;
  refuse(unwind(17, 8, false));
  stack[kSlot] = 0; // nor is it the end of the stack
  refuse(unwind(17, 8, false));
  stack[kSlot] = kIndirect;
  hints.imports[0x406004].parameters = 4;
  expect(unwind(17, 8, false), kIndirect);
  hints.imports[0x406004].parameters = 8; // then it is no start
  refuse(unwind(17, 8, false));
  // An import that jumps on to another.
  hints.imports[0x406004] = {kOther, std::nullopt};
  other({0x8B, 0xFF, 0x55, 0x8B, 0xEC, 0x5D, 0xFF, 0x25, 0x08, 0x60, 0x40, 0x00});
  hints.imports[0x406008].parameters = 4;
  expect(unwind(17, 8, false), kIndirect);
}

TEST_F(X86ByCode, ImportedFunctionsWhoseReturnsDiffer) {
  function(kTwoCalls);
  stack[kSlot] = kIndirect;
  hints.starts = {kFunction};
  hints.imports[0x406000] = {kOther, std::nullopt};
  other({0x85, 0xC0, 0x74, 0x03, 0xC2, 0x04, 0x00, 0xC3}); // ret 4 or ret
  refuse(unwind(17, 8, false));
}

// 0 push ebp; 1 mov ebp,esp; 3 push esi; 4 sub esp,eax; 6 call other (returns to B);
// B lea esp,[ebp-4]; E pop esi; F pop ebp; 10 ret
TEST_F(X86ByCode, AllocaLeavesTheFramePointer) {
  function(Bytes{0x55, 0x8B, 0xEC, 0x56, 0x29, 0xC4} + call_other(6) +
           Bytes{0x8D, 0x65, 0xFC, 0x5E, 0x5D, 0xC3});
  stack[kSlot - 4] = kSavedEbp;
  stack[kSlot - 8] = kSavedEsi;
  registers.set(kEbp, kSlot - 4);
  const auto caller = unwind(11, 0x60, false);
  expect(caller);
  EXPECT_EQ(caller->registers.get(kEbp), kSavedEbp);
  EXPECT_EQ(caller->registers.get(kEsi), kSavedEsi);
}

// 0 push ebp; 1 mov ebp,esp; 3 push esi; 4 and esp,-16; 7 sub esp,20h; A call other;
// F lea esp,[ebp-4]; 12 pop esi; 13 pop ebp; 14 ret 8
TEST_F(X86ByCode, RealignedFrames) {
  function(Bytes{0x55, 0x8B, 0xEC, 0x56, 0x83, 0xE4, 0xF0, 0x83, 0xEC, 0x20} + call_other(10) +
           Bytes{0x8D, 0x65, 0xFC, 0x5E, 0x5D, 0xC2, 0x08, 0x00});
  stack[kSlot - 4] = kSavedEbp;
  stack[kSlot - 8] = kSavedEsi;
  registers.set(kEbp, kSlot - 4);
  const auto caller = unwind(15, 0x30, false);
  expect(caller);
  EXPECT_EQ(caller->registers.get(kEsi), kSavedEsi);
  registers.set(kEsi, kSavedEsi); // behind pop esi; pop ebp
  registers.set(kEbp, kSavedEbp);
  expect(unwind(20, 0));
}

// The runtime's __chkstk: esp -= eax, the return address moved along.
const Bytes kChkstk = {0x51, 0x8D, 0x4C, 0x24, 0x04, 0x2B, 0xC8, 0x1B, 0xC0, 0xF7, 0xD0,
                       0x23, 0xC8, 0x8B, 0xC4, 0x25, 0x00, 0xF0, 0xFF, 0xFF, 0x3B, 0xC8,
                       0x72, 0x0A, 0x8B, 0xC1, 0x59, 0x94, 0x8B, 0x00, 0x89, 0x04, 0x24,
                       0xC3, 0x2D, 0x00, 0x10, 0x00, 0x00, 0x85, 0x00, 0xEB, 0xE9};

// 0 push esi; 1 mov eax,80h; 6 call __chkstk; B mov eax,[esi]; D add esp,80h; 13 pop esi; 14 ret
TEST_F(X86ByCode, LargeFramesAreMadeByAHelper) {
  function(Bytes{0x56, 0xB8, 0x80, 0, 0, 0} + call_other(6) +
           Bytes{0x8B, 0x06, 0x81, 0xC4, 0x80, 0, 0, 0, 0x5E, 0xC3});
  other(kChkstk);
  stack[kSlot - 4] = kSavedEsi;
  const auto caller = unwind(13, 0x84);
  expect(caller);
  EXPECT_EQ(caller->registers.get(kEsi), kSavedEsi);
  hints.starts = {kFunction};
  stack[kSlot] = kIndirect;
  expect(unwind(13, 0x84), kIndirect);
}

// __SEH_prolog makes the frame: push 20h; push table; call; then ebp is the frame pointer.
TEST_F(X86ByCode, FramesForExceptionHandlersAreMadeByAHelper) {
  other({0x68, 0,    0,    0x40, 0,       // push handler
         0x64, 0xFF, 0x35, 0,    0, 0, 0, // push fs:[0]
         0x8B, 0x44, 0x24, 0x10,          // mov eax,[esp+10h]
         0x89, 0x6C, 0x24, 0x10,          // mov [esp+10h],ebp
         0x8D, 0x6C, 0x24, 0x10,          // lea ebp,[esp+10h]
         0x2B, 0xE0,                      // sub esp,eax
         0x53, 0x56, 0x57,                // push ebx; push esi; push edi
         0x8B, 0x45, 0xF8, 0x50,          // mov eax,[ebp-8]; push eax
         0x89, 0x65, 0xE8,                // mov [ebp-18h],esp
         0xC3});
  // 0 push 20h; 2 push table; 7 call other; C call eax (returns to E); E mov ecx,[ebp-10h]; 11 ...
  function(Bytes{0x6A, 0x20, 0x68, 0, 0, 0x40, 0} + call_other(7) +
           Bytes{0xFF, 0xD0, 0x8B, 0x4D, 0xF0, 0xEB, 0xFE});
  stack[kSlot - 4] = kSavedEbp;
  stack[kSlot - 0x38] = kSavedEbx;
  registers.set(kEbp, kSlot - 4);
  const auto caller = unwind(14, 0x40, false); // 4 words, 20h of locals, 3 registers, 1 word
  expect(caller);
  EXPECT_EQ(caller->registers.get(kEbp), kSavedEbp);
  EXPECT_EQ(caller->registers.get(kEbx), kSavedEbx);
}

TEST_F(X86ByCode, TheNextFunctionIsNotReachedOverACallThatNeverReturns) {
  // push 1; call other; then, aligned, a function of its own: push esi; sub esp,8; ...
  function(Bytes{0x6A, 0x01, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90} +
           call_other(11) +
           Bytes{0x56, 0x83, 0xEC, 0x08, 0x8B, 0x01, 0x83, 0xC4, 0x08, 0x5E, 0xC3});
  hints.starts = {kFunction, kFunction + 16};
  stack[kSlot] = kReturn; // a call of the first one
  refuse(unwind(20, 16));
  // the second one called indirectly
  stack[kSlot] = kIndirect;
  expect(unwind(20, 12), kIndirect);
}

TEST_F(X86ByCode, AColdPartIsNoFunction) {
  // The symbols let a function begin in the middle of a frame; its way out shows that it does not.
  function(Bytes{0x90, 0x8B, 0x06, 0x83, 0xC4, 0x08, 0x5E, 0xC3});
  hints.starts = {kFunction};
  stack[kSlot] = kIndirect;
  refuse(unwind(1, 0, false));
  const auto way_out = unwind(1, 12); // an exact pc needs no start
  expect(way_out, kIndirect);
}

TEST_F(X86ByCode, HandlersOfInterruptsAreNotCalled) {
  function({0x50, 0x8B, 0x06, 0x58, 0xCF}); // push eax; ...; pop eax; iret
  hints.starts = {kFunction};
  refuse(unwind(1, 4));
}

TEST_F(X86ByCode, InTheMiddleOfAnInstruction) {
  function(kFpo);
  hints.starts = {kFunction};
  stack[kSlot] = kIndirect;
  refuse(unwind(3, 0x28, false));
  refuse(unwind(13, 0x28, false));
}

TEST_F(X86ByCode, AThreadsOutermostFrame) {
  function(kFpo);
  stack[kSlot] = 0;
  refuse(unwind(9, 0x28, false)); // no call there
  hints.starts = {kFunction};
  expect(unwind(9, 0x28), 0);
}

TEST_F(X86ByCode, EffortIsBounded) {
  function(kFpo);
  stack[kSlot] = kIndirect;
  hints.starts = {kFunction};
  unwind(9, 0x28);
  std::size_t effort = 3;
  const auto caller =
      find(Machine::x86)
          ->unwind_by_frame_pointer({registers, memory, hints, true, std::nullopt, &effort});
  refuse(caller);
  EXPECT_EQ(effort, 0u);
  effort = 100000;
  std::shared_ptr<void> kept;
  const UnwindInput input{registers, memory, hints, true, std::nullopt, &effort, &kept};
  EXPECT_TRUE(find(Machine::x86)->unwind_by_frame_pointer(input)->proved);
  const std::size_t after = effort;
  EXPECT_TRUE(find(Machine::x86)->unwind_by_frame_pointer(input)->proved);
  EXPECT_EQ(effort, after); // the function is followed once a walk
}

} // namespace
} // namespace dumptriage::arch
