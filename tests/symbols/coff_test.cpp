#include "synth/coff_writer.h"

#include <filesystem>

#include "image/sample_image.h"
#include "symbols/old_formats.h"
#include "synth/dbg_writer.h"

namespace dumptriage::symbols {
namespace {

using synth::CoffWriter;

// As GNU's linker writes it: values count from the section, object files' sections among them.
CoffWriter gnu() {
  CoffWriter coff;
  coff.add(".file", 0xFFFFFFFE, 0, 0, 103, {{'c', 'r', 't', '.', 'c'}});
  coff.piece(".text", 0, 1, 0x100);
  coff.function("_mainCRTStartup", 0x10, 1);
  coff.function("_quiet", 0x80, 1, true);
  coff.add("label", 0x90, 1, 0, 6);
  coff.piece(".text", 0x100, 1, 0x100);
  coff.function("__ZN3Foo3barEi", 0x100, 1);
  coff.add("_asm_too", 0x100, 1, 0, 2); // no function by its type
  coff.function("@fast@8", 0x180, 1);
  coff.add("___crt_xc_end__", 0x100, 1, 0, 2); // of the linker's script
  coff.add("___DTOR_LIST__", 0x1C0, 1, 0, 2);
  coff.piece(".data", 0, 2, 0x40);
  coff.add("_counter", 0x20, 2, 0, 2);
  coff.add("__absolute", 0x1000, -1, 0, 2);
  coff.add("__undefined", 0, 0, 0x20, 2);
  return coff;
}

synth::PeWriter image_with(const CoffWriter& coff) {
  synth::PeWriter pe(false);
  pe.section(".text", 0x1000, synth::Bytes(0x400, 0x90), synth::kCodeSection);
  pe.section(".data", 0x2000, synth::Bytes(0x200, 0), synth::kDataSection);
  pe.tail = coff.table();
  pe.symbol_table = static_cast<std::uint32_t>(pe.tail_offset());
  pe.symbol_count = static_cast<std::uint32_t>(coff.count());
  return pe;
}

TEST(Coff, TableOfAnImage) {
  auto image = image::open_bytes(image_with(gnu()).file());
  ASSERT_TRUE(image) << image.error().message();
  auto source = image_symbols(**image);
  ASSERT_TRUE(source);
  EXPECT_EQ(at(*source, 0x1014), "mainCRTStartup+4/0 coff");
  EXPECT_EQ(source->lookup(0x1014)->decorated, "_mainCRTStartup");
  EXPECT_EQ(at(*source, 0x1095), "quiet+15/0 coff"); // a label is no name
  EXPECT_EQ(at(*source, 0x1100), "Foo::bar+0/0 coff");
  EXPECT_EQ(at(*source, 0x1181), "fast+1/0 coff");
  EXPECT_EQ(at(*source, 0x11C4), "fast+44/0 coff");     // no more is a label of the linker's script
  EXPECT_EQ(at(*source, 0x1200), "fast+80/0 coff far"); // behind its object's section
  EXPECT_EQ(at(*source, 0x2024), "counter+4/0 coff");
  EXPECT_EQ(at(*source, 0x100F), "");
}

TEST(Coff, SizesAndImportCells) {
  CoffWriter coff;
  synth::Bytes size;
  synth::put32(size, 4, 0x20); // TotalSize
  coff.add("_sized", 0x20, 1, 0x20, 2, {size});
  coff.add("__imp__Sleep@4", 0x60, 1, 0, 2);
  auto image = image::open_bytes(image_with(coff).file());
  ASSERT_TRUE(image);
  auto source = image_symbols(**image);
  ASSERT_TRUE(source);
  EXPECT_EQ(at(*source, 0x103F), "sized+1f/20 coff");
  EXPECT_EQ(at(*source, 0x1040), "sized+20/0 coff far");
  EXPECT_EQ(source->lookup(0x1063)->decorated, "__imp__Sleep@4");
  EXPECT_TRUE(source->lookup(0x1064)->far); // one pointer long
}

TEST(Coff, ValuesThatAreRvas) {
  CoffWriter coff;
  coff.function("_go@4", 0x1100, 1);
  coff.function("_leaf", 0x1180, 1);
  for (bool header : {false, true}) { // by the file header, by the debug directory
    synth::PeWriter pe = image_with(coff);
    if (!header) {
      pe.symbol_count = pe.symbol_table = 0;
      pe.section(".rdata", 0x3000, synth::Bytes(28), synth::kConstSection);
      pe.tail = coff.debug_data();
      const auto size = static_cast<std::uint32_t>(pe.tail.size());
      const auto at_tail = static_cast<std::uint32_t>(pe.tail_offset());
      synth::PeWriter again = image_with(coff);
      again.symbol_count = again.symbol_table = 0;
      again.section(".rdata", 0x3000, synth::debug_rows({{1, size, 0, at_tail}}),
                    synth::kConstSection);
      again.directory(6, 0x3000, 28);
      again.tail = pe.tail;
      pe = again;
    }
    auto image = image::open_bytes(pe.file());
    ASSERT_TRUE(image) << image.error().message();
    auto source = image_symbols(**image);
    ASSERT_TRUE(source);
    EXPECT_EQ(at(*source, 0x1104), "go+4/0 coff");
    EXPECT_EQ(at(*source, 0x1180), "leaf+0/0 coff");
  }
}

std::string at_of_dbg(const CoffWriter& coff, std::uint32_t rva) {
  synth::DbgWriter dbg;
  dbg.entries = {{1, coff.debug_data()}};
  const synth::Bytes bytes = dbg.bytes();
  auto symbols = read_dbg(view_of(bytes), dbg.timestamp, dbg.size_of_image);
  return symbols && symbols->source != nullptr ? at(*symbols->source, rva) : "nothing";
}

TEST(Coff, LinesByTheirPieces) {
  CoffWriter coff;
  coff.add(".file", 0, -2, 0, 103, {{'a', '.', 'c'}});
  coff.piece(".text", 0x1100, 1, 0x80);
  coff.function("_first", 0x1100, 1);
  const synth::Bytes half = {'l', 'o', 'n', 'g', '_', 'n', 'a', 'm', 'e',
                             '_', 'o', 'f', '_', 'a', '_', 'f', 'i', 'l'};
  coff.add(".file", 0, -2, 0, 103, {half, {'e', '.', 'c'}});
  coff.piece(".text", 0x1180, 1, 0x80);
  coff.function("_second", 0x1180, 1);
  coff.line(11, 0); // a symbol's number
  coff.line(0x1100, 10);
  coff.line(0x1120, 12);
  coff.line(0x1190, 5);
  coff.line(0x1300, 99); // in no piece
  EXPECT_EQ(at_of_dbg(coff, 0x1100), "first+0/0 coff a.c:10");
  EXPECT_EQ(at_of_dbg(coff, 0x117F), "first+7f/0 coff a.c:12");
  EXPECT_EQ(at_of_dbg(coff, 0x1180), "second+0/0 coff");
  EXPECT_EQ(at_of_dbg(coff, 0x1195), "second+15/0 coff long_name_of_a_file.c:5");
  EXPECT_EQ(at_of_dbg(coff, 0x1300), "second+180/0 coff far");
  coff.add(".bf", 0x1100, 1, 0, 101);
  EXPECT_EQ(at_of_dbg(coff, 0x1100), "first+0/0 coff");
}

TEST(Coff, StaticDataInCodeIsNoFunction) {
  CoffWriter coff;
  coff.function("_go", 0x1100, 1);
  coff.add("$SG6024", 0x1140, 1, 0, 3);
  coff.add("go", 0x1100, 1, 0, 3); // Alpha's compiler marks functions twice
  coff.function("_last", 0x1180, 1);
  EXPECT_EQ(at_of_dbg(coff, 0x1101), "go+1/0 coff");
  EXPECT_EQ(at_of_dbg(coff, 0x1148), "$SG6024+8/0 coff");
  EXPECT_EQ(at_of_dbg(coff, 0x1188), "last+8/0 coff");
}

TEST(Coff, FramesOfAnImageWithoutNames) {
  synth::PeWriter pe(false);
  pe.section(".text", 0x1000, synth::Bytes(0x400, 0x90), synth::kCodeSection);
  const std::uint32_t tail = 0x400 + 0x400 + 0x200;
  pe.section(".rdata", 0x3000, synth::debug_rows({{3, 16, 0, tail}}), synth::kConstSection);
  pe.directory(6, 0x3000, 28);
  pe.tail = synth::fpo_record(0x1100, 0x40, 2, 1, 0x0103);
  ASSERT_EQ(pe.tail_offset(), tail);
  auto image = image::open_bytes(pe.file());
  ASSERT_TRUE(image);
  auto source = image_symbols(**image);
  ASSERT_TRUE(source);
  EXPECT_FALSE(source->lookup(0x1100));
  ASSERT_TRUE(source->frame_data(0x1120));
  EXPECT_EQ(source->frame_data(0x1120)->start, 0x1100u);
}

TEST(Coff, NothingToRead) {
  auto image = image::open_bytes(image_with({}).file());
  ASSERT_TRUE(image);
  EXPECT_EQ(image_symbols(**image), nullptr); // no symbols
  synth::PeWriter pe = image_with(gnu());
  pe.symbol_table = 0x7FFFFFFF; // beyond the file
  image = image::open_bytes(pe.file());
  ASSERT_TRUE(image);
  EXPECT_EQ(image_symbols(**image), nullptr);
}

TEST(Coff, TruncatedAndLying) {
  const synth::Bytes good = gnu().debug_data();
  const auto ask = [](const synth::Bytes& coff) {
    synth::DbgWriter dbg;
    dbg.entries = {{1, coff}};
    const synth::Bytes bytes = dbg.bytes();
    auto symbols = read_dbg(view_of(bytes), dbg.timestamp, dbg.size_of_image);
    ASSERT_TRUE(symbols);
    if (symbols->source == nullptr) return;
    for (std::uint32_t rva : {0x1014u, 0x1100u, 0x9024u, 0xFFFFFFFFu})
      if (auto symbol = symbols->source->lookup(rva)) {
        EXPECT_EQ(symbol->rva + symbol->offset, rva);
      }
  };
  at_every_length(good, [&](ByteView part) { ask({part.chars().begin(), part.chars().end()}); });
  for (std::size_t i = 0; i < good.size(); ++i) {
    synth::Bytes bytes = good;
    bytes[i] = 0xFF;
    ask(bytes);
  }
}

} // namespace
} // namespace dumptriage::symbols
