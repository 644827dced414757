// The ARM64 unwinder on unwind codes laid down by hand, as "ARM64 exception handling" on
// learn.microsoft.com describes them.
#include "arm64_scene.h"

namespace dumptriage::arch {
namespace {

TEST_F(Arm64Unwind, SaveFpLrPreIndexed) {
  // stp x29, lr, [sp, #-32]!; mov x29, sp
  xdata({0xE1, 0x83, 0xE4});
  auto caller = unwind(kCode + 0x80, true);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_EQ(caller->registers.get(kFp), slot(16)); // sp was set from fp = stack + 0x80
  EXPECT_EQ(caller->registers.get(kPc), slot(17));
  EXPECT_EQ(caller->registers.get(kSp), kStack + 0x80 + 32);
  EXPECT_EQ(caller->registers.get(kX19), 0xA13u);
  EXPECT_EQ(caller->registers.get(kX18), 0xA12u); // belongs to the system
  EXPECT_FALSE(caller->registers.get(kX9));       // volatile
  EXPECT_FALSE(caller->registers.get(kLr));
  EXPECT_EQ(caller->trust, Trust::unwind_data);
  EXPECT_FALSE(caller->machine_frame);
  EXPECT_TRUE(caller->proved);
}

TEST_F(Arm64Unwind, Allocations) {
  xdata({0x02, 0xC0, 0x03, 0xE0, 0x00, 0x01, 0x00, 0x41, 0xE4}); // 0x20, 0x30, 0x1000; lr at +16
  Registers r = body();
  EXPECT_EQ(r.get(kSp), kStack + 0x20 + 0x30 + 0x1000);
  EXPECT_EQ(r.get(kFp), slot((0x1050 + 8) / 8));
  EXPECT_EQ(r.get(kPc), slot((0x1050 + 16) / 8));
}

TEST_F(Arm64Unwind, SavesOfPairs) {
  // save_regp x21 at 0x28, save_r19r20_x 0x40
  xdata({0xC8, 0x85, 0x28, 0xE4});
  Registers r = body();
  EXPECT_EQ(r.get(kX21), slot(5));
  EXPECT_EQ(r.get(kX22), slot(6));
  EXPECT_EQ(r.get(kX19), slot(0));
  EXPECT_EQ(r.get(kX20), slot(1));
  EXPECT_EQ(r.get(kSp), kStack + 0x40);
  EXPECT_EQ(r.get(kPc), kCaller);
}

TEST_F(Arm64Unwind, SavesOfOneAndWithLr) {
  // save_reg x23 at 0x10; save_lrpair x21, lr at 0x20; save_reg_x x19, 0x60; save_regp_x x27, 0x10
  xdata({0xD1, 0x02, 0xD6, 0x44, 0xD4, 0x0B, 0xCE, 0x01, 0xE4});
  Registers r = body();
  EXPECT_EQ(r.get(kX23), slot(2));
  EXPECT_EQ(r.get(kX21), slot(4));
  EXPECT_EQ(r.get(kPc), slot(5));
  EXPECT_EQ(r.get(kX19), slot(0));
  EXPECT_EQ(r.get(kX27), slot(12));
  EXPECT_EQ(r.get(kX28), slot(13));
  EXPECT_EQ(r.get(kSp), kStack + 0x70);
}

TEST_F(Arm64Unwind, SaveOfLrAlone) {
  xdata({0xD2, 0xC3, 0xE4}); // save_reg x30 at 0x18
  EXPECT_EQ(body().get(kPc), slot(3));
}

TEST_F(Arm64Unwind, FloatingPointSavesOnlyMoveSp) {
  // save_fregp d8 8, save_freg d9 16, save_fregp_x d8 0x20, save_freg_x d8 0x10
  xdata({0xD8, 0x01, 0xDC, 0x42, 0xDA, 0x03, 0xDE, 0x01, 0xE4});
  Registers r = body();
  EXPECT_EQ(r.get(kSp), kStack + 0x30);
  EXPECT_EQ(r.get(8), std::nullopt);
  EXPECT_EQ(r.get(kX19), 0xA13u);
  EXPECT_EQ(r.get(kPc), kCaller);
}

TEST_F(Arm64Unwind, AddFp) {
  xdata({0xE2, 0x04, 0x42, 0xE4}); // add x29, sp, #32; stp x29, lr, [sp, #16]
  Registers r = body();
  EXPECT_EQ(r.get(kSp), kStack + 0x60);
  EXPECT_EQ(r.get(kPc), slot((0x60 + 24) / 8));
}

TEST_F(Arm64Unwind, SaveNextGoesOnBehindItsPair) {
  // stp x19, x20, [sp, #-48]!; stp x21, x22; stp x23, x24 (save_next twice)
  xdata({0xE6, 0xE6, 0x26, 0xE4});
  Registers r = body();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(r.get(kX19 + i), slot(i));
  EXPECT_EQ(r.get(25), 0xA19u);
  EXPECT_EQ(r.get(kSp), kStack + 48);
  // behind x27 and x28 come d8 and d9, not fp and lr
  memory = FakeMemory();
  functions.entries.clear();
  SetUp();
  xdata({0xE6, 0xCA, 0x00, 0xE4}); // save_regp x27 at 0
  r = body();
  EXPECT_EQ(r.get(kX28), slot(1));
  EXPECT_EQ(r.get(kFp), kStack + 0x80);
  EXPECT_EQ(r.get(kPc), kCaller);
}

TEST_F(Arm64Unwind, SaveNextBehindNoPairIsRefused) {
  xdata({0xE6, 0x02, 0xE4});
  EXPECT_EQ(unwind(kCode + 0x80, true).error().error.code, Code::bad_value);
}

TEST_F(Arm64Unwind, SaveAnyRegAsLlvmAssemblesIt) {
  // stp q6, q7, [sp, #-176]!; stp x10, x11, [sp, #32]; str x9, [sp, #24]; str d9, [sp, #-32]!
  xdata({0xE7, 0x29, 0x41, 0xE7, 0x09, 0x03, 0xE7, 0x4A, 0x02, 0xE7, 0x66, 0x8A, 0xE4});
  Registers r = body();
  EXPECT_EQ(r.get(kX9), slot((32 + 24) / 8));
  EXPECT_EQ(r.get(kX10), slot((32 + 32) / 8));
  EXPECT_EQ(r.get(11), slot((32 + 40) / 8));
  EXPECT_EQ(r.get(kSp), kStack + 32 + 176);
}

TEST_F(Arm64Unwind, ReservedFormsOfSaveAnyRegAreRefused) {
  for (Bytes codes : {Bytes{0xE7, 0x89, 0x01, 0xE4}, Bytes{0xE7, 0x09, 0xC1, 0xE4},
                      Bytes{0xE7, 0x1F, 0x01, 0xE4}, Bytes{0xE7, 0x5E, 0x01, 0xE4}}) {
    memory = FakeMemory();
    functions.entries.clear();
    SetUp();
    xdata(codes);
    EXPECT_EQ(unwind(kCode + 0x80, true).error().error.code, Code::bad_value);
  }
}

TEST_F(Arm64Unwind, PrologueUndoesOnlyWhatWasDone) {
  // 0 stp x19, x20, [sp, #-32]!; 4 str x21, [sp, #16]; 8 stp fp, lr, [sp, #-16]!; C mov fp, sp
  xdata({0xE1, 0x81, 0xD0, 0x82, 0x24, 0xE4});
  struct Case {
    unsigned offset;
    std::uint64_t sp, pc, x21, x19;
  };
  for (const Case& c :
       {Case{0x0, 0, kCaller, 0xA15, 0xA13}, Case{0x4, 32, kCaller, 0xA15, slot(0)},
        Case{0x8, 32, kCaller, slot(2), slot(0)}, Case{0xC, 48, slot(1), slot(4), slot(2)},
        Case{0x10, 0x80 + 48, slot(17), slot(20), slot(18)}}) {
    auto caller = unwind(kCode + c.offset, true);
    ASSERT_TRUE(caller) << caller.error().error.message();
    EXPECT_EQ(caller->registers.get(kSp), kStack + c.sp) << c.offset;
    EXPECT_EQ(caller->registers.get(kPc), c.pc) << c.offset;
    EXPECT_EQ(caller->registers.get(kX21), c.x21) << c.offset;
    EXPECT_EQ(caller->registers.get(kX19), c.x19) << c.offset;
  }
}

TEST_F(Arm64Unwind, EpilogueSkipsWhatItHasDone) {
  // prologue as above; the epilogue at 0x40: mov sp, fp; ldp fp, lr; ldr x21; ldp x19, x20; ret
  xdata({0xE1, 0x81, 0xD0, 0x82, 0x24, 0xE4}, {{0x40, 0}, {0x60, 1}});
  auto sp_at = [&](unsigned offset) {
    auto caller = unwind(kCode + offset, true);
    EXPECT_TRUE(caller) << offset;
    return caller ? *caller->registers.get(kSp) - kStack : 0;
  };
  EXPECT_EQ(sp_at(0x3C), 0x80u + 48);
  EXPECT_EQ(sp_at(0x40), 0x80u + 48);
  EXPECT_EQ(sp_at(0x44), 48u);
  EXPECT_EQ(sp_at(0x48), 32u);
  EXPECT_EQ(sp_at(0x4C), 32u);
  EXPECT_EQ(sp_at(0x50), 0u); // at the ret
  EXPECT_EQ(sp_at(0x54), 0x80u + 48);
  EXPECT_EQ(sp_at(0x60), 48u); // a second epilogue without mov sp, fp
  EXPECT_EQ(sp_at(0x6C), 0u);
  EXPECT_EQ(sp_at(0x70), 0x80u + 48);
}

TEST_F(Arm64Unwind, ReturnAddressesAreLookedUpAtTheCall) {
  xdata({0xE1, 0x81, 0xD0, 0x82, 0x24, 0xE4}, {{0x40, 0}});
  // The call at 0x3C is the last instruction of the body.
  auto caller = unwind(kCode + 0x40, false);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kSp), kStack + 0x80 + 48);
  // A call that never returns may be the last instruction of all.
  ASSERT_TRUE(unwind(kCode + 0x100, false));
  EXPECT_FALSE(unwind(kCode + 0x104, false)); // the next function, which has no entry, cannot call
}

