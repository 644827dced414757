#include <gtest/gtest.h>

#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

struct Case {
  const char* decorated;
  const char* plain;
};

TEST(Undecorate, AnyMachine) {
  for (const Case& c : {
           Case{"", ""},
           {"NbtCopyToStartOfIndicate", "NbtCopyToStartOfIndicate"},
           {"_NtClose@4", "NtClose"},
           {"@ObfDereferenceObject@4", "ObfDereferenceObject"},
           {"DirectX@@16", "DirectX"},
           {"__imp__CreateFileA@28", "__imp_CreateFileA"},
           {"__C_specific_handler", "__C_specific_handler"},
           {"_", "_"},
           {"@", "@"},
           {"_@4", "_@4"},
           {"name@", "name@"},
           {"name@v1", "name@v1"},
           {"?KeBugCheckEx@@YGXKKKKK@Z", "KeBugCheckEx"},
           {"?bar@Foo@@QEAAXH@Z", "Foo::bar"},
           {"?bar@Foo@@QEBAHPEBD@Z", "Foo::bar"},
           {"??0Foo@@QEAA@XZ", "Foo::Foo"},
           {"??1Foo@@UEAA@XZ", "Foo::~Foo"},
           {"??RFoo@@QEAAHH@Z", "Foo::operator()"},
           {"??2@YAPEAX_K@Z", "operator new"},
           {"?f@?A0x1234@@YAXXZ", "`anonymous namespace'::f"},
           {"??$max@H@std@@YAHHH@Z", "std::max<int>"},
           {"?g_value@@3HA", "g_value"},
           {"?", "?"},
           {"?bar@Foo@@Q", "?bar@Foo@@Q"},
           {"_ZN3Foo3barEi", "Foo::bar"},
           {"_ZNK3Foo3barEv", "Foo::bar"},
           {"_ZN3FooclEi", "Foo::operator()"},
           {"_ZSt3maxIiET_S0_S0_", "std::max<int>"},
           {"__ZN3Foo3barEi", "Foo::bar"},
           {"_ZwClose@4", "ZwClose"},
           {"_Zone", "_Zone"},
       })
    EXPECT_EQ(undecorate(c.decorated), c.plain) << c.decorated;
}

TEST(Undecorate, TheUnderscoreOfX86) {
  EXPECT_EQ(undecorate("_main", arch::Machine::x86), "main");
  EXPECT_EQ(undecorate("_main", arch::Machine::x64), "_main");
  EXPECT_EQ(undecorate("_main"), "_main");
  EXPECT_EQ(undecorate("__SEH_prolog4", arch::Machine::x86), "_SEH_prolog4");
  EXPECT_EQ(undecorate("Sleep@4", arch::Machine::x86), "Sleep");
  EXPECT_EQ(undecorate("Sleep@4"), "Sleep@4");
}

TEST(Undecorate, ArgumentsGo) {
  for (const Case& c : {Case{"Foo::bar(int)", "Foo::bar"},
                        {"Foo::bar(int (*)(void)) const", "Foo::bar"},
                        {"Foo::operator()(int)", "Foo::operator()"},
                        {"operator()", "operator()"},
                        {"(anonymous namespace)::f", "(anonymous namespace)::f"},
                        {"(anonymous namespace)::f(int)", "(anonymous namespace)::f"},
                        {"f<(E)1>(int)", "f<(E)1>"},
                        {"main", "main"},
                        {")", ")"},
                        {"", ""}})
    EXPECT_EQ(without_arguments(c.decorated), c.plain) << c.decorated;
}

TEST(Undecorate, ReturnTypesOfStaticFunctionsGo) {
  for (const Case& c : {Case{"static int google_breakpad::i", "google_breakpad::i"},
                        {"static std::map<int, int> * Foo::bar", "Foo::bar"},
                        {"static bool Foo::operator new", "Foo::operator new"},
                        {"static void `anonymous namespace'::f", "`anonymous namespace'::f"},
                        {"operator new", "operator new"},
                        {"static", "static"}})
    EXPECT_EQ(without_return_type(c.decorated), c.plain) << c.decorated;
}

TEST(Undecorate, NamesThatDoubleStay) {
  // Each template holds the one before twice: 2^60 letters when written out.
  std::string itanium = "1A", msvc = "A@";
  for (int i = 0; i < 60; ++i) {
    itanium = "1BI" + itanium + "S_E";
    msvc = "?$B@V" + msvc + "@V0@@";
  }
  std::string one = "_Z1fI" + itanium + "Evv", other = "?f@" + msvc + "@YAXXZ";
  EXPECT_EQ(undecorate(one), one);
  EXPECT_EQ(undecorate(other), other);
  // A common name of many references is still read.
  EXPECT_EQ(
      undecorate("?push_back@?$vector@V?$basic_string@DU?$char_traits@D@std@@V?$allocator@D@2@@"
                 "std@@V?$allocator@V?$basic_string@DU?$char_traits@D@std@@V?$allocator@D@2@@"
                 "std@@@2@@std@@QEAAXAEBV?$basic_string@DU?$char_traits@D@std@@V?$allocator@D@2@"
                 "@2@@Z"),
      "std::vector<class std::basic_string<char, struct std::char_traits<char>, class "
      "std::allocator<char>>, class std::allocator<class std::basic_string<char, struct "
      "std::char_traits<char>, class std::allocator<char>>>>::push_back");
}

TEST(Undecorate, LongNamesStay) {
  std::string name = "?" + std::string(100000, 'A');
  EXPECT_EQ(undecorate(name), name);
}

} // namespace
} // namespace dumptriage::symbols
