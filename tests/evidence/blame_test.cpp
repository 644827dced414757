// Stacks modelled on published crash analyses: known culprits that do not stand on top, and stops
// where nobody is the right answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence/culprits.h"
#include "scene.h"

namespace {

using namespace dumptriage;
using evidence::Blame;
using scene::Scene;
using scene::Sure;
using testing::HasSubstr;

constexpr std::uint64_t kNt = 0xFFFFF80001000000;
constexpr std::uint64_t kDriver = 0xFFFFF80003000000;
constexpr std::uint64_t kOther = 0xFFFFF80004000000;

struct Kernel : Scene {
  explicit Kernel(const std::string& driver = "mydrv.sys") : Scene(arch::Machine::x64, true) {
    module("\\SystemRoot\\system32\\ntoskrnl.exe", kNt, 0x800000);
    module("\\SystemRoot\\System32\\drivers\\" + driver, kDriver, 0x40000);
    module("\\SystemRoot\\System32\\drivers\\ndis.sys", kOther, 0x40000);
    crashed("4", 0);
  }
  Blame blame() { return evidence::find_blame(input()); }
};

// KeBugCheckEx <- KiBugCheckDispatch <- KiPageFault <- [trap] fault in nt <- driver.
std::vector<Sure> page_fault_in_nt() {
  return {{kNt + 0x2E890, "KeBugCheckEx"},
          {kNt + 0x2E5F3, "KiBugCheckDispatch"},
          {kNt + 0x2D274, "KiPageFault"},
          {kNt + 0x5000, "KeSetEvent", true}};
}

TEST(Blame, DriverThatGaveTheKernelABadPointer) {
  Kernel k;
  auto frames = page_fault_in_nt();
  frames.push_back({kDriver + 0x1234, "MyCompletion"});
  frames.push_back({kNt + 0x9000, "IopfCompleteRequest"});
  k.stack(frames);
  k.bugcheck(0xA, {0x8, 2, 1, kNt + 0x5000});
  Blame blame = k.blame();
  EXPECT_EQ(blame.module, "mydrv.sys");
  EXPECT_EQ(blame.function, "MyCompletion");
  EXPECT_EQ(blame.offset, 0x1234u);
  EXPECT_EQ(blame.trust, "unwind_data");
  EXPECT_THAT(blame.why, HasSubstr("ntoskrnl.exe above it is passed over"));
}

TEST(Blame, SameWithoutNames) {
  Kernel k;
  k.stack({{kNt + 0x2E890},
           {kNt + 0x2E5F3},
           {kNt + 0x2D274},
           {kNt + 0x5000, "", true},
           {kDriver + 0x1234}});
  k.bugcheck(0xA, {0x8, 2, 1, kNt + 0x5000});
  EXPECT_EQ(k.blame().module, "mydrv.sys");
}

TEST(Blame, DriverThatCallsTheStopItself) {
  Kernel k;
  k.stack({{kNt + 0x2E890, "KeBugCheckEx"}, {kDriver + 0x2000, "MyFatal"}});
  k.bugcheck(0xF7, {1, 2, 3, 0});
  EXPECT_EQ(k.blame().module, "mydrv.sys");
}

TEST(Blame, StackCookieRoutineOfTheDriverIsPassedOver) {
  Kernel k;
  k.stack({{kNt + 0x2E890, "KeBugCheckEx"},
           {kDriver + 0x2000, "__report_gsfailure"},
           {kDriver + 0x3000, "MyParse"}});
  k.bugcheck(0xF7, {1, 2, 3, 0});
  EXPECT_EQ(k.blame().function, "MyParse");
}

TEST(Blame, DriverVerifierReportsOnItsCaller) {
  Kernel k;
  k.module("\\SystemRoot\\system32\\verifier.sys", 0xFFFFF80005000000);
  k.stack({{kNt + 0x2E890, "KeBugCheckEx"},
           {0xFFFFF80005001000, "VfReport"},
           {kNt + 0x6000, "VerifierExFreePool"},
           {kDriver + 0x1111, "MyUnload"}});
  k.bugcheck(0xC4, {0x13, 0, 0, 0});
  EXPECT_EQ(k.blame().module, "mydrv.sys");
}

TEST(Blame, DpcWatchdogBlamesWhatItInterrupted) {
  Kernel k;
  k.stack({{kNt + 0x2E890, "KeBugCheckEx"},
           {kNt + 0x7000, "KeAccumulateTicks"},
           {kNt + 0x7100, "KiInterruptDispatch"},
           {kDriver + 0x4000, "MyPoll", true}});
  k.bugcheck(0x133, {0, 0x501, 0x500, 0});
  EXPECT_EQ(k.blame().module, "mydrv.sys");
}

TEST(Blame, DoubleFreeByTheCaller) {
  Kernel k;
  k.stack({{kNt + 0x2E890, "KeBugCheckEx"},
           {kNt + 0x8000, "ExFreePoolWithTag"},
           {kDriver + 0x5000, "MyClose"}});
  k.bugcheck(0xC2, {0x46, 0xFFFFFA8001234560, 0, 0});
  EXPECT_EQ(k.blame().module, "mydrv.sys");
}

TEST(Blame, DisplayDriverNamedByTheParameter) {
  Kernel k("nvlddmkm.sys");
  k.stack({{kNt + 0x2E890, "KeBugCheckEx"}, {kOther + 0x1000}});
  k.bugcheck(0x116, {0xFFFFFA8000000000, kDriver + 0x8D2C, 0xC000009A, 4});
  Blame blame = k.blame();
  EXPECT_EQ(blame.module, "nvlddmkm.sys");
  EXPECT_EQ(blame.trust, "bugcheck parameter");
}

TEST(Blame, UnloadedDriver) {
  Kernel k;
  k.snapshot.unloaded_modules.push_back({"Gone.sys", 0xFFFFF80007000000, 0x8000, 0, 0});
  k.stack({{kNt + 0x2E890, "KeBugCheckEx"}, {kNt + 0x2D274, "KiPageFault"}});
  k.bugcheck(0xCE, {0xFFFFF80007001000, 8, 0xFFFFF80007001000, 0});
  EXPECT_EQ(k.blame().module, "gone.sys");
}

TEST(Blame, MemcpyInsideTheDriverIsPassedOver) {
  Kernel k;
  k.stack({{kDriver + 0x9000, "memcpy"}, {kDriver + 0x1500, "MyCopy"}});
  k.exception(0xC0000005, kDriver + 0x9000, {1, 0});
  k.bugcheck(0x7E, {0xFFFFFFFFC0000005, kDriver + 0x9000, kDriver, kDriver});
  k.context(k.registers(kDriver + 0x9000));
  EXPECT_EQ(k.blame().function, "MyCopy");
}

constexpr std::uint64_t kNtdll = 0x7FFE00000000, kBase = 0x7FFD00000000, kExe = 0x7FF600000000,
                        kCrt = 0x7FFC00000000;

struct Program : Scene {
  Program() : Scene(arch::Machine::x64, false) {
    module("C:\\Windows\\System32\\ntdll.dll", kNtdll, 0x200000);
    module("C:\\Windows\\System32\\KERNELBASE.dll", kBase, 0x200000);
    module("C:\\app\\app.exe", kExe, 0x40000);
    module("C:\\Windows\\System32\\VCRUNTIME140.dll", kCrt, 0x20000);
    crashed("1234");
  }
  Blame blame(std::uint32_t code, const std::vector<Sure>& frames, std::size_t sure = SIZE_MAX) {
    stack(frames, sure);
    exception(code, frames[0].pc);
    context(registers(frames[0].pc, 0x100000));
    return evidence::find_blame(input());
  }
};

TEST(Blame, ThrowerOfACppException) {
  Blame blame = Program().blame(0xE06D7363, {{kBase + 0x1000, "RaiseException"},
                                             {kCrt + 0x500, "_CxxThrowException"},
                                             {kExe + 0x1042, "Shop::pay"},
                                             {kExe + 0x2000, "main"}});
  EXPECT_EQ(blame.module, "app.exe");
  EXPECT_EQ(blame.function, "Shop::pay");
}

TEST(Blame, CopierIsPassedOver) {
  EXPECT_EQ(
      Program().blame(0xC0000005, {{kCrt + 0x700, "memcpy"}, {kExe + 0x1100, "load"}}).function,
      "load");
}

TEST(Blame, DebugTemplateIsPassedOver) {
  EXPECT_EQ(
      Program()
          .blame(0x80000003, {{kExe + 0x6DF8, "std::vector<int,std::allocator<int> >::operator[]"},
                              {kExe + 0x1200, "Inventory::GetItem"}})
          .function,
      "Inventory::GetItem");
}

TEST(Blame, AbortIsPassedOver) {
  Scene s(arch::Machine::x64, false);
  s.snapshot.os.family = "linux";
  s.module("/usr/lib/libc.so.6", 0x7F0000000000, 0x200000);
  s.module("/opt/app/server", 0x400000, 0x100000);
  s.crashed("77");
  s.stack({{0x7F0000035000, "raise"}, {0x7F0000036000, "abort"}, {0x401234, "check_invariants"}});
  s.exception(6, 0);
  s.context(s.registers(0x7F0000035000));
  EXPECT_EQ(evidence::find_blame(s.input()).module, "server");
}

TEST(Blame, CallerOfANullPointer) {
  Program p;
  p.stack({{0}, {kExe + 0x1300, "dispatch"}});
  p.exception(0xC0000005, 0, {8, 0});
  p.context(p.registers(0, 0x100000));
  Blame blame = evidence::find_blame(p.input());
  EXPECT_EQ(blame.function, "dispatch");
  EXPECT_THAT(blame.why, HasSubstr("where no known module lies"));
}

// With modules missing from the list, code in no known module may be anybody's.
TEST(Blame, NobodyBelowUnknownCodeOfATornModuleList) {
  Program p;
  p.stack({{0x5000001000}, {kExe + 0x1300, "dispatch"}});
  p.exception(0xC0000005, 0x5000001000, {8, 0x5000001000});
  p.context(p.registers(0x5000001000, 0x100000));
  EXPECT_EQ(evidence::find_blame(p.input()).function, "dispatch");
  p.snapshot.modules_complete = false;
  EXPECT_EQ(evidence::find_blame(p.input()).module, "");
}

TEST(Blame, Recursion) {
  std::vector<Sure> frames{{kExe + 0x1000, "parse"}};
  for (int i = 0; i < 6; ++i) frames.push_back({kExe + 0x1044, "parse"});
  EXPECT_EQ(Program().blame(0xC00000FD, frames).module, "app.exe");
  EXPECT_EQ(Program().blame(0xC00000FD, frames, 1).module, ""); // only the first frame is proved
}

TEST(Blame, GuessesProveNothing) {
  Blame blame = Program().blame(
      0xE06D7363, {{kBase + 0x1000, "RaiseException"}, {kExe + 0x1042, "Shop::pay"}}, 1);
  EXPECT_EQ(blame.module, "");
  EXPECT_EQ(blame.trust, "");
  EXPECT_THAT(blame.why, HasSubstr("guessed frame points at app.exe"));
}

TEST(Blame, FaultItself) {
  Blame blame = Program().blame(0xC0000005, {{kExe + 0x1042, "Shop::pay"}, {kExe + 0x2000}}, 1);
  EXPECT_EQ(blame.module, "app.exe");
  EXPECT_EQ(blame.trust, "context");
}

TEST(Blame, InterruptedCodeDidNotCall) {
  Kernel k;
  auto frames = page_fault_in_nt(); // the fault lies in an interrupt's own code
  frames.push_back({kNt + 0x7200, "KiDpcInterrupt"});
  frames.push_back({kDriver + 0x1234, "Innocent", true});
  k.stack(frames);
  k.bugcheck(0xA, {0x8, 2, 1, kNt + 0x5000});
  Blame blame = k.blame();
  EXPECT_EQ(blame.module, "");
  EXPECT_THAT(blame.why, HasSubstr("interrupted"));
}

TEST(Blame, FaultInPoolRoutines) {
  Kernel k;
  k.stack({{kNt + 0x2E890, "KeBugCheckEx"},
           {kNt + 0x2D274, "KiPageFault"},
           {kNt + 0x8000, "ExAllocatePoolWithTag", true},
           {kDriver + 0x1234, "Innocent"}});
  k.bugcheck(0xA, {0x8, 2, 1, kNt + 0x8000});
  EXPECT_EQ(k.blame().module, "");
}

TEST(Blame, NobodyOfTheseStops) {
  struct Row {
    std::uint32_t code;
    std::uint64_t p1, p4;
  };
  for (const Row& row :
       {Row{0x19, 0x20, 0}, {0xC2, 7, 0},   {0xC2, 1, 0}, {0xC5, 8, 0},  {0xC1, 0, 0x23},
        {0x13A, 0, 0},      {0x12B, 0, 0},  {0xE2, 0, 0}, {0x1C8, 0, 0}, {0x161, 0, 0},
        {0x124, 0, 0},      {0x9C, 0, 0},   {0x9F, 3, 0}, {0x133, 1, 0}, {0x101, 0x18, 0},
        {0xC2, 6, 0},       {0xC2, 0xB, 0}, {0x7A, 1, 0}, {0xEF, 0, 0},  {0x1A, 0x41790, 0},
        {0x7F, 8, 0}}) {
    Kernel k;
    k.stack({{kNt + 0x2E890, "KeBugCheckEx"}, {kNt + 0x5000}, {kDriver + 0x1234, "Innocent"}});
    k.bugcheck(row.code, {row.p1, 0, 0, row.p4});
    Blame blame = k.blame();
    EXPECT_EQ(blame.module, "") << std::hex << row.code;
    EXPECT_NE(blame.why, "") << std::hex << row.code;
  }
}

TEST(Blame, NobodyOfTheseExceptions) {
  EXPECT_EQ(Program().blame(0xC0000374, {{kNtdll + 0x1000}, {kExe + 0x1042, "free_it"}}).module,
            "");
  EXPECT_EQ(Program()
                .blame(0x80000003, {{kNtdll + 0x1000, "DbgBreakPoint"},
                                    {kNtdll + 0x2000, "DbgUiRemoteBreakin"}})
                .module,
            "");
  Program hang;
  hang.snapshot.stop.kind = system::StopKind::hang;
  EXPECT_EQ(evidence::find_blame(hang.input()).why, "nothing crashed");
}

TEST(Blame, ModulesThatAreNotThere) {
  Program p; // a module number beyond the list, and a module without a name
  p.module("", 0x7FF700000000);
  p.stack({{0x7FF700001000}, {0x7FF700002000}, {0x7FF700002000}, {0x7FF700002000}});
  for (std::size_t i = 1; i < 4; ++i) p.stacks[0].frames[i].module = 99;
  p.exception(0xC0000005, 0x7FF700001000);
  p.context(p.registers(0x7FF700001000, 0x100000));
  EXPECT_EQ(evidence::find_blame(p.input()).module, "");
  p.snapshot.stop.code = 0xC00000FD;
  EXPECT_EQ(evidence::find_blame(p.input()).module, "");
}

TEST(Bystanders, Modules) {
  EXPECT_NE(evidence::bystander_module("ntoskrnl.exe"), "");
  EXPECT_NE(evidence::bystander_module("msvcr90.dll"), "");
  EXPECT_EQ(evidence::bystander_module("netbt.sys"), "");
  EXPECT_EQ(evidence::bystander_module("win32k.sys"), "");
  EXPECT_NE(evidence::bystander_function("app.exe", "memcpy"), "");
  EXPECT_EQ(evidence::bystander_function("app.exe", "my_memcpy"), "");
}

} // namespace
