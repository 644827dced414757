#include "synth/codeview_writer.h"

#include "image/sample_image.h"
#include "symbols/old_formats.h"
#include "synth/dbg_writer.h"

namespace dumptriage::symbols {
namespace {

using synth::CodeViewWriter;
using synth::CvTypes;

// A module with two procedures and lines, publics behind it, a static symbol in the last table.
CodeViewWriter sample(bool nb11) {
  const CvTypes types = nb11 ? CvTypes::bits32 : CvTypes::bits16;
  CodeViewWriter out;
  out.nb11 = nb11;
  out.module("old.obj", {{"", 1, 0x100, 0x300}});
  synth::Bytes records = synth::cv_compile(4);
  synth::append(records, synth::cv_procedure(types, {"go", 1, 0x100, 0x80}));
  synth::append(records, synth::cv_procedure(types, {"s_helper", 1, 0x180, 0x40}));
  out.symbols(records);
  out.subsections.push_back(
      {0x127, 1, synth::cv_lines({{"old.c", 1, 0x100, 0x1BF, {{0x100, 20}, {0x140, 25}}}})});
  synth::Bytes publics = synth::cv_public(types, {"_go@4", 1, 0x100});
  synth::append(publics, synth::cv_public(types, {"_asm_leaf", 1, 0x300}));
  synth::append(publics, synth::cv_public(types, {"_g_table", 2, 0x20}));
  out.hashed(0x12A, publics);
  synth::Bytes globals = synth::cv_reference("go");
  synth::append(globals, synth::cv_procedure(types, {"behind", 1, 0x1D0, 0x10}));
  out.hashed(0x129, globals);
  out.hashed(0x134, synth::cv_procedure(types, {"s_static", 1, 0x1E0, 0x10}));
  return out;
}

std::shared_ptr<SymbolSource> open(const synth::Bytes& codeview) {
  static std::vector<synth::Bytes> kept;
  synth::DbgWriter dbg;
  dbg.entries = {{2, codeview}};
  kept.push_back(dbg.bytes());
  auto symbols = read_dbg(view_of(kept.back()), dbg.timestamp, dbg.size_of_image);
  EXPECT_TRUE(symbols) << symbols.error().message();
  return symbols ? symbols->source : nullptr;
}

void expect_sample(SymbolSource& source) {
  EXPECT_EQ(at(source, 0x1100), "go+0/80 codeview old.c:20");
  EXPECT_EQ(at(source, 0x117F), "go+7f/80 codeview old.c:25");
  EXPECT_EQ(source.lookup(0x1100)->decorated, "_go@4");
  EXPECT_EQ(at(source, 0x1181), "s_helper+1/40 codeview");
  EXPECT_EQ(at(source, 0x11D8), "behind+8/10 codeview");
  EXPECT_EQ(at(source, 0x11EF), "s_static+f/10 codeview");
  EXPECT_EQ(at(source, 0x1304), "asm_leaf+4/0 codeview_public");
  EXPECT_EQ(at(source, 0x1400), "asm_leaf+100/0 codeview_public far"); // behind old.obj
  EXPECT_EQ(at(source, 0x9024), "g_table+4/0 codeview_public far");    // in no object's piece
  EXPECT_EQ(at(source, 0x10FF), "");
}

TEST(CodeView, BothKindsOfRecords) {
  for (bool nb11 : {false, true}) {
    SCOPED_TRACE(nb11);
    auto source = open(sample(nb11).bytes());
    ASSERT_TRUE(source);
    expect_sample(*source);
  }
}

TEST(CodeView, DirectoriesInAChain) {
  for (std::size_t first = 0; first <= 7; ++first) {
    CodeViewWriter writer = sample(true);
    writer.first_directory = first;
    auto source = open(writer.bytes());
    ASSERT_TRUE(source);
    SCOPED_TRACE(first);
    expect_sample(*source);
  }
}

TEST(CodeView, SegmentsAreMapped) {
  CodeViewWriter writer = sample(false);
  // Segment 1 is section 1 from 0x1000 on; segment 2 begins where the first section does.
  writer.segments({{1, 0x1000}, {1, 0}, {0, 0}});
  auto source = open(writer.bytes());
  ASSERT_TRUE(source);
  EXPECT_EQ(at(*source, 0x2100), "go+0/80 codeview old.c:20");
  EXPECT_EQ(at(*source, 0x1020), "g_table+0/0 codeview_public far");
  EXPECT_EQ(at(*source, 0x9024), "");
}

TEST(CodeView, MipsRecordsOfSixteenBitTypes) {
  CodeViewWriter writer;
  writer.nb11 = false;
  writer.symbols(synth::cv_mips_procedure(CvTypes::bits16, {"risc", 1, 0x40, 0x20}));
  auto source = open(writer.bytes());
  ASSERT_TRUE(source);
  EXPECT_EQ(at(*source, 0x1050), "risc+10/20 codeview");
}

TEST(CodeView, OfAnImageByFileOffset) {
  synth::PeWriter pe(false);
  pe.section(".text", 0x1000, synth::Bytes(0x600, 0x90), synth::kCodeSection);
  pe.section(".data", 0x9000, synth::Bytes(0x200, 0), synth::kDataSection);
  const synth::Bytes codeview = sample(true).bytes();
  const auto size = static_cast<std::uint32_t>(codeview.size());
  const std::uint32_t tail = 0x400 + 0x600 + 0x200 + 0x200;
  pe.section(".rdata", 0xA000, synth::debug_rows({{2, size, 0, tail}}), synth::kConstSection);
  pe.directory(6, 0xA000, 28);
  pe.tail = codeview;
  ASSERT_EQ(pe.tail_offset(), tail);
  auto image = image::open_bytes(pe.file());
  ASSERT_TRUE(image) << image.error().message();
  auto source = image_symbols(**image);
  ASSERT_TRUE(source);
  expect_sample(*source);
  pe.tail = synth::nb10(1, 1, "other.pdb");
  image = image::open_bytes(pe.file());
  ASSERT_TRUE(image);
  EXPECT_EQ(image_symbols(**image), nullptr);
}

TEST(CodeView, ADirectoryThatNamesItself) {
  synth::Bytes bytes = sample(true).bytes();
  const std::uint32_t directory = view_of(bytes).u32(4).value();
  synth::put32(bytes, directory + 8, directory);
  auto source = open(bytes);
  ASSERT_TRUE(source);
  expect_sample(*source);
}

TEST(CodeView, LyingCounts) {
  const synth::Bytes good = sample(false).bytes();
  const std::uint32_t directory = view_of(good).u32(4).value();
  synth::Bytes bytes = good;
  synth::put32(bytes, directory + 4, 0xFFFFFFFF); // entries
  auto source = open(bytes);
  ASSERT_TRUE(source);
  expect_sample(*source);
  bytes = good;
  synth::put16(bytes, directory + 2, 0); // bytes of an entry
  EXPECT_EQ(at(*open(bytes), 0x1100), "");
  bytes = good;
  synth::put32(bytes, 4, 0xFFFFFFF0); // where the directory is
  EXPECT_EQ(at(*open(bytes), 0x1100), "");
}

TEST(CodeView, SubsectionsThatShareBytesAreReadOnce) {
  // 5,000 entries that all name one subsection: no more names than one reading has.
  CodeViewWriter writer = sample(true);
  const CodeViewWriter::Subsection publics = writer.subsections[3];
  synth::Bytes bytes = writer.bytes();
  const std::uint32_t directory = view_of(bytes).u32(4).value();
  synth::put32(bytes, directory + 4, 5000);
  const std::uint32_t place = view_of(bytes).u32(directory + 16 + 12 * 3 + 4).value();
  bytes.resize(directory + 16);
  for (int i = 0; i < 5000; ++i) {
    const std::size_t row = bytes.size();
    synth::put16(bytes, row, 0x12A);
    synth::put32(bytes, row + 4, place);
    synth::put32(bytes, row + 8, 0x8000); // up to the end of the block, so the budget is soon used
  }
  auto source = open(bytes);
  ASSERT_TRUE(source);
  EXPECT_EQ(at(*source, 0x1304), "asm_leaf+4/0 codeview_public");
}

TEST(CodeView, TruncatedAndFilledWithOnes) {
  const synth::Bytes good = sample(false).bytes();
  int named = 0;
  at_every_length(good, [&](ByteView part) {
    auto source = open(synth::Bytes(part.chars().begin(), part.chars().end()));
    if (source != nullptr && source->lookup(0x1100)) ++named;
  });
  EXPECT_GT(named, 0); // the last entries of the directory are not needed for it
  for (std::size_t i = 8; i < good.size(); ++i) {
    synth::Bytes bytes = good;
    bytes[i] = 0xFF;
    auto source = open(bytes);
    ASSERT_TRUE(source);
    for (std::uint32_t rva : {0x1100u, 0x1304u, 0x9024u, 0xFFFFFFFFu})
      if (auto symbol = source->lookup(rva)) {
        EXPECT_EQ(symbol->rva + symbol->offset, rva);
      }
  }
}

} // namespace
} // namespace dumptriage::symbols
