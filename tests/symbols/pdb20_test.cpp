#include "synth/pdb20_writer.h"

#include "symbols/old_formats.h"
#include "synth/dbg_writer.h"

namespace dumptriage::symbols {
namespace {

using synth::CvTypes;
using synth::Pdb20Writer;

Pdb20Writer sample(bool vc4 = false) {
  Pdb20Writer pdb;
  pdb.vc4 = vc4;
  pdb.publics = {{"?go@Old@@QAEHH@Z", 1, 0x100}, {"_leaf@8", 1, 0x400}, {"__alias", 1, 0x500},
                 {"_alias", 1, 0x500},           {"_next", 1, 0x800},   {"_g_value", 2, 0x10}};
  pdb.removed = {{"_was_here", 1, 0x180}};
  synth::Bytes records = synth::cv_compile(3);
  const auto add = [&](const synth::Bytes& record) { synth::append(records, record); };
  add(synth::cv_procedure(CvTypes::bits32, {"Old::go", 1, 0x100, 0x80}));
  add(synth::cv_procedure(CvTypes::bits32, {"s_helper", 1, 0x180, 0x40}));
  add(synth::cv_thunk({"thunk", 1, 0x1C0, 5}));
  pdb.modules.push_back({"old.obj",
                         records,
                         {{"c:\\src\\old.cpp", 1, 0x100, 0x1BF, {{0x100, 10}, {0x110, 11}}},
                          {"c:\\src\\old.h", 1, 0x120, 0x12F, {{0x120, 7}}}},
                         {{"", 1, 0x100, 0x500}}});
  pdb.modules.push_back({"lib.obj", {}, {}, {{"", 1, 0x800, 0x100}, {"", 2, 0, 0x100}}});
  return pdb;
}

dump::DebugId wanted(std::uint32_t signature, std::uint32_t age) {
  dump::DebugId id;
  id.kind = dump::DebugId::Kind::nb10;
  id.signature = signature;
  id.age = age;
  return id;
}

std::shared_ptr<SymbolSource> open(const Pdb20Writer& writer) {
  static std::vector<synth::Bytes> kept; // the source does not own its bytes
  kept.push_back(writer.bytes());
  auto source = read_pdb(view_of(kept.back()), wanted(writer.signature, writer.info_age));
  EXPECT_TRUE(source) << source.error().message();
  return source ? *source : nullptr;
}

TEST(Pdb20, ProceduresWithLines) {
  auto pdb = open(sample());
  ASSERT_TRUE(pdb);
  EXPECT_EQ(at(*pdb, 0x1100), "Old::go+0/80 codeview c:\\src\\old.cpp:10");
  EXPECT_EQ(at(*pdb, 0x111F), "Old::go+1f/80 codeview c:\\src\\old.cpp:11");
  EXPECT_EQ(at(*pdb, 0x1125), "Old::go+25/80 codeview c:\\src\\old.h:7");
  EXPECT_EQ(at(*pdb, 0x1130), "Old::go+30/80 codeview"); // behind the last byte of old.h
  EXPECT_EQ(at(*pdb, 0x1185), "s_helper+5/40 codeview");
  EXPECT_EQ(at(*pdb, 0x11C4), "thunk+4/5 codeview");
  EXPECT_EQ(pdb->lookup(0x1100)->decorated, "?go@Old@@QAEHH@Z");
  EXPECT_EQ(pdb->lookup(0x1185)->decorated, "s_helper");
}

TEST(Pdb20, PublicsOfTheAddressMapOnly) {
  auto pdb = open(sample());
  ASSERT_TRUE(pdb);
  EXPECT_EQ(at(*pdb, 0x1403), "leaf+3/0 codeview_public");
  EXPECT_EQ(at(*pdb, 0x1500), "_alias+0/0 codeview_public");       // the first by name: "__alias"
  EXPECT_EQ(at(*pdb, 0x1700), "_alias+200/0 codeview_public far"); // behind its object's piece
  EXPECT_EQ(at(*pdb, 0x1810), "next+10/0 codeview_public");
  EXPECT_EQ(at(*pdb, 0x11D0), "Old::go+d0/0 codeview_public far"); // and no record removed
  EXPECT_EQ(at(*pdb, 0x9010), "g_value+0/0 codeview_public");
  EXPECT_EQ(at(*pdb, 0x9008), ""); // before the first of its section
  EXPECT_EQ(at(*pdb, 0x1080), "");
  EXPECT_EQ(at(*pdb, 0xB000), "");
}

TEST(Pdb20, ReferencesWithHiddenNamesAreStepped) {
  // All lengths of the hidden name, among records that follow one another without an index.
  for (std::size_t length = 0; length < 40; ++length) {
    Pdb20Writer pdb = sample();
    synth::Bytes records = synth::cv_reference(std::string(length, 'n'));
    synth::append(records, synth::cv_procedure(CvTypes::bits32, {"behind", 1, 0x600, 0x10}));
    pdb.modules[0].records = records;
    auto source = open(pdb);
    ASSERT_TRUE(source);
    EXPECT_EQ(at(*source, 0x1601), "behind+1/10 codeview") << length;
  }
}

TEST(Pdb20, ProceduresOfOtherCpus) {
  Pdb20Writer pdb;
  synth::Bytes records = synth::cv_mips_procedure(CvTypes::bits32, {"_mips", 1, 0x20, 0x10});
  synth::append(records, synth::cv_ia64_procedure({"_ia64", 1, 0x40, 0x20}));
  pdb.modules.push_back({"risc.obj", records, {}, {}});
  auto source = open(pdb);
  ASSERT_TRUE(source);
  EXPECT_EQ(at(*source, 0x1024), "_mips+4/10 codeview");
  EXPECT_EQ(at(*source, 0x105F), "_ia64+1f/20 codeview");
}

TEST(Pdb20, OldHeaderTakesItsSectionsFromTheImage) {
  Pdb20Writer pdb = sample(true);
  const synth::Bytes bytes = pdb.bytes();
  const auto id = wanted(pdb.signature, pdb.info_age);
  auto alone = read_pdb(view_of(bytes), id);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, Code::absent);
  struct Sections final : image::Image {
    std::size_t read_rva(std::uint32_t, std::span<std::byte>) const override { return 0; }
    memory::Origin origin() const override { return memory::Origin::image; }
    std::string where() const override { return "test"; }
  } image;
  image.machine = arch::Machine::x86;
  image.sections = {{".text", 0x4000, 0x8000, 0, 0, 0}, {".data", 0xC000, 0x2000, 0, 0, 0}};
  auto source = read_pdb(view_of(bytes), id, &image);
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_EQ(at(**source, 0x4110), "Old::go+10/80 codeview c:\\src\\old.cpp:11");
  EXPECT_EQ(at(**source, 0x4700), "_alias+200/0 codeview_public far");
  EXPECT_EQ(at(**source, 0xC018), "g_value+8/0 codeview_public");
}

TEST(Pdb20, SignatureAndAgeMustMatch) {
  const Pdb20Writer writer = sample();
  const synth::Bytes bytes = writer.bytes();
  EXPECT_TRUE(read_pdb(view_of(bytes), wanted(writer.signature, writer.info_age)));
  EXPECT_TRUE(read_pdb(view_of(bytes), wanted(writer.signature, writer.dbi_age)));
  EXPECT_TRUE(read_pdb(view_of(bytes), {}));
  for (const auto& id : {wanted(writer.signature + 1, 3), wanted(writer.signature, 4)}) {
    auto source = read_pdb(view_of(bytes), id);
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().code, Code::mismatch);
    EXPECT_NE(source.error().why.find("34C0CEA63"), std::string::npos) << source.error().why;
    EXPECT_NE(source.error().why.find(id.key()), std::string::npos);
  }
  dump::DebugId guid;
  guid.kind = dump::DebugId::Kind::rsds;
  guid.age = writer.info_age;
  EXPECT_FALSE(read_pdb(view_of(bytes), guid));
}

