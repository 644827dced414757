#include "synth/dbg_writer.h"

#include "image/dbg_file.h"
#include "symbols/old_formats.h"
#include "synth/codeview_writer.h"
#include "synth/coff_writer.h"

namespace dumptriage::symbols {
namespace {

using synth::DbgWriter;

synth::Bytes coff_data() {
  synth::CoffWriter coff;
  coff.function("_go@4", 0x1100, 1); // rvas, as Microsoft's linker writes them
  coff.function("_long_name_of_a_leaf", 0x1200, 1);
  coff.function("_in_data", 0x9100, 2);
  return coff.debug_data();
}

DbgWriter sample() {
  DbgWriter dbg;
  dbg.exported_names = {"First", "Second"};
  dbg.entries = {{1, coff_data()},
                 {3, synth::fpo_record(0x1100, 0x40, 2, 1, 0x0103)},
                 {5, synth::Bytes(24, 0x55)}};
  return dbg;
}

std::shared_ptr<SymbolSource> open(const DbgWriter& dbg) {
  static std::vector<synth::Bytes> kept;
  kept.push_back(dbg.bytes());
  auto symbols = read_dbg(view_of(kept.back()), dbg.timestamp, dbg.size_of_image);
  EXPECT_TRUE(symbols) << symbols.error().message();
  return symbols ? symbols->source : nullptr;
}

TEST(Dbg, WhatTheFileSays) {
  const DbgWriter writer = sample();
  const synth::Bytes bytes = writer.bytes();
  auto dbg = image::read_dbg_file(view_of(bytes));
  ASSERT_TRUE(dbg) << dbg.error().message();
  EXPECT_EQ(dbg->machine, arch::Machine::x86);
  EXPECT_EQ(dbg->timestamp, 0x36B5C0DEu);
  EXPECT_EQ(dbg->checksum, 0x12345u);
  EXPECT_EQ(dbg->size_of_image, 0x20000u);
  EXPECT_EQ(dbg->image_base, 0x80100000u);
  EXPECT_EQ(dbg->characteristics, 0x230Eu);
  ASSERT_EQ(dbg->sections.size(), 2u);
  EXPECT_EQ(dbg->sections[1].name, ".data");
  EXPECT_EQ(dbg->sections[1].rva, 0x9000u);
  EXPECT_EQ(dbg->exported_names, (std::vector<std::string>{"First", "Second"}));
  ASSERT_EQ(dbg->entries.size(), 3u);
  EXPECT_EQ(dbg->data_of(5).size(), 24u);
  EXPECT_EQ(dbg->data_of(5).u8(0), 0x55);
  EXPECT_TRUE(dbg->data_of(8).empty());
  EXPECT_TRUE(dbg->notes.empty());
}

TEST(Dbg, TimeStampAndSizeMustMatch) {
  const DbgWriter writer = sample();
  const synth::Bytes bytes = writer.bytes();
  EXPECT_TRUE(read_dbg(view_of(bytes), writer.timestamp, writer.size_of_image));
  auto other = read_dbg(view_of(bytes), writer.timestamp + 1, writer.size_of_image);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::mismatch);
  EXPECT_EQ(other.error().why, "time stamp 36B5C0DE and size 20000, wanted 36B5C0DF and 20000");
  EXPECT_FALSE(read_dbg(view_of(bytes), writer.timestamp, 0x100020000));
}

TEST(Dbg, NamesOfCoffAndFrames) {
  auto source = open(sample());
  ASSERT_TRUE(source);
  EXPECT_EQ(at(*source, 0x1104), "go+4/0 coff");
  EXPECT_EQ(source->lookup(0x1104)->decorated, "_go@4");
  EXPECT_EQ(at(*source, 0x1200), "long_name_of_a_leaf+0/0 coff");
  auto frame = source->frame_data(0x1110);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->start, 0x1100u);
  EXPECT_EQ(frame->locals, 8u);
  EXPECT_EQ(frame->parameters, 4u);
}

