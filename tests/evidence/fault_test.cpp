// Faults laid down as registers, code bytes and the processor's report; the right answers follow
// from the Intel SDM and Microsoft's description of the parameters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scene.h"

namespace {

using namespace dumptriage;
using evidence::Fault;
using scene::Scene;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kExe64 = 0x7FF600000000;
constexpr std::uint64_t kExe32 = 0x400000;
constexpr std::uint32_t kAccessViolation = 0xC0000005;

struct User {
  Scene scene;
  arch::Registers registers;
  std::uint64_t ip;
  User(arch::Machine machine, std::vector<std::uint8_t> code)
      : scene(machine, false),
        ip((arch::pointer_size_of(machine) == 8 ? kExe64 : kExe32) + 0x1000) {
    scene.module("C:\\app\\app.exe", ip - 0x1000);
    scene.bytes(ip, std::move(code));
    registers = scene.registers(ip, 0x200000);
  }
  Fault fault(std::uint32_t code, std::vector<std::uint64_t> parameters) {
    scene.crashed();
    scene.exception(code, ip, std::move(parameters));
    scene.context(registers);
    auto found = evidence::describe_fault(scene.input());
    EXPECT_TRUE(found);
    return found.value_or(Fault{});
  }
};

TEST(Fault, NullPlusOffset) {
  User user(arch::Machine::x86, {0x8B, 0x41, 0x24}); // mov eax, [ecx+24h]
  user.registers.set(1, 0);
  Fault fault = user.fault(kAccessViolation, {0, 0x24});
  EXPECT_EQ(fault.instruction, "mov eax, dword ptr [ecx + 0x24]");
  EXPECT_EQ(fault.access, "read");
  EXPECT_EQ(fault.address, 0x24u);
  EXPECT_EQ(fault.address_class, "null+offset");
  EXPECT_THAT(fault.explanation, HasSubstr("app.exe+0x1000 read from null + 0x24"));
}

TEST(Fault, NullWrite) {
  User user(arch::Machine::x64, {0xC7, 0x00, 1, 0, 0, 0}); // mov dword ptr [rax], 1
  user.registers.set(0, 0);
  Fault fault = user.fault(kAccessViolation, {1, 0});
  EXPECT_EQ(fault.access, "write");
  EXPECT_EQ(fault.address_class, "null");
}

// The processor reports "read of -1" for every general protection fault.
TEST(Fault, NonCanonicalStoreIsNoNullPointer) {
  User user(arch::Machine::x64, {0x48, 0x89, 0x04, 0x08}); // mov [rax+rcx], rax
  user.registers.set(0, 0xFEFEFEFEFEFEFEFE);
  user.registers.set(1, 0);
  Fault fault = user.fault(kAccessViolation, {0, UINT64_MAX});
  EXPECT_EQ(fault.address, 0xFEFEFEFEFEFEFEFE);
  EXPECT_EQ(fault.access, "write");
  EXPECT_EQ(fault.address_class, "non-canonical");
  EXPECT_THAT(fault.explanation, Not(HasSubstr("null")));
}

TEST(Fault, UnreportedAddressThatNoRegisterShowsStaysUnknown) {
  User user(arch::Machine::x64, {0x48, 0x8B, 0x00}); // mov rax, [rax]
  user.registers.set(0, 0x12340000);
  Fault fault = user.fault(kAccessViolation, {0, UINT64_MAX});
  EXPECT_FALSE(fault.address);
  EXPECT_EQ(fault.access, "");
  EXPECT_EQ(fault.address_class, "");
  EXPECT_THAT(fault.explanation, HasSubstr("does not report"));
}

TEST(Fault, MinusOneItselfIsReportedRightly) {
  User user(arch::Machine::x64, {0x8A, 0x00}); // mov al, [rax]
  user.registers.set(0, UINT64_MAX);
  Fault fault = user.fault(kAccessViolation, {0, UINT64_MAX});
  EXPECT_EQ(fault.address, UINT64_MAX);
  EXPECT_EQ(fault.access, "read");
  EXPECT_EQ(fault.address_class, "kernel address");
}

TEST(Fault, MisalignedVectorAccess) {
  User user(arch::Machine::x64, {0x0F, 0x29, 0x01}); // movaps [rcx], xmm0
  user.registers.set(1, 0x12340008);
  Fault fault = user.fault(kAccessViolation, {0, UINT64_MAX});
  EXPECT_EQ(fault.address, 0x12340008u);
  EXPECT_EQ(fault.access, "write");
  EXPECT_EQ(fault.address_class, "misaligned");
}

TEST(Fault, ReturnToNonCanonicalAddress) {
  User user(arch::Machine::x64, {0xC3});
  user.scene.bytes(0x200000, {0x41, 0x41, 0x41, 0x41, 0x41, 0x41, 0x41, 0x41});
  Fault fault = user.fault(kAccessViolation, {0, UINT64_MAX});
  EXPECT_EQ(fault.address, 0x4141414141414141u);
  EXPECT_EQ(fault.access, "execute");
}

TEST(Fault, FillPatterns) {
  struct Row {
    std::uint64_t pointer;
    const char* expected;
  };
  for (const Row& row :
       {Row{0xFEEEFEEE, "freed-fill"}, Row{0xDDDDDDDD, "freed-fill"},
        Row{0xCDCDCDCD, "uninitialised-fill"}, Row{0xBAADF00D, "uninitialised-fill"},
        Row{0xCCCCCCCC, "uninitialised-fill"}, Row{0xABABABAB, "guard-fill"}}) {
    User user(arch::Machine::x86, {0x8B, 0x41, 0x10}); // mov eax, [ecx+10h]
    user.registers.set(1, row.pointer);
    EXPECT_EQ(user.fault(kAccessViolation, {0, row.pointer + 0x10}).address_class, row.expected);
    User wide(arch::Machine::x64, {0x48, 0x8B, 0x41, 0x10});
    const std::uint64_t twice = row.pointer << 32 | row.pointer;
    wide.registers.set(1, twice);
    Fault fault = wide.fault(kAccessViolation, {0, UINT64_MAX}); // not canonical either
    EXPECT_EQ(fault.address_class, row.expected);
    EXPECT_EQ(fault.address, twice + 0x10);
  }
}

TEST(Fault, CallThroughNull) {
  Scene scene(arch::Machine::x64, false);
  scene.module("C:\\app\\app.exe", kExe64);
  scene.crashed();
  scene.exception(kAccessViolation, 0, {8, 0});
  scene.context(scene.registers(0, 0x200000));
  auto fault = evidence::describe_fault(scene.input());
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->ip, 0u);
  EXPECT_EQ(fault->access, "execute");
  EXPECT_EQ(fault->address_class, "null");
  EXPECT_EQ(fault->instruction, "");
}