TEST(Pdb20, FramesAndAMapOfRearrangedCode) {
  Pdb20Writer pdb = sample();
  pdb.fpo = synth::fpo_record(0x1100, 0x80, 3, 2, 0x1205); // prologue 5, two registers, ebp used
  pdb.omap_to_source = synth::omap({{0x1000, 0x1000}, {0x5000, 0x1100}, {0x5080, 0}});
  pdb.omap_from_source = synth::omap({{0x1000, 0x1000}, {0x1100, 0x5000}, {0x1180, 0}});
  auto source = open(pdb);
  ASSERT_TRUE(source);
  auto symbol = source->lookup(0x5012);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->function, "Old::go");
  EXPECT_EQ(symbol->rva, 0x5000u);
  EXPECT_EQ(symbol->offset, 0x12u);
  EXPECT_EQ(symbol->line, 11u);
  EXPECT_EQ(at(*source, 0x5090), ""); // no source
  auto frame = source->frame_data(0x5012);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->start, 0x5000u);
  EXPECT_EQ(frame->size, 0x80u);
  EXPECT_EQ(frame->locals, 12u);
  EXPECT_EQ(frame->parameters, 8u);
  EXPECT_EQ(frame->saved_registers, 8u);
  EXPECT_TRUE(frame->saves_ebp);
  EXPECT_FALSE(source->frame_data(0x6000));
}

