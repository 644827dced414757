#include "arch/ia64_bundle.h"

#include <gtest/gtest.h>

#include "arch/fake.h"
#include "arch/ia64.h"
#include "arch/ia64_code.h"

namespace dumptriage::arch {
namespace {

constexpr std::uint64_t kNopM = std::uint64_t{1} << 27, kNopI = kNopM;
constexpr std::uint64_t kNopB = std::uint64_t{2} << 37;
constexpr std::uint64_t kCall = std::uint64_t{5} << 37, kIndirectCall = std::uint64_t{0x21} << 32;
constexpr std::uint64_t kBranch = std::uint64_t{4} << 37, kLongCall = std::uint64_t{0xD} << 37;
constexpr std::uint64_t kReturn = std::uint64_t{0x21} << 27 | 4 << 6;

std::optional<Ia64Bundle> bundle_of(const std::vector<std::uint8_t>& bytes) {
  return ia64_bundle_of(std::as_bytes(std::span(bytes)));
}

// SDM volume 3, table 4-1.
TEST(Ia64Bundle, TemplatesNameUnitsAndStops) {
  const struct {
    unsigned code;
    const char* text; // '|': a stop
  } kRows[] = {{0x00, "MII"},  {0x01, "MII|"},  {0x02, "MI|I"}, {0x03, "MI|I|"}, {0x04, "MLX"},
               {0x05, "MLX|"}, {0x06, ""},      {0x07, ""},     {0x08, "MMI"},   {0x09, "MMI|"},
               {0x0A, "M|MI"}, {0x0B, "M|MI|"}, {0x0C, "MFI"},  {0x0D, "MFI|"},  {0x0E, "MMF"},
               {0x0F, "MMF|"}, {0x10, "MIB"},   {0x11, "MIB|"}, {0x12, "MBB"},   {0x13, "MBB|"},
               {0x14, ""},     {0x15, ""},      {0x16, "BBB"},  {0x17, "BBB|"},  {0x18, "MMB"},
               {0x19, "MMB|"}, {0x1A, ""},      {0x1B, ""},     {0x1C, "MFB"},   {0x1D, "MFB|"},
               {0x1E, ""},     {0x1F, ""}};
  for (const auto& row : kRows) {
    const auto bundle = bundle_of(ia64_bundle_bytes(row.code, 0, 0, 0));
    ASSERT_EQ(bundle.has_value(), *row.text != 0) << row.code;
    if (!bundle) continue;
    std::string text;
    for (unsigned slot = 0; slot < 3; ++slot) {
      text += bundle->units[slot];
      if (bundle->stops[slot]) text += '|';
    }
    EXPECT_EQ(text, row.text) << row.code;
  }
}

TEST(Ia64Bundle, SlotsAreFortyOneBitsEach) {
  const std::uint64_t all = (std::uint64_t{1} << 41) - 1;
  const std::uint64_t values[3][3] = {
      {all, 0, all}, {0, all, 0}, {0x123456789AB, 0x1FEDCBA9876, 0x0A5A5A5A5A5}};
  for (const auto& row : values) {
    const auto bundle = bundle_of(ia64_bundle_bytes(8, row[0], row[1], row[2]));
    ASSERT_TRUE(bundle);
    EXPECT_EQ(bundle->units, "MMI");
    for (unsigned slot = 0; slot < 3; ++slot) EXPECT_EQ(bundle->slots[slot], row[slot]) << slot;
  }
}

TEST(Ia64Bundle, FewerThanSixteenBytesAreNone) {
  auto bytes = ia64_bundle_bytes(0, kNopM, kNopI, kNopI);
  EXPECT_TRUE(bundle_of(bytes));
  while (!bytes.empty()) {
    bytes.pop_back();
    EXPECT_FALSE(bundle_of(bytes)) << bytes.size();
    EXPECT_FALSE(code_line_ia64(std::as_bytes(std::span(bytes)), 0x1000)) << bytes.size();
  }
}

class Ia64CallBefore : public testing::Test {
protected:
  std::optional<bool> ask(std::vector<std::uint8_t> bytes, std::uint64_t address = 0x1010) {
    FakeMemory memory;
    memory.put(0x1000, std::move(bytes));
    return call_before_ia64(memory, address);
  }
};

TEST_F(Ia64CallBefore, IsACallInAnyBranchSlot) {
  EXPECT_EQ(ask(ia64_bundle_bytes(0x11, kNopM, kNopI, kCall)), true);
  EXPECT_EQ(ask(ia64_bundle_bytes(0x10, kNopM, kNopI, kCall | 6)), true); // with a predicate
  EXPECT_EQ(ask(ia64_bundle_bytes(0x12, kNopM, kCall, kNopB)), true);
  EXPECT_EQ(ask(ia64_bundle_bytes(0x16, kIndirectCall, kNopB, kNopB)), true);
  EXPECT_EQ(ask(ia64_bundle_bytes(0x1D, kNopM, kNopM, kIndirectCall)), true);
  EXPECT_EQ(ask(ia64_bundle_bytes(0x05, kNopM, 0, kLongCall)), true);
}

TEST_F(Ia64CallBefore, IsNoOtherBranch) {
  EXPECT_EQ(ask(ia64_bundle_bytes(0x11, kNopM, kNopI, kBranch)), false);
  EXPECT_EQ(ask(ia64_bundle_bytes(0x11, kNopM, kNopI, kReturn)), false);
  EXPECT_EQ(ask(ia64_bundle_bytes(0x16, kNopB, kNopB, kNopB)), false);
  // The same bits in a slot of another unit are no call.
  EXPECT_EQ(ask(ia64_bundle_bytes(0x08, kCall, kCall, kCall)), false);
  EXPECT_EQ(ask(ia64_bundle_bytes(0x05, kNopM, kLongCall, std::uint64_t{6} << 37)), false);
}

TEST_F(Ia64CallBefore, SaysNoWhereNoCallReturnsTo) {
  const auto call = ia64_bundle_bytes(0x11, kNopM, kNopI, kCall);
  EXPECT_EQ(ask(call, 0x1014), false); // inside a bundle
  EXPECT_EQ(ask(call, 0), false);
  EXPECT_EQ(ask(ia64_bundle_bytes(0x1F, kCall, kCall, kCall)), false); // reserved template
}

TEST_F(Ia64CallBefore, IsNotKnownWithoutCode) {
  auto call = ia64_bundle_bytes(0x11, kNopM, kNopI, kCall);
  EXPECT_EQ(ask(call, 0x1020), std::nullopt);
  call.pop_back();
  EXPECT_EQ(ask(call), std::nullopt);
}

} // namespace
} // namespace dumptriage::arch