TEST(Fault, StackExhausted) {
  User by_code(arch::Machine::x86, {0x85, 0x00}); // test [eax], eax
  by_code.registers.set(0, 0x102000);
  EXPECT_EQ(by_code.fault(0xC00000FD, {0, 0x102000}).address_class, "stack exhausted");

  User by_place(arch::Machine::x64, {0x50}); // push rax
  auto& thread = by_place.scene.crashed();
  thread.stack_low = 0x200000;
  thread.stack_high = 0x300000;
  by_place.scene.exception(kAccessViolation, by_place.ip, {1, 0x1FFFF8});
  by_place.scene.context(by_place.registers);
  EXPECT_EQ(evidence::describe_fault(by_place.scene.input())->address_class, "stack exhausted");
}

TEST(Fault, ExecuteOnStack) {
  Scene scene(arch::Machine::x86, false);
  auto& thread = scene.crashed();
  thread.stack_low = 0x300000;
  thread.stack_high = 0x400000;
  scene.exception(kAccessViolation, 0x3DF944, {8, 0x3DF944});
  scene.context(scene.registers(0x3DF944, 0x3DF900));
  EXPECT_EQ(evidence::describe_fault(scene.input())->address_class, "execute of non-code");
}

TEST(Fault, KernelAddressFromUserModeOnlyWhereItIsOne) {
  User plain(arch::Machine::x86, {0x8B, 0x00});
  plain.registers.set(0, 0x90001234);
  EXPECT_EQ(plain.fault(kAccessViolation, {0, 0x90001234}).address_class, "kernel address");
  // A 32-bit process of a 64-bit system may use nearly all 4 GiB.
  User wow(arch::Machine::x86, {0x8B, 0x00});
  wow.scene.module("C:\\Windows\\SysWOW64\\ntdll.dll", 0x77000000);
  wow.registers.set(0, 0x90001234);
  EXPECT_EQ(wow.fault(kAccessViolation, {0, 0x90001234}).address_class, "wild");
}