TEST_F(Arm64Unwind, EpilogueInTheHeader) {
  // E: the epilogue is at the end, its codes begin at index 1 (no set_fp)
  Bytes bytes;
  put32(bytes, 0x40 | 1u << 21 | 1u << 22 | 1u << 27);
  for (std::uint8_t code : {0xE1, 0x83, 0xE4, 0xE4}) bytes.push_back(code);
  raw(bytes);
  auto sp_at = [&](unsigned offset) {
    return *unwind(kCode + offset, true)->registers.get(kSp) - kStack;
  };
  EXPECT_EQ(sp_at(0xF4), 0x80u + 32); // body
  EXPECT_EQ(sp_at(0xF8), 32u);        // ldp fp, lr
  EXPECT_EQ(sp_at(0xFC), 0u);         // ret
}

TEST_F(Arm64Unwind, ExtendedHeader) {
  // 40 epilogues and 32 words of codes need the second word.
  Bytes bytes;
  put32(bytes, 0x40);
  put32(bytes, 40 | 32u << 16);
  for (unsigned i = 0; i < 40; ++i) put32(bytes, (0x40 + 4 * i) / 4 | 2u << 22);
  Bytes codes(128, 0xE4);
  codes[0] = 0x01; // alloc_s 16
  codes[2] = 0x02; // of the epilogues: alloc_s 32
  bytes.insert(bytes.end(), codes.begin(), codes.end());
  raw(bytes);
  EXPECT_EQ(*unwind(kCode + 0x20, true)->registers.get(kSp) - kStack, 16u);
  EXPECT_EQ(*unwind(kCode + 0x44, true)->registers.get(kSp) - kStack, 32u);
  EXPECT_EQ(*unwind(kCode + 0xE0, true)->registers.get(kSp) - kStack, 0u); // its ret
  EXPECT_EQ(*unwind(kCode + 0xE8, true)->registers.get(kSp) - kStack, 16u);
}

