#include "symbols/frame_table.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "symbols/sources.h"
#include "synth/bytes_out.h"

namespace dumptriage::symbols {
namespace {

using arch::FrameData;
using synth::Bytes;
using synth::put16;
using synth::put32;

void fpo(Bytes& out, std::uint32_t start, std::uint32_t size, std::uint32_t locals,
         std::uint16_t parameters, std::uint16_t bits) {
  const std::size_t at = out.size();
  put32(out, at, start);
  put32(out, at + 4, size);
  put32(out, at + 8, locals);
  put16(out, at + 12, parameters);
  put16(out, at + 14, bits);
}

void frame(Bytes& out, std::uint32_t start, std::uint32_t size, std::uint32_t program,
           std::uint32_t flags) {
  const std::size_t at = out.size();
  out.resize(at + 32);
  put32(out, at, start);
  put32(out, at + 4, size);
  put32(out, at + 8, 200); // locals
  put32(out, at + 12, 12); // parameters
  put32(out, at + 20, program);
  put16(out, at + 24, 3); // prologue
  put16(out, at + 26, 8); // saved registers
  put32(out, at + 28, flags);
}

ByteView view(const Bytes& bytes) { return {bytes.data(), bytes.size()}; }

std::string name_at(std::uint32_t offset) {
  return offset == 0x10 ? "first" : offset == 0x20 ? "second" : "";
}

TEST(FrameTable, FpoFields) {
  Bytes records;
  // prologue 5, three registers, ebp saved, FRAME_FPO
  fpo(records, 0x1000, 0x80, 6, 2, 5 | 3 << 8 | 1 << 12 | 0 << 14);
  fpo(records, 0x1100, 0x40, 1, 0, 3 | 3 << 14); // FRAME_NONFPO
  fpo(records, 0x1200, 0x40, 1, 0, 1 << 14);     // FRAME_TRAP
  fpo(records, 0x1300, 0x40, 1, 0, 2 << 14);     // FRAME_TSS
  FrameTable table;
  table.add_fpo(view(records));
  table.seal();
  auto found = table.find(0x107F);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, FrameData::Kind::fpo);
  EXPECT_EQ(found->start, 0x1000u);
  EXPECT_EQ(found->function, 0x1000u);
  EXPECT_EQ(found->prologue, 5u);
  EXPECT_EQ(found->locals, 24u);
  EXPECT_EQ(found->parameters, 8u);
  EXPECT_EQ(found->saved_registers, 12u);
  EXPECT_TRUE(found->saves_ebp);
  EXPECT_FALSE(table.find(0x1080));
  EXPECT_EQ(table.find(0x1100)->kind, FrameData::Kind::frame_pointer);
  EXPECT_EQ(table.find(0x1200)->kind, FrameData::Kind::trap);
  EXPECT_EQ(table.find(0x1300)->kind, FrameData::Kind::tss);
  EXPECT_FALSE(table.find(0xFFF));
}

TEST(FrameTable, TheInnermostRecordAndItsFunction) {
  Bytes stream(4); // a word that is no record
  frame(stream, 0x1000, 0x80, 0x10, 4);
  frame(stream, 0x1001, 0x7F, 0x20, 0);
  frame(stream, 0x2000, 0x10, 0x30, 4); // its program cannot be read
  Bytes old;
  fpo(old, 0x1000, 0x80, 1, 0, 0);
  fpo(old, 0x1010, 0x10, 1, 0, 0);
  FrameTable table;
  table.add_frame_data(view(stream), name_at);
  table.add_fpo(view(old));
  table.seal();
  EXPECT_EQ(table.find(0x1000)->program, "first");
  auto found = table.find(0x1015);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->program, "second");
  EXPECT_EQ(found->start, 0x1001u);
  EXPECT_EQ(found->function, 0x1000u);
  EXPECT_EQ(found->locals, 200u);
  EXPECT_EQ(found->parameters, 12u);
  EXPECT_EQ(found->saved_registers, 8u);
  EXPECT_EQ(found->prologue, 3u);
  EXPECT_FALSE(table.find(0x2000));
}

TEST(FrameTable, EveryCutKeepsTheWholeRecords) {
  Bytes stream;
  for (std::uint32_t i = 0; i < 4; ++i) frame(stream, 0x1000 + 0x100 * i, 0x100, 0x10, 4);
  for (std::size_t size = 0; size <= stream.size(); ++size) {
    Bytes cut(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
    FrameTable old, table;
    old.add_fpo(view(cut));
    old.seal();
    old.find(0x1000);
    table.add_frame_data(view(cut), name_at);
    table.seal();
    if (size % 32 != 0) continue; // else the first word is not taken for a record's
    for (std::uint32_t i = 0; i < 4; ++i)
      EXPECT_EQ(table.find(0x1010 + 0x100 * i).has_value(), i < size / 32) << size;
  }
}

// As `llvm-pdbutil dump -fpo` prints the record of this file.
TEST(FrameTable, RealPdb) {
  const auto path =
      std::filesystem::path(DUMPTRIAGE_SHARED_DIR) / "oracles/user/clang-i686/crash.pdb";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "skipped: no folder of real symbol files";
  auto pdb = open_pdb(path.string(), {});
  ASSERT_TRUE(pdb);
  auto found = (*pdb)->frame_data(0x370A);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->start, 0x3709u);
  EXPECT_EQ(found->function, 0x3700u);
  EXPECT_EQ(found->size, 134u);
  EXPECT_EQ(found->locals, 200u);
  EXPECT_EQ(found->parameters, 12u);
  EXPECT_EQ(found->saved_registers, 12u);
  EXPECT_EQ(found->program, "$T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + = $ebx $T0 4 - ^ = $edi "
                            "$T0 8 - ^ = $esi $T0 12 - ^ = ");
  EXPECT_FALSE((*pdb)->frame_data(0x3600 + 0xAB));
}

} // namespace
} // namespace dumptriage::symbols
