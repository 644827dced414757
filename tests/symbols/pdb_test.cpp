#include "symbols/tiny_pdb.h"

#include <gtest/gtest.h>

#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

TinyPdb sample() {
  TinyPdb pdb;
  for (int i = 0; i < 16; ++i) pdb.guid[i] = static_cast<std::uint8_t>(i * 17);
  pdb.publics = {{"?go@Tiny@@QEAAHH@Z", 1, 0x100, 2},
                 {"data_in_code", 1, 0x400, 0},
                 {"alias_b", 1, 0x500, 2},
                 {"alias_a", 1, 0x500, 2},
                 {"table", 1, 0x500, 0},
                 {"last", 1, 0x1000, 2},
                 {"g_value", 2, 0x10, 0}};
  pdb.contributions = {
      {1, 0x100, 0x300, 0}, {1, 0x400, 0x600, 0}, {1, 0x1000, 0x20000, 0}, {2, 0, 0x100, 0}};
  pdb.procedures = {{"Tiny::go", 1, 0x100, 0x80}, {"helper", 1, 0x180, 0x40}};
  pdb.lines = {{0, 10}, {0x10, 11}, {0x20, 0xF00F00}, {0x30, 14}};
  return pdb;
}

dump::DebugId wanted(const TinyPdb& pdb, std::uint32_t age) {
  dump::DebugId id;
  id.kind = dump::DebugId::Kind::rsds;
  id.guid = pdb.guid;
  id.age = age;
  return id;
}

std::shared_ptr<SymbolSource> open(const TinyPdb& pdb) {
  static std::vector<Bytes> kept; // the source does not own its bytes
  kept.push_back(pdb.bytes());
  auto source =
      read_pdb(ByteView(kept.back().data(), kept.back().size()), wanted(pdb, pdb.dbi_age));
  EXPECT_TRUE(source) << source.error().message();
  return source ? *source : nullptr;
}

TEST(Pdb, ProcedureWithLine) {
  auto pdb = open(sample());
  ASSERT_TRUE(pdb);
  auto symbol = pdb->lookup(0x1000 + 0x118);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->function, "Tiny::go");
  EXPECT_EQ(symbol->decorated, "?go@Tiny@@QEAAHH@Z");
  EXPECT_EQ(symbol->rva, 0x1100u);
  EXPECT_EQ(symbol->offset, 0x18u);
  EXPECT_EQ(symbol->size, 0x80u);
  EXPECT_EQ(symbol->source, NameSource::pdb);
  EXPECT_EQ(symbol->file, "c:\\src\\tiny.c");
  EXPECT_EQ(symbol->line, 11u);
  EXPECT_FALSE(symbol->far);
  EXPECT_EQ(pdb->lookup(0x1100)->line, 10u);
  EXPECT_EQ(pdb->lookup(0x1125)->line, 0u); // a mark, not a line
  EXPECT_EQ(pdb->lookup(0x117F)->line, 14u);
  EXPECT_EQ(pdb->lookup(0x1180)->function, "helper");
  EXPECT_EQ(pdb->lookup(0x1180)->line, 0u);
}

TEST(Pdb, PublicsAndHowFarTheyReach) {
  auto pdb = open(sample());
  ASSERT_TRUE(pdb);
  struct Case {
    std::uint32_t offset;
    const char* name;
    bool far;
  };
  for (const Case& c :
       {Case{0x1C0, "Tiny::go", true}, // behind the end of helper
        Case{0x400, "data_in_code", false},
        Case{0x500, "alias_a", false}, // functions first, then by name
        Case{0x9FF, "alias_a", false}, Case{0xA00, "alias_a", true}, // in no contribution
        Case{0x1010, "last", false}, Case{0x10FFF, "last", false},
        Case{0x11000, "last", true}}) { // 64 KiB away
    auto symbol = pdb->lookup(0x1000 + c.offset);
    ASSERT_TRUE(symbol) << std::hex << c.offset;
    EXPECT_EQ(symbol->function, c.name) << std::hex << c.offset;
    EXPECT_EQ(symbol->far, c.far) << std::hex << c.offset;
    EXPECT_EQ(symbol->source, NameSource::pdb_public);
  }
  EXPECT_FALSE(pdb->lookup(0x1000));  // before the first public
  EXPECT_FALSE(pdb->lookup(0xFFF));   // in no section
  EXPECT_FALSE(pdb->lookup(0x31000)); // the public of another section is no name
  EXPECT_EQ(pdb->lookup(0x31010)->function, "g_value");
  EXPECT_FALSE(pdb->lookup(0x32000));
}

