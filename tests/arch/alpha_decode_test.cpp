// Alpha instructions as text and as accesses.  The texts are those of binutils' disassembler for
// the same words, in our spelling.
#include <gtest/gtest.h>

#include "alpha_words.h"
#include "arch/alpha_decode.h"
#include "fake.h"

namespace dumptriage::arch {
namespace {

using namespace alpha;

constexpr std::uint64_t kPc = 0x10000;

std::optional<CodeLine> line(std::uint32_t word, std::uint64_t pc = kPc) {
  return code_line_alpha(std::as_bytes(std::span(&word, 1)), pc);
}

TEST(AlphaDecode, Text) {
  const struct {
    std::uint32_t word;
    std::string_view text;
  } known[] = {
      {0x23DEFFE0, "lda sp, -0x20(sp)"},
      {0x27BB0001, "ldah gp, 1(t12)"},
      {0x281E000A, "ldbu v0, 0xa(sp)"},
      {0x2FFE0000, "unop"},
      {0x2C010007, "ldq_u v0, 7(t0)"},
      {0x303F8000, "ldwu t0, -0x8000(zero)"},
      {0x34410002, "stw t1, 2(t0)"},
      {0x39EF0001, "stb fp, 1(fp)"},
      {0x3C010008, "stq_u v0, 8(t0)"},
      {0x40220402, "addq t0, t1, t1"},
      {0x43C61520, "subq sp, 0x30, v0"},
      {0x43E60006, "sextl t5, t5"},
      {0x43E60526, "negq t5, t5"},
      {0x47FF041F, "nop"},
      {0x47FF0401, "clr t0"},
      {0x47FE040F, "mov sp, fp"},
      {0x47E0F410, "mov 0x7, a0"},
      {0x45200800, "xor s0, v0, v0"},
      {0x47E10502, "not t0, t1"},
      {0x44220482, "cmoveq t0, t1, t1"},
      {0x4A309731, "sll a1, 0x84, a1"},
      {0x4C220403, "mulq t0, t1, t2"},
      {0x73E10002, "sextb t0, t1"},
      {0x705F0E01, "ftoit f2, t0"},
      {0x501F0482, "itoft v0, f2"},
      {0x53E1F563, "sqrtt/sui f1, f3"},
      {0x54221003, "addf f1, f2, f3"},
      {0x58221423, "subt f1, f2, f3"},
      {0x58220403, "addt/c f1, f2, f3"},
      {0x5BE1F5E3, "cvttq/svi f1, f3"},
      {0x5D220404, "cpys f9, f2, f4"},
      {0x5C210404, "fmov f1, f4"},
      {0x5FFF041F, "fnop"},
      {0x5FFF0404, "fclr f4"},
      {0x5C2104A1, "mf_fpcr f1"},
      {0x60000000, "trapb"},
      {0x60004000, "mb"},
      {0x6020C000, "rpcc t0"},
      {0x6BFA8001, "ret (ra)"},
      {0x6B5B4000, "jsr ra, (t12)"},
      {0x6BFB0000, "jmp zero, (t12)"},
      {0x8C5E0040, "ldt f2, 0x40(sp)"},
      {0x9C5E0040, "stt f2, 0x40(sp)"},
      {0x88410004, "lds f2, 4(t0)"},
      {0xA01E0010, "ldl v0, 0x10(sp)"},
      {0xA75E0000, "ldq ra, 0(sp)"},
      {0xA8010000, "ldl_l v0, 0(t0)"},
      {0xBC010000, "stq_c v0, 0(t0)"},
      {0xC3FFFFE4, "br 0xff94"},
      {0xD35FFFC3, "bsr ra, 0xff10"},
      {0xE5200002, "beq s0, 0x1000c"},
      {0xF420000D, "bne t0, 0x10038"},
      {0xC4400001, "fbeq f2, 0x10008"},
      {0x00000083, "call_pal callsys"},
      {0x000000AB, "call_pal rdteb"},
      {0x00000123, "call_pal 0x123"},
  };
  for (const auto& k : known) {
    const auto l = line(k.word);
    ASSERT_TRUE(l) << std::hex << k.word;
    EXPECT_EQ(l->text, k.text) << std::hex << k.word;
    EXPECT_EQ(l->length, 4u);
  }
}

TEST(AlphaDecode, WordsThatAreNoInstructions) {
  for (const std::uint32_t word : {0x04000000u, 0x64000000u, 0x7C000000u, 0x40000FE0u, 0x4C000FE0u,
                                   0x5C000000u, 0x50000000u, 0x60000001u})
    EXPECT_FALSE(line(word)) << std::hex << word;
  const std::byte three[3] = {};
  EXPECT_FALSE(code_line_alpha(three, kPc));
  EXPECT_FALSE(code_line_alpha({}, kPc));
}

TEST(AlphaDecode, Accesses) {
  const struct {
    std::uint32_t word;
    int base;
    int displacement;
    unsigned size;
    bool write;
  } known[] = {
      {ldq(s0, -8, sp), 30, -8, 8, false},
      {stq(zero, 0, t0), 1, 0, 8, true},
      {ldl(v0, 0x10, a0), 16, 0x10, 4, false},
      {stl(v0, 4, a1), 17, 4, 4, true},
      {memory_word(0x0A, 0, 1, 2), 2, 1, 1, false},
      {memory_word(0x0E, 0, 1, 2), 2, 1, 1, true},
      {memory_word(0x0C, 0, 2, 2), 2, 2, 2, false},
      {memory_word(0x0D, 0, 2, 2), 2, 2, 2, true},
      {ldt(2, 8, sp), 30, 8, 8, false},
      {stt(2, 8, sp), 30, 8, 8, true},
      {memory_word(0x22, 0, 4, 2), 2, 4, 4, false},
      {memory_word(0x2E, 0, 4, 2), 2, 4, 4, true},
      {ldq(v0, 0, zero), 31, 0, 8, false},
  };
  for (const auto& k : known) {
    const auto l = line(k.word);
    ASSERT_TRUE(l && l->access) << std::hex << k.word;
    EXPECT_EQ(l->access->base, k.base) << l->text;
    EXPECT_EQ(l->access->displacement, k.displacement) << l->text;
    EXPECT_EQ(l->access->size, k.size) << l->text;
    EXPECT_EQ(l->access->write, k.write) << l->text;
    EXPECT_EQ(l->access->read, !k.write) << l->text;
  }
  for (const std::uint32_t word : {lda(sp, -16, sp), kNop, ret(), bsr(ra, 4), ldq(zero, 8, t0)})
    EXPECT_FALSE(line(word)->access) << line(word)->text;
}

TEST(AlphaDecode, WaysOut) {
  EXPECT_TRUE(line(bsr(ra, -1))->call);
  EXPECT_EQ(line(bsr(ra, -1))->target, kPc);
  EXPECT_EQ(line(bsr(ra, 0xFFFFF), 0xFFFFFFFF80000000)->target, 0xFFFFFFFF80400000u);
  EXPECT_TRUE(line(jsr(ra, t12))->call);
  EXPECT_FALSE(line(jsr(ra, t12))->target);
  EXPECT_TRUE(line(bsr(zero, 2))->jump); // keeps no return address
  EXPECT_FALSE(line(bsr(zero, 2))->call);
  EXPECT_TRUE(line(beq(t0, 3))->jump);
  EXPECT_EQ(line(beq(t0, 3))->target, kPc + 16);
  EXPECT_TRUE(line(jmp(t12))->jump);
  EXPECT_TRUE(line(ret())->ret);
  EXPECT_FALSE(line(ret())->jump || line(ret())->call);
}

TEST(AlphaDecode, CallBefore) {
  FakeMemory memory;
  memory.words(0x1000,
               {bsr(ra, 8), jsr(ra, t12), bsr(at, 8), jump_word(3, ra, t12), jmp(t12), ret(), kNop,
                bsr(zero, 4), branch_word(0x30, ra, 0)},
               4);
  const bool calls[] = {true, true, true, true, false, false, false, false, false};
  for (int i = 0; i < 9; ++i) EXPECT_EQ(call_before_alpha(memory, 0x1004 + 4 * i), calls[i]) << i;
  EXPECT_EQ(call_before_alpha(memory, 0x1006), false); // inside an instruction
  EXPECT_EQ(call_before_alpha(memory, 0), false);
  EXPECT_EQ(call_before_alpha(memory, 0x1000), std::nullopt); // no code at hand
}

} // namespace
} // namespace dumptriage::arch