TEST(Fault, WhatAProcessHasCapturedIsNoKernelAddress) {
  // A 32-bit process that its own list of modules does not show to be one of a 64-bit system.
  User user(arch::Machine::x86, {0x8B, 0x00});
  user.scene.bytes(0x90001000, std::vector<std::uint8_t>(0x1000, 0));
  user.registers.set(0, 0x90001234);
  EXPECT_EQ(user.fault(kAccessViolation, {0, 0x90001234}).address_class, "");
}

TEST(Fault, ContradictionIsSaid) {
  User user(arch::Machine::x86, {0x8B, 0x41, 0x24});
  user.registers.set(1, 0x500000);
  Fault fault = user.fault(kAccessViolation, {0, 0x24});
  EXPECT_EQ(fault.address, 0x24u); // the report stands
  EXPECT_THAT(fault.explanation, HasSubstr("do not fit"));
}

TEST(Fault, SignExtendedReportOf32BitDump) {
  User user(arch::Machine::x86, {0xC7, 0x05, 0x45, 0, 0, 0, 5, 0, 0, 0}); // mov dword ptr [45h], 5
  Fault fault = user.fault(kAccessViolation, {1, 0xFFFFFFFF00000045});
  EXPECT_EQ(fault.address, 0x45u);
  EXPECT_EQ(fault.address_class, "null+offset");
  EXPECT_THAT(fault.explanation, Not(HasSubstr("do not fit")));
}

TEST(Fault, LinuxGeneralProtection) {
  for (std::uint32_t si_code : {0x80u, 0u}) {
    User user(arch::Machine::x64, {0x80, 0x39, 0x48}); // cmp byte ptr [rcx], 48h
    user.scene.snapshot.os.family = "linux";
    user.registers.set(1, 0x6172747320746F6E);
    user.scene.crashed();
    user.scene.exception(11, 0);
    user.scene.snapshot.stop.exception->flags = si_code;
    user.scene.context(user.registers);
    auto fault = evidence::describe_fault(user.scene.input());
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->address, 0x6172747320746F6Eu);
    EXPECT_EQ(fault->access, "read");
    EXPECT_EQ(fault->address_class, "non-canonical");
  }
}

TEST(Fault, LinuxNull) {
  User user(arch::Machine::x64, {0xC7, 0x00, 1, 0, 0, 0});
  user.scene.snapshot.os.family = "linux";
  user.registers.set(0, 0);
  user.scene.crashed();
  user.scene.exception(11, 0);
  user.scene.snapshot.stop.exception->flags = 1;
  user.scene.context(user.registers);
  auto fault = evidence::describe_fault(user.scene.input());
  EXPECT_EQ(fault->access, "write");
  EXPECT_EQ(fault->address_class, "null");
}

TEST(Fault, DivisionHasNoAddress) {
  User user(arch::Machine::x86, {0xF7, 0x7D, 0x08}); // idiv dword ptr [ebp+8]
  user.registers.set(5, 0x200100);
  Fault fault = user.fault(0xC0000094, {});
  EXPECT_EQ(fault.instruction, "idiv dword ptr [ebp + 0x8]");
  EXPECT_FALSE(fault.address);
  EXPECT_EQ(fault.address_class, "");
  EXPECT_THAT(fault.explanation, HasSubstr("divided by zero"));
}