TEST(Dbg, CodeViewSaysMoreThanCoff) {
  DbgWriter dbg = sample();
  synth::CodeViewWriter codeview;
  codeview.nb11 = false;
  codeview.symbols(synth::cv_procedure(synth::CvTypes::bits16, {"by_codeview", 1, 0x100, 0x30}));
  dbg.entries.push_back({2, codeview.bytes()});
  auto source = open(dbg);
  ASSERT_TRUE(source);
  EXPECT_EQ(at(*source, 0x1104), "by_codeview+4/30 codeview");
  EXPECT_EQ(at(*source, 0x1200), "");
}

TEST(Dbg, APdbThatItPointsOnTo) {
  DbgWriter dbg;
  dbg.entries = {{2, synth::nb10(0x37A8F8B2, 1, "driver.pdb")}};
  const synth::Bytes bytes = dbg.bytes();
  auto symbols = read_dbg(view_of(bytes), dbg.timestamp, dbg.size_of_image);
  ASSERT_TRUE(symbols);
  EXPECT_EQ(symbols->source, nullptr);
  EXPECT_EQ(symbols->pdb.key(), "37A8F8B21");
  EXPECT_EQ(symbols->pdb.file, "driver.pdb");
}

TEST(Dbg, RearrangedImage) {
  DbgWriter dbg = sample();
  dbg.entries.push_back({7, synth::omap({{0x1000, 0x1000}, {0x6000, 0x1100}, {0x6100, 0}})});
  dbg.entries.push_back({8, synth::omap({{0x1000, 0x1000}, {0x1100, 0x6000}, {0x1200, 0}})});
  auto source = open(dbg);
  ASSERT_TRUE(source);
  EXPECT_EQ(at(*source, 0x6008), "go+8/0 coff");
  EXPECT_EQ(source->lookup(0x6008)->rva, 0x6000u);
  EXPECT_EQ(source->frame_data(0x6010)->start, 0x6000u);
  EXPECT_EQ(at(*source, 0x6100), "");
}

TEST(Dbg, FramesOnlyOnX86) {
  DbgWriter dbg = sample();
  dbg.machine = 0x184; // Alpha
  auto source = open(dbg);
  ASSERT_TRUE(source);
  EXPECT_FALSE(source->frame_data(0x1110));
  // Where an underscore in front is part of the name.
  EXPECT_EQ(at(*source, 0x1200), "_long_name_of_a_leaf+0/0 coff");
}

TEST(Dbg, EmptyWrongAndTruncated) {
  EXPECT_FALSE(image::read_dbg_file({}));
  synth::Bytes bytes = sample().bytes();
  at_every_length(bytes, [](ByteView part) {
    auto dbg = image::read_dbg_file(part);
    EXPECT_EQ(dbg.has_value(), part.size() >= 0x30);
    if (!dbg) return;
    EXPECT_FALSE(dbg->notes.empty() && dbg->exported_names.size() == 2);
    auto symbols = read_dbg(part, dbg->timestamp, dbg->size_of_image);
    ASSERT_TRUE(symbols);
    if (symbols->source != nullptr) symbols->source->lookup(0x1104);
  });
  bytes[0] = 'M';
  auto wrong = image::read_dbg_file(view_of(bytes));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::bad_magic);
}

TEST(Dbg, LyingCounts) {
  const synth::Bytes good = sample().bytes();
  for (std::size_t field : {0x18, 0x1C, 0x20}) {
    synth::Bytes bytes = good;
    synth::put32(bytes, field, 0xFFFFFFFF);
    auto dbg = image::read_dbg_file(view_of(bytes));
    ASSERT_TRUE(dbg);
    EXPECT_LT(dbg->sections.size() + dbg->exported_names.size() + dbg->entries.size(), 200u);
    EXPECT_FALSE(field != 0x1C && dbg->notes.empty());
  }
}

} // namespace
} // namespace dumptriage::symbols
