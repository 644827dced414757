#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence/exceptions.h"
#include "evidence/parameters.h"
#include "scene.h"

namespace {

using namespace dumptriage;
using evidence::StopText;
using scene::Scene;
using testing::HasSubstr;

constexpr std::uint64_t kDriver = 0xFFFFF80003000000;

StopText bugcheck(std::uint32_t code, std::vector<std::uint64_t> parameters,
                  arch::Machine machine = arch::Machine::x64) {
  Scene s(machine, true);
  s.module("\\SystemRoot\\System32\\drivers\\netbt.sys",
           machine == arch::Machine::x86 ? 0xF8000000 : kDriver, 0x40000);
  s.bugcheck(code, std::move(parameters));
  return evidence::describe_stop(s.input());
}

StopText user(std::uint32_t code, std::vector<std::uint64_t> parameters,
              const char* family = "win10", arch::Machine machine = arch::Machine::x64) {
  Scene s(machine, false);
  s.snapshot.os.family = family;
  s.exception(code, 0x1000, std::move(parameters));
  return evidence::describe_stop(s.input());
}

TEST(Stop, DriverIrql) {
  StopText text = bugcheck(0xD1, {0x24, 2, 1, kDriver + 0x1234});
  EXPECT_EQ(text.name, "DRIVER_IRQL_NOT_LESS_OR_EQUAL");
  EXPECT_EQ(text.normalized, 0xD1u);
  ASSERT_EQ(text.parameters.size(), 4u);
  EXPECT_THAT(text.parameters[0].meaning, HasSubstr("null + 0x24"));
  EXPECT_THAT(text.parameters[1].meaning, HasSubstr("2 (DISPATCH_LEVEL)"));
  EXPECT_THAT(text.parameters[2].meaning, HasSubstr("write"));
  EXPECT_THAT(text.parameters[3].meaning, HasSubstr("netbt.sys+0x1234"));
}

TEST(Stop, SystemThreadException) {
  StopText text = bugcheck(0x1000007E, {0xFFFFFFFFC0000005, kDriver + 0x10, 1, 2});
  EXPECT_EQ(text.normalized, 0x7Eu);
  EXPECT_THAT(text.parameters[0].meaning, HasSubstr("STATUS_ACCESS_VIOLATION"));
  EXPECT_THAT(text.summary, HasSubstr("0x1000007E"));
}

TEST(Stop, KindsByParameter) {
  EXPECT_THAT(bugcheck(0xC2, {7, 0, 0, 0}).parameters[0].meaning, HasSubstr("freed twice"));
  EXPECT_THAT(bugcheck(0x7F, {8, 0, 0, 0}).parameters[0].meaning, HasSubstr("double fault"));
  EXPECT_THAT(bugcheck(0x139, {3, 0, 0, 0}).parameters[0].meaning, HasSubstr("list"));
  EXPECT_THAT(bugcheck(0xC1, {0, 0, 0, 0x24}).parameters[3].meaning, HasSubstr("behind the end"));
}

TEST(Stop, TheKindOfPageFaultIsReservedBeforeWindows10) {
  // The scene is Server 2003.
  EXPECT_THAT(bugcheck(0x50, {0xFFFFF8A000000000, 0, kDriver, 2}).parameters[3].meaning,
              testing::Not(HasSubstr("page table")));
}

TEST(Stop, ADeviceThatDidNotAskForTheNextPowerRequest) {
  StopText text = bugcheck(0x9F, {2, 0, 0, 0});
  EXPECT_THAT(text.parameters[0].meaning, HasSubstr("did not ask for the next"));
  EXPECT_THAT(text.summary, testing::Not(HasSubstr("did not finish")));
}

TEST(Stop, ParametersOf1EBelongToAccessViolationsOnly) {
  EXPECT_THAT(bugcheck(0x1E, {0xFFFFFFFFC0000005, kDriver, 1, 0x10}).parameters[2].meaning,
              HasSubstr("write"));
  EXPECT_EQ(bugcheck(0x1E, {0xFFFFFFFFC0000094, kDriver, 1, 0x10}).parameters[2].meaning,
            "the exception's parameter 0");
}

TEST(Stop, AccessNumbersDifferByCode) {
  EXPECT_EQ(evidence::access_of_bugcheck(0x50, 2), "write");
  EXPECT_EQ(evidence::access_of_bugcheck(0x50, 0x10), "execute");
  EXPECT_EQ(evidence::access_of_bugcheck(0xD1, 2), "execute");
  EXPECT_EQ(evidence::access_of_bugcheck(0xA, 2), "");
  EXPECT_EQ(evidence::access_of_bugcheck(0xA, 8), "execute");
}

TEST(Stop, IrqlNamesDifferByMachine) {
  EXPECT_EQ(evidence::irql_name(arch::Machine::x86, 31), "HIGH_LEVEL");
  EXPECT_EQ(evidence::irql_name(arch::Machine::x64, 15), "HIGH_LEVEL");
  EXPECT_EQ(evidence::irql_name(arch::Machine::x86, 15), "a device's interrupt level");
  EXPECT_EQ(evidence::irql_name(arch::Machine::x64, 255), "");
}

TEST(Stop, UnknownCodeIsSaidPlainly) {
  StopText text = bugcheck(0x0BADC0DE, {1, 2, 3, 4});
  EXPECT_EQ(text.name, "");
  EXPECT_THAT(text.summary, HasSubstr("no public source names"));
  for (const auto& row : text.parameters) EXPECT_EQ(row.meaning, "");
}

TEST(Stop, AccessViolation) {
  StopText text = user(0xC0000005, {8, 0x1000});
  EXPECT_EQ(text.name, "STATUS_ACCESS_VIOLATION");
  EXPECT_THAT(text.parameters[0].meaning, HasSubstr("execute"));
  EXPECT_THAT(user(0xC0000005, {0, UINT64_MAX}).parameters[1].meaning, HasSubstr("not reported"));
  // 32-bit dumps carry the address sign-extended.
  EXPECT_THAT(
      user(0xC0000005, {1, 0xFFFFFFFF00000045}, "xp", arch::Machine::x86).parameters[1].meaning,
      HasSubstr("null + 0x45"));
}

TEST(Stop, InPageError) {
  EXPECT_THAT(user(0xC0000006, {0, 0x7FF600001000, 0xC000009C}).parameters[2].meaning,
              HasSubstr("STATUS_DEVICE_DATA_ERROR"));
}

TEST(Stop, FastFail) {
  StopText text = user(0xC0000409, {7});
  EXPECT_EQ(text.name, "STATUS_STACK_BUFFER_OVERRUN");
  EXPECT_THAT(text.parameters[0].meaning, HasSubstr("FAST_FAIL_FATAL_APP_EXIT"));
  EXPECT_EQ(evidence::fast_fail_name(2), "FAST_FAIL_STACK_COOKIE_CHECK_FAILURE");
  EXPECT_EQ(evidence::fast_fail_name(50), "FAST_FAIL_HEAP_METADATA_CORRUPTION");
  EXPECT_EQ(evidence::fast_fail_name(12345), "");
}

TEST(Stop, NamesBySystem) {
  EXPECT_EQ(user(0xE06D7363, {}).name, "CPP_EXCEPTION");
  EXPECT_EQ(user(11, {}, "linux").name, "SIGSEGV");
  EXPECT_EQ(user(6, {}, "linux").name, "SIGABRT");
  EXPECT_EQ(user(1, {}, "macos").name, "EXC_BAD_ACCESS");
  // Crashpad keeps the signal behind EXC_CRASH in the top byte of the first code.
  EXPECT_EQ(user(0, {10, 0x6000000}, "macos").name, "EXC_CRASH (signal 6)");
  EXPECT_EQ(user(0xE0424242, {}).name, "");
}

TEST(Stop, NoStop) {
  Scene s(arch::Machine::x64, false);
  EXPECT_THAT(evidence::describe_stop(s.input()).summary, HasSubstr("no exception"));
}

} // namespace
