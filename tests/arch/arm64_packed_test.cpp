// The ARM64 unwinder on packed data: the canonical prologues of "ARM64 exception handling",
// learn.microsoft.com.
#include "arm64_scene.h"

namespace dumptriage::arch {
namespace {

class Arm64Packed : public Arm64Unwind {};

struct PackedCase {
  const char* what;
  unsigned f, i, h, cr, frame;
  int prologue, epilogue;           // instructions, the epilogue with its ret
  int x19, lr, sp;                  // slots in the body from sp on; -1: not saved
  std::vector<std::uint64_t> sp_at; // bytes back to the caller's sp at each instruction
};

// Expected values worked out by hand from the table of canonical prologues.
const PackedCase kPackedCases[] = {
    {"str x19, [sp, #-16]!; sub sp; stp fp, lr; mov fp, sp (example 1)",
     0,
     1,
     0,
     3,
     0x820,
     4,
     4,
     0x810 / 8,
     1,
     0x820,
     {0, 0x10, 0x820, 0x820, 0x820}},
    {"stp x19, x20, [sp, #-16]!; stp fp, lr, [sp, #-32]!; mov fp, sp",
     0,
     2,
     0,
     3,
     0x30,
     3,
     3,
     4,
     1,
     0x30,
     {0, 0x10, 0x30, 0x30}},
    {"pacibsp first", 0, 2, 0, 2, 0x30, 4, 4, 4, 1, 0x30, {0, 0, 0x10, 0x30, 0x30}},
    {"sub sp, #16; stp x19, lr, [sp]; sub sp",
     0,
     1,
     0,
     1,
     0x40,
     3,
     4,
     6,
     7,
     0x40,
     {0, 0x10, 0x10, 0x40}},
    {"stp x19, x20, [sp, #-32]!; str lr, [sp, #16]; sub sp",
     0,
     2,
     0,
     1,
     0x40,
     3,
     4,
     4,
     6,
     0x40,
     {0, 0x20, 0x20, 0x40}},
    {"stp x19, x20, [sp, #-32]!; stp x21, lr, [sp, #16]; sub sp",
     0,
     3,
     0,
     1,
     0x40,
     3,
     4,
     4,
     7,
     0x40,
     {0, 0x20, 0x20, 0x40}},
    {"str lr, [sp, #-16]!; sub sp", 0, 0, 0, 1, 0x30, 2, 3, -1, 4, 0x30, {0, 0x10, 0x30}},
    {"sub sp alone", 0, 0, 0, 0, 0x100, 1, 2, -1, -1, 0x100, {0, 0x100}},
    {"stp d8, d9, [sp, #-32]!; str d10, [sp, #16]; sub sp",
     2,
     0,
     0,
     0,
     0x40,
     3,
     4,
     -1,
     -1,
     0x40,
     {0, 0x20, 0x20, 0x40}},
    {"stp x19, x20 (with room for the homes); stp d8, d9; four homes; stp fp, lr; mov fp, sp",
     1,
     2,
     1,
     3,
     0x80,
     8,
     4,
     4,
     1,
     0x80,
     {0, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x80, 0x80}},
    {"homes behind the prologue when nothing else is saved",
     0,
     0,
     1,
     3,
     0x60,
     2,
     2,
     -1,
     1,
     0x60,
     {0, 0x60, 0x60}},
    {"two allocations", 0, 0, 0, 0, 0x1800, 2, 3, -1, -1, 0x1800, {0, 0xFF0, 0x1800}},
    {"two allocations, chained",
     0,
     0,
     0,
     3,
     0x1800,
     4,
     4,
     -1,
     1,
     0x1800,
     {0, 0xFF0, 0x1800, 0x1800, 0x1800}},
};

TEST_F(Arm64Packed, PackedData) {
  for (const PackedCase& c : kPackedCases) {
    SCOPED_TRACE(c.what);
    functions.entries.clear();
    packed(1, c.f, c.i, c.h, c.cr, c.frame);
    registers.set(kFp, kStack); // as the prologue leaves it
    Registers r = body();
    EXPECT_EQ(r.get(kSp), kStack + c.sp);
    EXPECT_EQ(r.get(kX19), c.x19 < 0 ? 0xA13u : slot(c.x19));
    EXPECT_EQ(r.get(kPc), c.lr < 0 ? kCaller : slot(c.lr));
    for (std::size_t i = 0; i < c.sp_at.size(); ++i)
      EXPECT_EQ(unwind(kCode + 4 * i, true)->registers.get(kSp), kStack + c.sp_at[i]) << i;
    EXPECT_EQ(c.sp_at.size(), static_cast<std::size_t>(c.prologue) + 1);
    // At the ret nothing is left; the instruction before the epilogue is body still.
    EXPECT_EQ(unwind(kCode + 0xFC, true)->registers.get(kSp), kStack);
    const unsigned before = 0x100 - 4 * static_cast<unsigned>(c.epilogue) - 4;
    registers.set(kFp, kStack + 0x200);
    const bool chained = c.cr >= 2;
    EXPECT_EQ(unwind(kCode + before, true)->registers.get(kSp),
              kStack + c.sp + (chained ? 0x200 : 0));
    EXPECT_EQ(unwind(kCode + before + 4, true)->registers.get(kSp), kStack + c.sp);
  }
}

TEST_F(Arm64Packed, PackedFragmentHasNoEdges) {
  packed(2, 0, 2, 0, 3, 0x30);
  registers.set(kFp, kStack);
  for (unsigned offset : {0u, 4u, 0x80u, 0xFCu})
    EXPECT_EQ(unwind(kCode + offset, true)->registers.get(kSp), kStack + 0x30) << offset;
}

TEST_F(Arm64Packed, PackedDataThatContradictsItselfIsRefused) {
  packed(1, 0, 11, 0, 3, 0x100); // x29 is no register of that row
  EXPECT_EQ(unwind(kCode + 0x80, true).error().error.code, Code::bad_value);
  functions.entries.clear();
  packed(1, 0, 10, 0, 3, 0x20); // the frame is smaller than what it saves
  EXPECT_EQ(unwind(kCode + 0x80, true).error().error.code, Code::bad_value);
  functions.entries.clear();
  packed(3, 0, 2, 0, 3, 0x30);
  EXPECT_EQ(unwind(kCode + 0x80, true).error().error.code, Code::bad_value);
  functions.entries.clear();
  packed(1, 0, 2, 0, 3, 0x10); // chained without room for the chain
  EXPECT_EQ(unwind(kCode + 0x80, true).error().error.code, Code::bad_value);
}

} // namespace
} // namespace dumptriage::arch