TEST(Pdb, AStrippedPdbHasPublicsOnly) {
  TinyPdb tiny = sample();
  tiny.stripped = true;
  auto symbol = open(tiny)->lookup(0x1118);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->function, "Tiny::go");
  EXPECT_EQ(symbol->source, NameSource::pdb_public);
  EXPECT_EQ(symbol->size, 0u);
}

TEST(Pdb, X86NamesLoseTheirUnderscore) {
  TinyPdb tiny = sample();
  tiny.machine = 0x14C;
  tiny.publics = {{"_run@8", 1, 0x400, 2}, {"_main", 1, 0x500, 2}};
  EXPECT_EQ(open(tiny)->lookup(0x1400)->function, "run");
  EXPECT_EQ(open(tiny)->lookup(0x1500)->function, "main");
  EXPECT_EQ(open(tiny)->lookup(0x1500)->decorated, "_main");
}

TEST(Pdb, OnlyTheWantedIdOpens) {
  TinyPdb tiny = sample();
  Bytes bytes = tiny.bytes();
  ByteView view(bytes.data(), bytes.size());
  EXPECT_TRUE(read_pdb(view, wanted(tiny, 2))); // age of the DBI stream
  EXPECT_TRUE(read_pdb(view, wanted(tiny, 5))); // age of the info stream
  auto other = read_pdb(view, wanted(tiny, 3));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::mismatch);
  EXPECT_EQ(other.error().why, "debug id 33221100554477668899AABBCCDDEEFF2, wanted "
                               "33221100554477668899AABBCCDDEEFF3");
  dump::DebugId id = wanted(tiny, 2);
  id.guid[15] ^= 1;
  EXPECT_EQ(read_pdb(view, id).error().code, Code::mismatch);
}

TEST(Pdb, NotAPdb) {
  EXPECT_EQ(read_pdb({}, {}).error().code, Code::truncated);
  Bytes text(4096, 'x');
  EXPECT_EQ(read_pdb(ByteView(text.data(), text.size()), {}).error().code, Code::bad_magic);
  synth::put_text(text, 0, "Microsoft C/C++ program database 2.00\r\n");
  EXPECT_EQ(read_pdb(ByteView(text.data(), text.size()), {}).error().code, Code::unsupported);
}

TEST(Pdb, TruncatedAtEveryByte) {
  Bytes bytes = sample().bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(read_pdb(ByteView(bytes.data(), size), {})) << size;
  bytes.resize(bytes.size() + 100); // a tail is no harm
  EXPECT_TRUE(read_pdb(ByteView(bytes.data(), bytes.size()), {}));
}

// Each 32-bit word in turn holds what it must not: no crash, no read outside, answers or none.
TEST(Pdb, EveryWordLying) {
  Bytes whole = sample().bytes();
  std::size_t opened = 0;
  for (std::size_t at = 0; at + 4 <= whole.size(); at += 4) {
    for (std::uint32_t value : {0u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
      Bytes bytes = whole;
      synth::put32(bytes, at, value);
      auto source = read_pdb(ByteView(bytes.data(), bytes.size()), {});
      if (!source) continue;
      ++opened;
      for (std::uint32_t rva = 0x1000; rva < 0x33000; rva += 0x755) (*source)->lookup(rva);
      (*source)->lookup(0x1118);
    }
  }
  EXPECT_GT(opened, 1000u);
}

} // namespace
} // namespace dumptriage::symbols
