// STACK WIN, STACK CFI and INLINE records: expected values read off the text by hand.
#include <gtest/gtest.h>

#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

using arch::FrameData;

std::shared_ptr<SymbolSource> source_of(const std::string& records, const char* system = "Linux") {
  static std::vector<std::string> kept;
  kept.push_back("MODULE " + std::string(system) + " x86 0 a\n" + records);
  auto source = read_breakpad(ByteView(kept.back().data(), kept.back().size()), {});
  return source ? *source : nullptr;
}

constexpr char kWin[] = "FUNC 1000 40 8 first\n"
                        "1000 40 1 0\n"
                        "STACK WIN 4 1000 40 5 2 8 c 10 0 1 $T0 $ebp = $eip $T0 4 + ^ =\n"
                        "STACK WIN 4 1001 3e 4 0 8 10 10 0 1 $T2 $esp .cbLocals + =\r\n"
                        "STACK WIN 0 2000 30 1 0 4 8 14 0 0 1\n"
                        "STACK WIN 0 2030 10 1 0 4 0 0 0 0 0\n"
                        "STACK WIN 3 3000 10 3 0 4 0 0 0 0 0\n"
                        "STACK WIN 4 2028 4 0 0 0 0 0 0 1 inner\n"
                        "STACK WIN 4 4000 10 0 0 4 0 0 0 0 0\n"
                        "STACK WIN 1 5000 10 0 0 0 0 0 0 0 0\n"
                        "STACK WIN 9 6000 10 0 0 0 0 0 0 0 0\n"
                        "STACK WIN 4 zz 10 0 0 0 0 0 0 0 0\n"
                        "STACK WIN 4 7000 10 0 0\n"
                        "STACK WIN\n"
                        "STACK\n";

TEST(BreakpadStack, FrameDataPrograms) {
  auto source = source_of(kWin, "windows");
  auto data = source->frame_data(0x1000);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->kind, FrameData::Kind::program);
  EXPECT_EQ(data->start, 0x1000u);
  EXPECT_EQ(data->function, 0x1000u);
  EXPECT_EQ(data->size, 0x40u);
  EXPECT_EQ(data->prologue, 5u);
  EXPECT_EQ(data->parameters, 8u);
  EXPECT_EQ(data->saved_registers, 0xCu);
  EXPECT_EQ(data->locals, 0x10u);
  EXPECT_EQ(data->program, "$T0 $ebp = $eip $T0 4 + ^ =");
  data = source->frame_data(0x1001); // the record inside the other
  ASSERT_TRUE(data);
  EXPECT_EQ(data->start, 0x1001u);
  EXPECT_EQ(data->program, "$T2 $esp .cbLocals + =");
  EXPECT_EQ(source->frame_data(0x103F)->start, 0x1000u); // behind the inner one
  EXPECT_FALSE(source->frame_data(0x1040));
  EXPECT_FALSE(source->frame_data(0xFFF));
}

TEST(BreakpadStack, FpoAndOtherKinds) {
  auto source = source_of(kWin, "windows");
  auto data = source->frame_data(0x2010);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->kind, FrameData::Kind::fpo);
  EXPECT_TRUE(data->saves_ebp);
  EXPECT_EQ(data->locals, 0x14u);
  EXPECT_EQ(data->function, 0u); // no FUNC there
  EXPECT_FALSE(source->frame_data(0x2035)->saves_ebp);
  EXPECT_EQ(source->frame_data(0x2029)->program, "inner"); // a program goes before FPO
  EXPECT_EQ(source->frame_data(0x3000)->kind, FrameData::Kind::frame_pointer);
  EXPECT_EQ(source->frame_data(0x4000)->kind, FrameData::Kind::fpo); // says that it has no program
  EXPECT_EQ(source->frame_data(0x5000)->kind, FrameData::Kind::trap);
  EXPECT_FALSE(source->frame_data(0x6000)); // a type that is not known
  EXPECT_FALSE(source->frame_data(0x7000)); // cut
}

TEST(BreakpadStack, RulesInForceAtAnAddress) {
  auto source = source_of("STACK CFI INIT 1000 30 .cfa: $rsp 8 + .ra: .cfa -8 + ^\n"
                          "STACK CFI 1001 .cfa: $rsp 16 + $rbp: .cfa -16 + ^\r\n"
                          "STACK CFI 1004 .cfa: $rbp 16 +\n"
                          "STACK CFI 102f .cfa: $rsp 8 +\n"
                          "STACK CFI INIT 1030 10 .cfa: $rsp 8 + .ra: .cfa -8 + ^\n"
                          "STACK CFI INIT 2000\n"
                          "STACK CFI INIT\n"
                          "STACK CFI 1031 .cfa: 0\n");
  EXPECT_EQ(source->cfi(0x1000)->rules, ".cfa: $rsp 8 + .ra: .cfa -8 + ^");
  EXPECT_EQ(source->cfi(0x1003)->rules, ".cfa: $rsp 16 + .ra: .cfa -8 + ^ $rbp: .cfa -16 + ^");
  EXPECT_EQ(source->cfi(0x1020)->rules, ".cfa: $rbp 16 + .ra: .cfa -8 + ^ $rbp: .cfa -16 + ^");
  EXPECT_EQ(source->cfi(0x102F)->rules, ".cfa: $rsp 8 + .ra: .cfa -8 + ^ $rbp: .cfa -16 + ^");
  EXPECT_EQ(source->cfi(0x1031)->rules, ".cfa: $rsp 8 + .ra: .cfa -8 + ^");
  EXPECT_EQ(source->cfi(0x1031)->start, 0x1030u);
  EXPECT_FALSE(source->cfi(0x1031)->body_only);
  EXPECT_FALSE(source->cfi(0xFFF));
  EXPECT_FALSE(source->cfi(0x1040));
  EXPECT_FALSE(source->cfi(0x2000));
  EXPECT_FALSE(source->frame_data(0x1000));
}

