#include "formats/bugchecks.h"

#include <gtest/gtest.h>

#include "formats/ntstatus.h"

namespace dumptriage::formats {
namespace {

TEST(Bugchecks, KnownCodeHasNameMeaningsAndRoles) {
  const BugcheckInfo* info = find_bugcheck(0xD1);
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->code, 0xD1u);
  EXPECT_EQ(info->name, "DRIVER_IRQL_NOT_LESS_OR_EQUAL");
  EXPECT_EQ(info->roles[0], ParameterRole::va);
  EXPECT_EQ(info->roles[1], ParameterRole::irql);
  EXPECT_EQ(info->roles[2], ParameterRole::access);
  EXPECT_EQ(info->roles[3], ParameterRole::ip);
  for (std::string_view meaning : info->parameters) EXPECT_FALSE(meaning.empty());
}

TEST(Bugchecks, FirstAndLastRowAreFound) {
  ASSERT_NE(find_bugcheck(0x1), nullptr);
  EXPECT_EQ(find_bugcheck(0x1)->name, "APC_INDEX_MISMATCH");
  ASSERT_NE(find_bugcheck(0xDEADDEAD), nullptr);
  EXPECT_EQ(find_bugcheck(0xDEADDEAD)->name, "MANUALLY_INITIATED_CRASH1");
}

TEST(Bugchecks, UnknownCodesAreNothing) {
  EXPECT_EQ(find_bugcheck(0), nullptr);
  EXPECT_EQ(find_bugcheck(0x5454414D), nullptr);
  EXPECT_EQ(find_bugcheck(0xFFFFFFFF), nullptr);
}

TEST(Bugchecks, MCodesFoldIntoTheirPlainForm) {
  EXPECT_EQ(normalized_bugcheck(0x1000007E), 0x7Eu);
  EXPECT_EQ(normalized_bugcheck(0x1000008E), 0x8Eu);
  EXPECT_EQ(normalized_bugcheck(0x1000007F), 0x7Fu);
  EXPECT_EQ(normalized_bugcheck(0x100000EA), 0xEAu);
  EXPECT_EQ(normalized_bugcheck(0x1000000A), 0xAu);
  EXPECT_EQ(normalized_bugcheck(0x7E), 0x7Eu);
  // Neither of these is an M code.
  EXPECT_EQ(normalized_bugcheck(0x4000008A), 0x4000008Au);
  EXPECT_EQ(normalized_bugcheck(0xC000021A), 0xC000021Au);
  EXPECT_EQ(normalized_bugcheck(0x1ABCDEF0), 0x1ABCDEF0u);
}

TEST(Bugchecks, MCodesKeepTheirNameAndTakeThePlainMeaning) {
  const BugcheckInfo* info = find_bugcheck(0x1000007E);
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->name, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M");
  EXPECT_EQ(info->roles[0], ParameterRole::exception);
  EXPECT_EQ(info->roles[1], ParameterRole::ip);
  EXPECT_EQ(info->roles[2], ParameterRole::exr);
  EXPECT_EQ(info->roles[3], ParameterRole::cxr);
  // No row of its own: the plain row answers.
  ASSERT_NE(find_bugcheck(0x1000000A), nullptr);
  EXPECT_EQ(find_bugcheck(0x1000000A)->code, 0xAu);
}

TEST(Bugchecks, RolesHaveNames) {
  EXPECT_EQ(name_of(ParameterRole::none), "");
  EXPECT_EQ(name_of(ParameterRole::exr), "exr");
  EXPECT_EQ(name_of(ParameterRole::val), "val");
}

TEST(NtStatus, FindsByCode) {
  ASSERT_NE(find_ntstatus(0xC0000005), nullptr);
  EXPECT_EQ(find_ntstatus(0xC0000005)->name, "STATUS_ACCESS_VIOLATION");
  EXPECT_FALSE(find_ntstatus(0xC0000005)->meaning.empty());
  ASSERT_NE(find_ntstatus(0x80000003), nullptr);
  EXPECT_EQ(find_ntstatus(0x80000003)->name, "STATUS_BREAKPOINT");
  ASSERT_NE(find_ntstatus(0), nullptr);
  EXPECT_EQ(find_ntstatus(0xC0000006 + 0x01000000), nullptr);
  EXPECT_EQ(find_ntstatus(0xFFFFFFFF), nullptr);
}

} // namespace
} // namespace dumptriage::formats
