#include <gtest/gtest.h>

#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

// Unsorted on purpose; 2000 is in no function and behind a PUBLIC; 3000 behind a function only.
constexpr char kText[] = "MODULE windows x86_64 33221100554477668899AABBCCDDEEFF2 sample.pdb\r\n"
                         "INFO CODE_ID 45D6970F8000 sample.dll\n"
                         "FILE 0 c:\\src\\one.c\n"
                         "FILE 1 c:\\src\\two.h\n"
                         "INLINE_ORIGIN 0 inlined\n"
                         "FUNC m 1100 50 8 Foo::bar(int)\n"
                         "1100 10 7 0\n"
                         "INLINE 0 9 0 0 1110 4\n"
                         "1110 40 9 1\n"
                         "FUNC 1000 80 0 main\n"
                         "1000 80 3 0\n"
                         "PUBLIC 1f00 0 _after\n"
                         "PUBLIC m 900 4 early\n"
                         "STACK CFI INIT 1000 10 .cfa: $rsp 8 +\n"
                         "garbage\n"
                         "FUNC 100000000 10 0 beyond\n"
                         "FUNC zz 10 0 bad\n"
                         "FUNC 4000\n"
                         "PUBLIC 5000 0\n";

std::shared_ptr<SymbolSource> sample(const std::string& text = kText) {
  static std::vector<std::string> kept;
  kept.push_back(text);
  auto source = read_breakpad(ByteView(kept.back().data(), kept.back().size()), {});
  return source ? *source : nullptr;
}

TEST(Breakpad, FunctionsAndLines) {
  auto source = sample();
  ASSERT_TRUE(source);
  auto symbol = source->lookup(0x1123);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->function, "Foo::bar");
  EXPECT_EQ(symbol->decorated, "Foo::bar(int)");
  EXPECT_EQ(symbol->rva, 0x1100u);
  EXPECT_EQ(symbol->offset, 0x23u);
  EXPECT_EQ(symbol->size, 0x50u);
  EXPECT_EQ(symbol->file, "c:\\src\\two.h");
  EXPECT_EQ(symbol->line, 9u);
  EXPECT_EQ(symbol->source, NameSource::breakpad);
  EXPECT_FALSE(symbol->far);
  symbol = source->lookup(0x107F);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->function, "main");
  EXPECT_EQ(symbol->file, "c:\\src\\one.c");
  EXPECT_EQ(symbol->line, 3u);
}

TEST(Breakpad, PublicsEndAtTheNextFunction) {
  auto source = sample();
  EXPECT_FALSE(source->lookup(0x8FF));
  auto symbol = source->lookup(0x910);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->function, "early");
  EXPECT_EQ(symbol->source, NameSource::breakpad_public);
  EXPECT_FALSE(symbol->far);
  symbol = source->lookup(0x1090); // behind main, which lies behind "early"
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->function, "early");
  EXPECT_TRUE(symbol->far);
  EXPECT_FALSE(source->lookup(0x1F10)->far);
  EXPECT_TRUE(source->lookup(0x11F00)->far);
}

TEST(Breakpad, TheIdMustBeTheWantedOne) {
  dump::DebugId id;
  id.kind = dump::DebugId::Kind::rsds;
  id.guid = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
             0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};
  id.age = 2;
  ByteView text(kText, sizeof kText - 1);
  EXPECT_TRUE(read_breakpad(text, id));
  id.age = 3;
  auto other = read_breakpad(text, id);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::mismatch);
  EXPECT_EQ(other.error().why, "debug id 33221100554477668899AABBCCDDEEFF2, wanted "
                               "33221100554477668899AABBCCDDEEFF3");
}

TEST(Breakpad, NotASymbolFile) {
  EXPECT_EQ(read_breakpad({}, {}).error().code, Code::bad_magic);
  EXPECT_EQ(read_breakpad(ByteView("FUNC 1 2 3 x", 12), {}).error().code, Code::bad_magic);
  EXPECT_EQ(read_breakpad(ByteView("MODULE windows x86", 18), {}).error().code, Code::bad_value);
}

TEST(Breakpad, CutAtEveryByte) {
  std::string whole = kText;
  int with_main = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    auto source = sample(whole.substr(0, size));
    if (!source) continue;
    auto symbol = source->lookup(0x1010);
    with_main += symbol && symbol->function == "main";
  }
  EXPECT_EQ(with_main, static_cast<int>(whole.size() - whole.find("main\n") - 3));
}

TEST(Breakpad, OverlongLinesAreCut) {
  std::string text = "MODULE windows x86 0 a\nFUNC 10 10 0 " + std::string(1 << 20, 'n') + "\n";
  auto symbol = sample(text)->lookup(0x10);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->function.size(), 4096u);
}

} // namespace
} // namespace dumptriage::symbols