TEST_F(Arm64Unwind, FragmentWithoutPrologue) {
  // end_c, then what the parent did: nothing of it is ever only half done at the begin.
  xdata({0xE5, 0xE1, 0x83, 0xE4}, {{0x40, 1}});
  EXPECT_EQ(*unwind(kCode, true)->registers.get(kSp) - kStack, 0x80u + 32);
  EXPECT_EQ(*unwind(kCode + 0x44, true)->registers.get(kSp) - kStack, 32u);
}

TEST_F(Arm64Unwind, ShrinkWrappedRegion) {
  // str x21 at 16; end_c; then fp chain of the region around it
  xdata({0xD0, 0x82, 0xE5, 0x83, 0xE4}, {{0x40, 0}});
  auto at = [&](unsigned offset) { return unwind(kCode + offset, true)->registers; };
  EXPECT_EQ(at(0).get(kX21), 0xA15u);
  EXPECT_EQ(at(0).get(kSp), kStack + 32);
  EXPECT_EQ(at(4).get(kX21), slot(2));
  EXPECT_EQ(at(0x40).get(kX21), slot(2));
  EXPECT_EQ(at(0x44).get(kX21), 0xA15u);
  EXPECT_EQ(at(0x44).get(kPc), slot(1));
}

TEST_F(Arm64Unwind, LeafsReturnToLr) {
  auto caller = unwind(kBase + 0x2000, true);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kPc), kCaller);
  EXPECT_EQ(caller->registers.get(kSp), kStack);
  EXPECT_FALSE(unwind(kBase + 0x2000, false));
}

