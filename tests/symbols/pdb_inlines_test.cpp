#include "symbols/pdb_inlines.h"

#include <gtest/gtest.h>

#include "symbols/sources.h"
#include "symbols/tiny_pdb.h"

namespace dumptriage::symbols {
namespace {

using List = std::vector<std::uint8_t>;

Bytes bytes_of(const List& list) {
  Bytes out;
  for (std::uint8_t byte : list) out.push_back(byte);
  return out;
}

ByteView view(const Bytes& bytes) { return ByteView(bytes.data(), bytes.size()); }

// The line from the start of the function at an offset; -100 where the site has no code.
std::int64_t line_at(const List& annotations, std::uint32_t offset) {
  const Bytes bytes = bytes_of(annotations);
  auto line = line_of_annotations(view(bytes), offset);
  return line ? line->from_start : -100;
}

TEST(PdbAnnotations, AsClangWritesThem) {
  // line +3, code +0x19, line +1, code +0x27, line -2 and code +4 in one, length 0xB
  const List annotations = {0x06, 0x06, 0x03, 0x19, 0x06, 0x02, 0x03, 0x27, 0x0B, 0x54, 0x04, 0x0B};
  EXPECT_EQ(line_at(annotations, 0x18), -100);
  EXPECT_EQ(line_at(annotations, 0x19), 3);
  EXPECT_EQ(line_at(annotations, 0x3F), 3);
  EXPECT_EQ(line_at(annotations, 0x40), 4);
  EXPECT_EQ(line_at(annotations, 0x43), 4);
  EXPECT_EQ(line_at(annotations, 0x44), 2);
  EXPECT_EQ(line_at(annotations, 0x4E), 2);
  EXPECT_EQ(line_at(annotations, 0x4F), -100);
}

TEST(PdbAnnotations, AfterALengthTheCodeGoesOnBehindIt) {
  // [8, 0xC) line 0, then 6 bytes of other code, then [0x12, 0x14) line 1
  const List annotations = {0x03, 0x08, 0x04, 0x04, 0x06, 0x02, 0x03, 0x06, 0x04, 0x02, 0x00};
  EXPECT_EQ(line_at(annotations, 0x0B), 0);
  EXPECT_EQ(line_at(annotations, 0x0C), -100);
  EXPECT_EQ(line_at(annotations, 0x11), -100);
  EXPECT_EQ(line_at(annotations, 0x12), 1);
  EXPECT_EQ(line_at(annotations, 0x14), -100);
}

TEST(PdbAnnotations, AsMicrosoftWritesThem) {
  // length 0xC at +0x1C, then length 2 at +0x11 from where the first began; padding
  const List annotations = {0x0C, 0x0C, 0x1C, 0x0C, 0x02, 0x11, 0x00, 0x00};
  EXPECT_EQ(line_at(annotations, 0x1B), -100);
  EXPECT_EQ(line_at(annotations, 0x1C), 0);
  EXPECT_EQ(line_at(annotations, 0x27), 0);
  EXPECT_EQ(line_at(annotations, 0x28), -100);
  EXPECT_EQ(line_at(annotations, 0x2D), 0);
  EXPECT_EQ(line_at(annotations, 0x2F), -100);
}

TEST(PdbAnnotations, NumbersOfTwoAndFourBytes) {
  // code +0x8B in two bytes, length 0x12345 in four
  const List annotations = {0x03, 0x80, 0x8B, 0x04, 0xC0, 0x01, 0x23, 0x45};
  EXPECT_EQ(line_at(annotations, 0x8A), -100);
  EXPECT_EQ(line_at(annotations, 0x8B), 0);
  EXPECT_EQ(line_at(annotations, 0x8B + 0x12344), 0);
  EXPECT_EQ(line_at(annotations, 0x8B + 0x12345), -100);
  for (std::size_t size = 0; size < annotations.size(); ++size)
    EXPECT_EQ(line_at({annotations.begin(), annotations.begin() + size}, 0x8B), -100) << size;
  EXPECT_EQ(line_at({0x03, 0xE0, 0x01}, 0), -100); // no number begins so
}

TEST(PdbAnnotations, FilesAndOtherPartsOfTheFunction) {
  // code 0 in the function's file, from +4 on in file 0x28, length 4
  const Bytes files = bytes_of({0x03, 0x00, 0x05, 0x28, 0x03, 0x04, 0x04, 0x04});
  EXPECT_FALSE(line_of_annotations(view(files), 0)->file);
  EXPECT_EQ(line_of_annotations(view(files), 4)->file, 0x28u);
  // what follows a change of base lies elsewhere
  EXPECT_EQ(line_at({0x02, 0x01, 0x0C, 0x10, 0x00}, 4), -100);
}

void put_text(Bytes& out, std::string_view text) {
  for (char c : text) out.push_back(static_cast<std::uint8_t>(c));
  out.push_back(0);
}

Bytes site(std::uint32_t inlinee, const List& annotations, std::uint16_t kind = 0x114D) {
  Bytes out;
  synth::put16(out, 0, kind);
  synth::put32(out, 2, 0);
  synth::put32(out, 6, 0);
  synth::put32(out, 10, inlinee);
  if (kind == 0x115D) synth::put32(out, 14, 7); // how often it was called
  synth::append(out, bytes_of(annotations));
  return out;
}

Bytes end_of_site() { return bytes_of({0x4E, 0x11}); }

// LF_FUNC_ID or LF_MFUNC_ID
Bytes function_id(std::uint16_t kind, std::uint32_t scope, const char* name) {
  Bytes out;
  synth::put16(out, 0, kind);
  synth::put32(out, 2, scope);
  synth::put32(out, 6, 0x1003);
  put_text(out, name);
  return out;
}

Bytes string_id(const char* text) {
  Bytes out;
  synth::put16(out, 0, 0x1605);
  synth::put32(out, 2, 0);
  put_text(out, text);
  return out;
}

// A TPI stream of one record: class "Tiny" of 300 bytes, a size that does not fit its leaf.
Bytes one_class() {
  Bytes record, out;
  synth::put16(record, 2, 0x1504);
  record.resize(20);
  synth::put16(record, 20, 0x8002);
  synth::put16(record, 22, 300);
  put_text(record, "Tiny");
  synth::align(record, 4);
  synth::put16(record, 0, record.size() - 2);
  for (std::size_t v : {std::size_t{20040203}, std::size_t{56}, std::size_t{0x1000},
                        std::size_t{0x1001}, record.size()})
    synth::put32(out, out.size(), v);
  out.resize(56);
  synth::put16(out, 0x14, 0xFFFF);
  synth::append(out, record);
  return out;
}

// go() at [0x100, 0x180) holds add() at [8, 0x20), which holds twice() at [0x10, 0x18); and, beside
// it, Tiny::get() at [0x40, 0x44).
TinyPdb sample() {
  TinyPdb pdb;
  pdb.types = one_class();
  pdb.contributions = {{1, 0x100, 0x300, 0}};
  pdb.procedures = {{"go", 1, 0x100, 0x80}, {"next", 1, 0x180, 0x40}};
  pdb.lines = {{0, 10}, {8, 12}, {0x20, 13}};
  pdb.id_records = {function_id(0x1601, 0, "add"), string_id("math::detail"),
                    function_id(0x1601, 0x1001, "twice<int>"), function_id(0x1602, 0x1000, "get")};
  pdb.inner = {site(0x1000, {0x03, 0x08, 0x06, 0x02, 0x03, 0x08, 0x04, 0x10}),
               site(0x1002, {0x0C, 0x08, 0x10}, 0x115D),
               end_of_site(),
               end_of_site(),
               site(0x1003, {0x0C, 0x04, 0x40}),
               end_of_site()};
  pdb.inlinees = {{0x1002, 0, 300}, {0x1000, 0, 200}, {0x1003, 0, 400}};
  return pdb;
}

std::shared_ptr<SymbolSource> open(const Bytes& bytes) {
  auto source = read_pdb(view(bytes), {});
  return source ? *source : nullptr;
}

std::string chain_at(SymbolSource& pdb, std::uint32_t rva) {
  std::string text;
  for (const InlineCall& call : pdb.inlines(rva))
    text += call.function + ":" + std::to_string(call.line) + (call.file.empty() ? "? " : " ");
  auto symbol = pdb.lookup(rva);
  return symbol ? text + symbol->function + ":" + std::to_string(symbol->line) : text;
}

TEST(PdbInlines, InnermostFirstAndTheirNames) {
  const Bytes bytes = sample().bytes();
  auto pdb = open(bytes);
  ASSERT_TRUE(pdb);
  EXPECT_EQ(chain_at(*pdb, 0x1100), "go:10");
  EXPECT_EQ(chain_at(*pdb, 0x1108), "add:200 go:12");
  EXPECT_EQ(chain_at(*pdb, 0x1110), "math::detail::twice<int>:300 add:201 go:12");
  EXPECT_EQ(chain_at(*pdb, 0x1118), "add:201 go:12");
  EXPECT_EQ(chain_at(*pdb, 0x1120), "go:13");
  EXPECT_EQ(chain_at(*pdb, 0x1140), "Tiny::get:400 go:13");
  EXPECT_EQ(chain_at(*pdb, 0x1144), "go:13");
  EXPECT_EQ(chain_at(*pdb, 0x1190), "next:0"); // its records begin behind those of go()
  EXPECT_EQ(pdb->inlines(0x1110)[0].file, "c:\\src\\tiny.c");
  EXPECT_TRUE(pdb->inlines(0x100).empty());
}

TEST(PdbInlines, WhatIsMissingIsLeftOut) {
  TinyPdb tiny = sample();
  tiny.id_records.clear();
  tiny.inlinees.clear();
  const Bytes bytes = tiny.bytes();
  EXPECT_EQ(chain_at(*open(bytes), 0x1110), ":0? :0? go:12");
}

TEST(PdbInlines, EveryWordLying) {
  const Bytes whole = sample().bytes();
  std::size_t opened = 0, answers = 0;
  for (std::size_t at = 0; at + 4 <= whole.size(); at += 4) {
    for (std::uint32_t value : {0u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
      Bytes bytes = whole;
      synth::put32(bytes, at, value);
      auto pdb = open(bytes);
      if (!pdb) continue;
      ++opened;
      for (std::uint32_t rva = 0x10F8; rva < 0x1200; rva += 8) answers += pdb->inlines(rva).size();
    }
  }
  EXPECT_GT(opened, 1000u);
  EXPECT_GT(answers, 5000u);
}

// S_SEPCODE: 0x20 bytes of go() at 0x300.
TEST(PdbInlines, APartOfAFunctionElsewhere) {
  TinyPdb tiny = sample();
  Bytes part;
  synth::put16(part, 0, 0x1132);
  for (std::uint32_t v : {0u, 0u, 0x20u, 0u, 0x300u, 0x100u}) synth::put32(part, part.size(), v);
  synth::put16(part, part.size(), 1);
  synth::put16(part, part.size(), 1);
  tiny.outer = {part, bytes_of({0x06, 0x00})};
  const Bytes bytes = tiny.bytes();
  auto pdb = open(bytes);
  auto symbol = pdb->lookup(0x1310);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->function, "go");
  EXPECT_EQ(symbol->rva, 0x1100u);
  EXPECT_EQ(symbol->offset, 0x210u);
  EXPECT_EQ(symbol->size, 0x220u);
  EXPECT_FALSE(pdb->lookup(0x1320)); // there is no public
  EXPECT_TRUE(pdb->inlines(0x1308).empty());
}

TEST(PdbInlines, APortablePdbIsNamed) {
  Bytes bytes(4096, 0);
  synth::put_text(bytes, 0, "BSJB");
  auto pdb = read_pdb(view(bytes), {});
  ASSERT_FALSE(pdb);
  EXPECT_EQ(pdb.error().code, Code::unsupported);
  EXPECT_NE(pdb.error().why.find(".NET"), std::string::npos);
}

} // namespace
} // namespace dumptriage::symbols