TEST(Fault, BugcheckParametersGiveAddressAccessAndIrql) {
  Scene scene(arch::Machine::x64, true);
  scene.module("\\SystemRoot\\System32\\DRIVERS\\netbt.sys", 0xFFFFF80001000000, 0x40000);
  scene.crashed();
  scene.bugcheck(0xD1, {0x24, 2, 0, 0xFFFFF80001001234});
  auto fault = evidence::describe_fault(scene.input());
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->ip, 0xFFFFF80001001234u);
  EXPECT_EQ(fault->access, "read");
  EXPECT_EQ(fault->address, 0x24u);
  EXPECT_EQ(fault->address_class, "null+offset");
  EXPECT_THAT(fault->explanation, HasSubstr("netbt.sys+0x1234 read from null + 0x24"));
  EXPECT_THAT(fault->explanation, HasSubstr("IRQL 2 (DISPATCH_LEVEL)"));
}

TEST(Fault, RaisedIrqlMakesNoAddressWild) {
  Scene scene(arch::Machine::x64, true);
  scene.crashed();
  scene.bugcheck(0xD1, {0xFFFFF8A000123456, 2, 0, 0xFFFFF80001001234});
  EXPECT_EQ(evidence::describe_fault(scene.input())->address_class, "");
}

TEST(Fault, PageFaultAccessOfWindows10) {
  Scene scene(arch::Machine::x64, true);
  scene.crashed();
  scene.bugcheck(0x50, {0xFFFFF8A000123456, 2, 0xFFFFF80001001234, 0});
  EXPECT_EQ(evidence::describe_fault(scene.input())->access, "write");
}

TEST(Fault, SystemServiceExceptionTakesItsAddressFromTheOperand) {
  Scene scene(arch::Machine::x64, true);
  scene.module("win32k.sys", 0xFFFFF96000000000);
  scene.bytes(0xFFFFF96000001000, {0x48, 0x8B, 0x41, 0x18}); // mov rax, [rcx+18h]
  auto registers = scene.registers(0xFFFFF96000001000, 0xFFFFF88000000000);
  registers.set(1, 0);
  scene.context(registers);
  scene.crashed();
  scene.bugcheck(0x3B, {0xC0000005, 0xFFFFF96000001000, 0xFFFFF88000001000, 0});
  auto fault = evidence::describe_fault(scene.input());
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->address, 0x18u);
  EXPECT_EQ(fault->access, "read");
  EXPECT_EQ(fault->address_class, "null+offset");
}

TEST(Fault, NothingFaulted) {
  Scene manual(arch::Machine::x64, true);
  manual.crashed();
  manual.bugcheck(0xE2, {0, 0, 0, 0});
  EXPECT_FALSE(evidence::describe_fault(manual.input()));
  Scene hang(arch::Machine::x64, false);
  hang.crashed();
  hang.snapshot.stop.kind = system::StopKind::hang;
  EXPECT_FALSE(evidence::describe_fault(hang.input()));
  Scene tdr(arch::Machine::x64, true); // the code address is no fault
  tdr.crashed();
  tdr.bugcheck(0x116, {0xFFFFFA8000000000, 0xFFFFF88000001000, 0xC000009A, 4});
  EXPECT_FALSE(evidence::describe_fault(tdr.input()));
}

TEST(Fault, UnloadedModule) {
  Scene scene(arch::Machine::x64, true);
  scene.snapshot.unloaded_modules.push_back({"gone.sys", 0xFFFFF80003000000, 0x8000, 0, 0});
  scene.crashed();
  scene.bugcheck(0xD1, {0xFFFFF80003001000, 2, 8, 0xFFFFF80003001000});
  auto fault = evidence::describe_fault(scene.input());
  EXPECT_EQ(fault->address_class, "unloaded module");
  EXPECT_THAT(fault->explanation, HasSubstr("gone.sys+0x1000"));
}

// (p6) ld8 r14=[r15],8 in slot 1, between nop.m and nop.i.
std::vector<std::uint8_t> itanium_load() {
  return {0x08, 0x00, 0x00, 0x00, 0x01, 0x80, 0xE1, 0x40,
          0x3C, 0x30, 0x28, 0x00, 0x00, 0x00, 0x04, 0x00};
}