TEST(BreakpadStack, RulesOfWindowsImagesHoldInTheBodyOnly) {
  auto source = source_of("STACK CFI INIT 1010 6a .cfa: $rsp .ra: .cfa 8 - ^\n"
                          "STACK CFI 1010 .cfa: $rsp 80 +\n",
                          "windows");
  EXPECT_EQ(source->cfi(0x1010)->rules, ".cfa: $rsp 80 + .ra: .cfa 8 - ^");
  EXPECT_TRUE(source->cfi(0x1010)->body_only);
}

constexpr char kNewInlines[] = "FILE 0 outer.c\nFILE 1 middle.c\nFILE 2 inner.c\n"
                               "INLINE_ORIGIN 7 middle(int)\nINLINE_ORIGIN 8 inner()\n"
                               "FUNC 100 50 0 outer()\n"
                               "INLINE 1 21 1 8 120 8 140 4\n"
                               "INLINE 0 11 0 7 110 38\n"
                               "INLINE 0 12 0 8 148 4\n"
                               "100 10 10 0\n110 10 20 1\n120 8 30 2\n128 18 22 1\n"
                               "140 4 31 2\n144 4 23 1\n148 4 32 2\n14c 4 13 0\n"
                               "FUNC 200 10 0 other\n";

TEST(BreakpadInlines, InnermostFirstAndTheFunctionAtItsCall) {
  auto source = source_of(kNewInlines);
  auto calls = source->inlines(0x121);
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].function, "inner");
  EXPECT_EQ(calls[0].file, "inner.c");
  EXPECT_EQ(calls[0].line, 30u);
  EXPECT_EQ(calls[1].function, "middle");
  EXPECT_EQ(calls[1].file, "middle.c");
  EXPECT_EQ(calls[1].line, 21u);
  auto symbol = source->lookup(0x121);
  EXPECT_EQ(symbol->function, "outer");
  EXPECT_EQ(symbol->file, "outer.c");
  EXPECT_EQ(symbol->line, 11u);

  EXPECT_EQ(source->inlines(0x143).size(), 2u); // the second range of an INLINE
  calls = source->inlines(0x115);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].function, "middle");
  EXPECT_EQ(calls[0].line, 20u);
  calls = source->inlines(0x14B);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].function, "inner");
  EXPECT_EQ(source->lookup(0x14B)->line, 12u);
  EXPECT_TRUE(source->inlines(0x14C).empty());
  EXPECT_EQ(source->lookup(0x14C)->line, 13u);
  EXPECT_TRUE(source->inlines(0x100).empty());
  EXPECT_TRUE(source->inlines(0x201).empty());
  EXPECT_TRUE(source->inlines(0x1000).empty());
}

// Before 2022 the origin had the file, and the call had none.
TEST(BreakpadInlines, OldRecords) {
  auto source = source_of("FILE 0 outer.c\nFILE 1 middle.c\nFILE 2 inner.c\n"
                          "INLINE_ORIGIN 7 1 middle(int)\nINLINE_ORIGIN 8 2 inner()\n"
                          "FUNC 100 50 0 outer()\n"
                          "INLINE 0 11 7 110 38\nINLINE 1 21 8 120 8\n"
                          "100 10 10 0\n110 10 20 1\n120 8 30 2\n");
  auto calls = source->inlines(0x121);
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].function, "inner");
  EXPECT_EQ(calls[0].line, 30u);
  EXPECT_EQ(calls[1].function, "middle");
  EXPECT_EQ(calls[1].file, "middle.c"); // the call stands in the file of the function around it
  EXPECT_EQ(calls[1].line, 21u);
  EXPECT_EQ(source->lookup(0x121)->line, 11u);
  EXPECT_EQ(source->lookup(0x121)->file, ""); // which no record says
}

TEST(BreakpadInlines, DepthsThatDoNotFitGiveNone) {
  auto source = source_of("FILE 0 o.c\nINLINE_ORIGIN 7 a\nFUNC 100 50 0 outer\n"
                          "INLINE 1 11 0 7 100 10\n"                        // nothing around it
                          "INLINE 0 12 0 7 120 10\nINLINE 0 13 0 7 128 8\n" // twice
                          "INLINE 0 14 0 99 140 8\n"                        // no such origin
                          "INLINE 0 15 0 7\nINLINE 0\n"
                          "100 50 5 0\n");
  EXPECT_TRUE(source->inlines(0x105).empty());
  EXPECT_EQ(source->lookup(0x105)->line, 5u);
  EXPECT_EQ(source->inlines(0x121).size(), 1u);
  EXPECT_TRUE(source->inlines(0x129).empty());
  ASSERT_EQ(source->inlines(0x141).size(), 1u);
  EXPECT_EQ(source->inlines(0x141)[0].function, "?");
  EXPECT_TRUE(source->inlines(0x149).empty());
}

TEST(BreakpadStack, CutAtEveryByte) {
  for (const std::string whole : {std::string(kWin), std::string(kNewInlines)})
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      auto source = source_of(whole.substr(0, size));
      ASSERT_TRUE(source);
      for (std::uint32_t rva : {0x110u, 0x121u, 0x1001u, 0x2029u, 0x5000u}) {
        auto data = source->frame_data(rva);
        if (data) EXPECT_LE(data->start, rva);
        for (const InlineCall& call : source->inlines(rva)) EXPECT_LE(call.function.size(), 6u);
      }
    }
}

} // namespace
} // namespace dumptriage::symbols