TEST_F(Arm64Unwind, SignedReturnAddressesAreStripped) {
  registers.set(kLr, 0x5A34000000000000 | kCaller);
  EXPECT_EQ(unwind(kBase + 0x2000, true)->registers.get(kPc), kCaller);
  registers.set(kLr, 0x5AF4F80312345678); // bit 55: an address of the kernel
  EXPECT_EQ(unwind(kBase + 0x2000, true)->registers.get(kPc), 0xFFFFF80312345678u);
}

TEST_F(Arm64Unwind, TrapFrame) {
  xdata({0x01, 0xE8, 0xE4}); // 16 bytes, then the trap frame
  Bytes frame(0x150);
  auto put = [&](std::size_t at, std::uint64_t value) {
    for (int i = 0; i < 8; ++i) frame[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  };
  put(0x98, 0x55AA0);             // sp
  put(0xA0 + 9 * 8, 0x999);       // x9
  put(0x138, 0x1111);             // lr
  put(0x140, 0x2222);             // fp
  put(0x148, 0xFFFFF80000003333); // pc
  registers.set(kSp, 0x90000);
  memory.put(0x90010, frame);
  auto caller = unwind(kCode + 0x80, true);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_TRUE(caller->machine_frame);
  EXPECT_EQ(caller->registers.get(kPc), 0xFFFFF80000003333u);
  EXPECT_EQ(caller->registers.get(kSp), 0x55AA0u);
  EXPECT_EQ(caller->registers.get(kFp), 0x2222u);
  EXPECT_EQ(caller->registers.get(kLr), 0x1111u);
  EXPECT_EQ(caller->registers.get(kX9), 0x999u);
  EXPECT_EQ(caller->registers.get(kX19), 0xA13u);
}

// Fields as of a data abort in a kernel dump: Spsr says EL1, and all addresses are of the kernel.
TEST_F(Arm64Unwind, TrapFrameOfABugcheck) {
  constexpr std::uint64_t kFrame = 0xFFFFE00E0F14C2C0, kPcOf = 0xFFFFF80312345678;
  struct Case {
    std::uint32_t spsr;
    std::uint64_t sp, pc;
    bool good;
  };
  for (const Case& c : {Case{0x20001144, kFrame + 0x150, kPcOf, true},
                        Case{0x20000145, kFrame + 0x150, kPcOf, true},
                        Case{0x60000000, 0x12345670, 0x7FF612345678, true}, // from user mode
                        Case{0x20001144, 0x12345670, kPcOf, false},
                        Case{0x20001144, kFrame + 0x150, 0x7FF612345678, false},
                        Case{0x60000000, kFrame + 0x150, kPcOf, false},
                        Case{0x20001154, kFrame + 0x150, kPcOf, false}, // 32-bit code
                        Case{0x20001146, kFrame + 0x150, kPcOf, false},
                        Case{0x20001144, kFrame + 0x158, kPcOf, false},
                        Case{0x20001144, kFrame + 0x150, kPcOf + 2, false}}) {
    Bytes frame(0x150);
    auto put = [&](std::size_t at, std::uint64_t value, int size = 8) {
      for (int i = 0; i < size; ++i) frame[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    };
    put(0x90, c.spsr, 4);
    put(0x98, c.sp);
    put(0xA0, 0x1000);
    put(0xA0 + 8 * 18, 0x1018);
    put(0x138, 0x3030);
    put(0x140, 0x2929);
    put(0x148, c.pc);
    FakeMemory stack;
    stack.put(kFrame, frame);
    const auto r = arch.read_trap_frame(stack, kFrame);
    ASSERT_EQ(r.has_value(), c.good) << std::hex << c.spsr;
    if (!r) continue;
    EXPECT_EQ(r->get(kPc), c.pc);
    EXPECT_EQ(r->get(kSp), c.sp);
    EXPECT_EQ(r->get(0), 0x1000u);
    EXPECT_EQ(r->get(kX18), 0x1018u);
    EXPECT_EQ(r->get(kFp), 0x2929u);
    EXPECT_EQ(r->get(kLr), 0x3030u);
    EXPECT_FALSE(r->get(kX19));
    EXPECT_FALSE(arch.read_trap_frame(stack, kFrame + 0x10)); // cut off
  }
}

TEST_F(Arm64Unwind, MachineFrame) {
  xdata({0xE9, 0xE4}); // sp and pc lie at sp
  auto caller = unwind(kCode + 0x80, true);
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->machine_frame);
  EXPECT_EQ(caller->registers.get(kSp), slot(0));
  EXPECT_EQ(caller->registers.get(kPc), slot(1));
  EXPECT_FALSE(caller->registers.get(kLr));
}

TEST_F(Arm64Unwind, ContextFrame) {
  Bytes context(0x390);
  auto put = [&](std::size_t at, std::uint64_t value) {
    for (int i = 0; i < 8; ++i) context[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  };
  put(0, 0x00400007);
  put(8 + 8 * 20, 0x2020); // x20
  put(0xF0, 0xF0F0);       // fp
  put(0xF8, 0x3030);       // lr
  put(0x100, 0x31310);     // sp
  put(0x108, 0x7FF712340); // pc
  memory.put(0x90000, context);
  xdata({0xEA, 0xE4});
  registers.set(kSp, 0x90000);
  auto caller = unwind(kCode + 0x80, true);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_TRUE(caller->machine_frame);
  EXPECT_EQ(caller->registers.get(kPc), 0x7FF712340u);
  EXPECT_EQ(caller->registers.get(kX20), 0x2020u);
  EXPECT_EQ(caller->registers.get(kLr), 0x3030u);
  // CONTEXT_UNWOUND_TO_CALL: its pc is a return address
  put(0, 0x20400007);
  memory = FakeMemory();
  memory.put(0x90000, context);
  functions.entries.clear();
  xdata({0xEA, 0xE4});
  EXPECT_FALSE(unwind(kCode + 0x80, true)->machine_frame);
  // of another CPU
  put(0, 0x0010000B);
  memory = FakeMemory();
  memory.put(0x90000, context);
  functions.entries.clear();
  xdata({0xEA, 0xE4});
  EXPECT_EQ(unwind(kCode + 0x80, true).error().error.code, Code::bad_value);
}

TEST_F(Arm64Unwind, ClearUnwoundToCallMakesPcExact) {
  xdata({0xEC, 0x83, 0xE4});
  auto caller = unwind(kCode + 0x80, true);
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->machine_frame);
  EXPECT_EQ(caller->registers.get(kPc), slot(1));
}

TEST_F(Arm64Unwind, CodesWithoutMeaningStopTheMethod) {
  for (std::uint8_t code : {0xDF, 0xEB, 0xED, 0xF0, 0xF8, 0xFB, 0xFD, 0xFF}) {
    memory = FakeMemory();
    functions.entries.clear();
    SetUp();
    xdata({code, 0, 0, 0, 0, 0xE4});
    auto caller = unwind(kCode + 0x80, true);
    ASSERT_FALSE(caller) << int{code};
    EXPECT_EQ(caller.error().error.code, Code::unsupported) << int{code};
    EXPECT_FALSE(caller.error().stop);
  }
}

TEST_F(Arm64Unwind, TheSizeOfReservedCodesIsKnown) {
  // In the prologue they count as one instruction and are skipped whole: F8 has one byte more.
  xdata({0xF8, 0xE4, 0x83, 0xE4});
  EXPECT_EQ(*unwind(kCode + 4, true)->registers.get(kSp) - kStack, 32u);
}

TEST_F(Arm64Unwind, CutAtEveryByte) {
  Bytes whole;
  put32(whole, 0x40 | 2u << 22 | 2u << 27);
  put32(whole, 0x10);
  put32(whole, 0x20 | 1u << 22);
  for (std::uint8_t code : {0xE1, 0x81, 0xD0, 0x82, 0x24, 0xE4, 0xE4, 0xE4}) whole.push_back(code);
  functions.add(0x1000, 0x1100, 0x8000);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    memory = FakeMemory();
    memory.put(kInfo, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    auto caller = unwind(kCode, true); // nothing done yet: no stack is read
    EXPECT_EQ(caller.has_value(), size == whole.size()) << size;
    if (!caller) {
      EXPECT_EQ(caller.error().error.code, Code::absent) << size;
    }
  }
}

TEST_F(Arm64Unwind, CodesThatDoNotEndAreRefused) {
  for (Bytes codes : {Bytes{0x01, 0x01, 0x01, 0x01}, Bytes{0x01, 0x01, 0x01, 0xE0},
                      Bytes{0x01, 0x01, 0x01, 0xC8}}) {
    memory = FakeMemory();
    functions.entries.clear();
    SetUp();
    xdata(codes);
    EXPECT_EQ(unwind(kCode + 0x80, true).error().error.code, Code::bad_value);
  }
}

TEST_F(Arm64Unwind, AnotherVersionIsNotRead) {
  Bytes bytes;
  put32(bytes, 0x40 | 1u << 18 | 1u << 27);
  put32(bytes, 0xE4E4E4E4);
  raw(bytes);
  EXPECT_EQ(unwind(kCode + 0x80, true).error().error.code, Code::unsupported);
}

TEST_F(Arm64Unwind, AMissingStackIsNamed) {
  xdata({0x83, 0xE4});
  registers.set(kSp, 0x500000);
  auto caller = unwind(kCode + 0x80, true);
  ASSERT_FALSE(caller);
  EXPECT_EQ(caller.error().error.code, Code::absent);
  EXPECT_EQ(caller.error().error.what, "return address");
}

TEST_F(Arm64Unwind, ACallThroughABadPointer) {
  // blr x8 just before lr, and x8 is where it went
  memory.put(kCaller - 4, {0x00, 0x01, 0x3F, 0xD6});
  registers.set(8, 0x1);
  auto caller = unwind(0x1, true);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_EQ(caller->registers.get(kPc), kCaller);
  EXPECT_EQ(caller->registers.get(kSp), kStack);
  EXPECT_EQ(caller->trust, Trust::prologue);
  registers.set(8, 0x3);
  EXPECT_FALSE(unwind(0x1, true));
  EXPECT_FALSE(unwind(0x3, false)); // a return address has executed something
}

TEST_F(Arm64Unwind, ADirectCallToCodeWithoutATable) {
  const std::uint64_t target = kBase + 0x200000; // beyond the image
  const std::uint64_t distance = (target - (kCaller - 4)) / 4;
  FakeMemory code;
  memory.words(kCaller - 4, {0x94000000 | (distance & 0x3FFFFFF)}, 4);
  EXPECT_EQ(unwind(target, true)->registers.get(kPc), kCaller);
  EXPECT_FALSE(unwind(target + 4, true));
}

} // namespace
} // namespace dumptriage::arch