struct Itanium : User {
  explicit Itanium(std::uint64_t r15) : User(arch::Machine::ia64, itanium_load()) {
    registers.set(scene.cpu().pc, ip + 4); // slot 1
    registers.set(15, r15);
  }
};

TEST(Fault, ItaniumNamesSlotAndAddress) {
  Itanium user(0x18);
  const Fault fault = user.fault(kAccessViolation, {0, 0x18});
  EXPECT_EQ(fault.ip, user.ip + 4); // the record names the bundle, the registers the slot
  EXPECT_EQ(fault.instruction, "(p6) ld8 r14=[r15],8  -- slot 1 of an MMI bundle, M unit");
  EXPECT_EQ(fault.access, "read");
  EXPECT_EQ(fault.address_class, "null+offset");
  EXPECT_THAT(fault.explanation, HasSubstr("read from null + 0x18"));
  EXPECT_THAT(fault.explanation, Not(HasSubstr("another moment")));
}

TEST(Fault, ItaniumContradiction) {
  Itanium user(0x12340000);
  const Fault fault = user.fault(kAccessViolation, {0, 0x18});
  EXPECT_EQ(fault.address, 0x18u);
  EXPECT_THAT(fault.explanation, HasSubstr("another moment"));
}

TEST(Fault, ItaniumStopWithoutAddressUsesTheBase) {
  Scene scene(arch::Machine::ia64, true);
  constexpr std::uint64_t kBase = 0xE000000083000000;
  scene.module("driver.sys", kBase);
  scene.bytes(kBase + 0x1000, itanium_load());
  auto registers = scene.registers(kBase + 0x1004, 0xE000000086000000);
  registers.set(15, 0x20);
  scene.context(registers);
  scene.crashed();
  scene.bugcheck(0x3B, {0xC0000005, kBase + 0x1000, 0xE000000086000000, 0});
  const auto fault = evidence::describe_fault(scene.input());
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->ip, kBase + 0x1004);
  EXPECT_EQ(fault->address, 0x20u);
  EXPECT_EQ(fault->address_class, "null+offset");
}

TEST(Fault, ItaniumMisalignment) {
  Itanium user(0x10000013);
  const Fault fault = user.fault(0x80000002, {});
  EXPECT_EQ(fault.address, 0x10000013u);
  EXPECT_EQ(fault.access, "read");
  EXPECT_EQ(fault.address_class, "misaligned");
  EXPECT_THAT(fault.explanation, HasSubstr("not aligned"));
}

TEST(Fault, AlphaNullPlusOffset) {
  User user(arch::Machine::alpha, {0x08, 0x00, 0x10, 0xA4}); // ldq v0, 8(a0)
  user.registers.set(16, 0);
  const Fault fault = user.fault(kAccessViolation, {0, 8});
  EXPECT_EQ(fault.instruction, "ldq v0, 8(a0)");
  EXPECT_EQ(fault.access, "read");
  EXPECT_EQ(fault.address_class, "null+offset");
  EXPECT_THAT(fault.explanation, Not(HasSubstr("another moment")));
}

// Alpha's registers and records carry addresses sign-extended.
TEST(Fault, AlphaSignedAddresses) {
  Scene scene(arch::Machine::alpha, true);
  scene.module("driver.sys", 0x80400000);
  scene.bytes(0x80401000, {0xFC, 0xFF, 0x30, 0xB0}); // stl t0, -4(a0)
  auto registers = scene.registers(0xFFFFFFFF80401000, 0xFFFFFFFFFC800000);
  registers.set(16, 0xFFFFFFFFBADAD004);
  scene.context(registers);
  scene.crashed();
  scene.bugcheck(0x1E, {0xC0000005, 0xFFFFFFFF80401000, 1, 0xFFFFFFFFBADAD000});
  const auto fault = evidence::describe_fault(scene.input());
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->ip, 0x80401000u);
  EXPECT_EQ(fault->instruction, "stl t0, -4(a0)");
  EXPECT_EQ(fault->access, "write");
  EXPECT_EQ(fault->address, 0xBADAD000u);
  EXPECT_EQ(fault->address_class, "");
  EXPECT_THAT(fault->explanation, Not(HasSubstr("another moment")));
}

} // namespace