TEST(Pdb20, EmptyWrongAndTruncated) {
  EXPECT_FALSE(read_pdb({}, {}));
  const synth::Bytes bytes = sample().bytes();
  at_every_length(bytes, [](ByteView part) { EXPECT_FALSE(read_pdb(part, {})); });
  synth::Bytes text(0x400, ' ');
  synth::put_text(text, 0,
                  "Microsoft C/C++ program database 2.00\r\n\x1a"
                  "XX");
  EXPECT_FALSE(read_pdb(view_of(text), {}));
}

TEST(Pdb20, LyingCounts) {
  const synth::Bytes good = sample().bytes();
  const auto with = [&](std::size_t offset, std::uint32_t value, std::size_t size) {
    synth::Bytes bytes = good;
    synth::put(bytes, offset, value, size);
    return bytes;
  };
  for (std::uint32_t page : {0u, 1u, 513u, 0x10000u, 0xFFFFFFFFu})
    EXPECT_FALSE(read_pdb(view_of(with(0x2C, page, 4)), {})) << page;
  EXPECT_FALSE(read_pdb(view_of(with(0x32, 0xFFFF, 2)), {}));     // pages
  EXPECT_FALSE(read_pdb(view_of(with(0x34, 0xFFFFFFFF, 4)), {})); // size of the root
  EXPECT_FALSE(read_pdb(view_of(with(0x34, 0, 4)), {}));
  EXPECT_FALSE(read_pdb(view_of(with(0x3C, 0, 2)), {})); // the root in the header
  EXPECT_FALSE(read_pdb(view_of(with(0x3C, 0xFFFF, 2)), {}));
}

// Every byte of the root stream and of the DBI stream as all ones: pages that all streams share,
// sizes beyond the file, counts without records.  Whatever is still named must lie in the image.
TEST(Pdb20, BytesThatLie) {
  const synth::Bytes good = sample().bytes();
  int opened = 0;
  for (std::size_t i = 0x2C; i < good.size(); ++i) {
    synth::Bytes bytes = good;
    bytes[i] = 0xFF;
    auto source = read_pdb(view_of(bytes), {});
    if (!source) continue;
    ++opened;
    for (std::uint32_t rva : {0x1100u, 0x1403u, 0x9010u, 0xFFFFFFFFu})
      if (auto symbol = (*source)->lookup(rva)) {
        EXPECT_EQ(symbol->rva + symbol->offset, rva);
      }
  }
  EXPECT_GT(opened, 1000);
}

TEST(Pdb20, StreamsThatShareTheirPagesCostNoMoreThanTheFile) {
  // 60 streams of the whole file each: the first takes all that may be loaded.
  synth::Bytes stream(0x8000, 1);
  synth::Bytes file = synth::msf20({stream}, 1024);
  synth::Bytes root;
  synth::put16(root, 0, 300);
  root.resize(4);
  for (int i = 0; i < 300; ++i) {
    synth::put32(root, root.size(), i < 60 ? 0x8000 : 0xFFFFFFFF);
    synth::put32(root, root.size(), 0);
  }
  for (int i = 0; i < 60; ++i)
    for (int k = 0; k < 32; ++k) synth::put16(root, root.size(), 2 + k);
  const std::size_t first = file.size() / 1024;
  synth::put_bytes(file, file.size(), root);
  synth::align(file, 1024);
  synth::put16(file, 0x32, file.size() / 1024);
  synth::put32(file, 0x34, root.size());
  for (std::size_t i = 0; i < (root.size() + 1023) / 1024; ++i)
    synth::put16(file, 0x3C + 2 * i, first + i);
  auto source = read_pdb(view_of(file), {});
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, Code::truncated);
}

} // namespace
} // namespace dumptriage::symbols
