#include "rules/names.h"

#include <gtest/gtest.h>

namespace dumptriage::rules {
namespace {

TEST(Module, ExtensionCaseAndKernelAliases) {
  EXPECT_TRUE(ModulePattern("NetBT").matches("netbt.sys"));
  EXPECT_TRUE(ModulePattern("netbt.sys").matches("NETBT.SYS"));
  EXPECT_FALSE(ModulePattern("netbt.sys").matches("netbt"));
  EXPECT_FALSE(ModulePattern("netb").matches("netbt.sys"));
  EXPECT_TRUE(ModulePattern("netb*").matches("netbt.sys"));
  for (const char* kernel : {"ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe", "ntkrpamp.exe", "nt"})
    EXPECT_TRUE(ModulePattern("nt").matches(kernel)) << kernel;
  EXPECT_FALSE(ModulePattern("nt").matches("ntfs.sys"));
  EXPECT_FALSE(ModulePattern("nt").matches(""));
}

TEST(Function, Decoration) {
  EXPECT_EQ(plain_function("_NtClose@4"), "NtClose");
  EXPECT_EQ(plain_function("@ExfInterlockedPopEntryList@8"), "ExfInterlockedPopEntryList");
  EXPECT_EQ(plain_function("__imp__NtClose@4"), "NtClose");
  EXPECT_EQ(plain_function("_purecall"), "_purecall");
  EXPECT_EQ(plain_function("name@host"), "name@host");
  EXPECT_EQ(plain_function("@4"), "@4");
  EXPECT_EQ(plain_function(""), "");
  EXPECT_TRUE(FunctionPattern("nt!_NtClose@4").matches("ntoskrnl.exe", "NtClose"));
  EXPECT_FALSE(FunctionPattern("nt!NtClose").matches("ntoskrnl.exe", "NtCloseHandle"));
  EXPECT_FALSE(FunctionPattern("nt!NtClose").matches("ntoskrnl.exe", ""));
  EXPECT_FALSE(FunctionPattern("netbt!*").matches("netbt.sys", ""));
}

TEST(Function, EnoughOfANameToProve) {
  EXPECT_TRUE(FunctionPattern("netbt!NbtCopyToStartOfIndicate").names_a_function());
  EXPECT_TRUE(FunctionPattern("netbt!NbtCopy*").names_a_function());
  EXPECT_FALSE(FunctionPattern("netbt!*").names_a_function());
  EXPECT_FALSE(FunctionPattern("netbt!Nbt*").names_a_function());
  EXPECT_FALSE(FunctionPattern("*!NbtCopyToStartOfIndicate").names_a_function());
}

} // namespace
} // namespace dumptriage::rules
