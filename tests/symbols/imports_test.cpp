// Import slots of a hand-laid import directory of two modules.
#include "symbols/imports.h"

#include <gtest/gtest.h>

#include "image/sample_image.h"

namespace dumptriage::symbols {
namespace {

constexpr std::uint32_t kData = 0x2000;

// Names of A.dll at 2040 (two, the second by ordinal), of B.dll behind them at 204C; slots at 2080
// and 208C; a variable at 2098.
synth::Bytes directory() {
  synth::Bytes data(0x200, 0);
  const auto u32 = [&](std::size_t at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) data[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
  };
  const auto text = [&](std::size_t at, std::string_view value) {
    std::copy(value.begin(), value.end(), data.begin() + static_cast<std::ptrdiff_t>(at));
  };
  u32(0x00, 0x2040), u32(0x0C, 0x2100), u32(0x10, 0x2080);
  u32(0x14, 0x204C), u32(0x20, 0x2110), u32(0x24, 0x208C);
  u32(0x40, 0x2120), u32(0x44, 0x8000000C);
  u32(0x4C, 0x2130);
  u32(0x58, 0x2120); // behind the end of B's names: no entry
  text(0x100, "A.dll"), text(0x110, "B.dll");
  text(0x122, "_First@8"), text(0x132, "Second");
  return data;
}

TEST(Imports, SlotsHaveNamesAndWhatLiesBehindThemHasNone) {
  synth::PeWriter pe(false);
  pe.section(".idata", kData, directory(), synth::kDataSection);
  pe.directory(1, kData, 0x3C);
  auto image = image::open_bytes(pe.file());
  ASSERT_TRUE(image) << image.error().message();
  auto import = import_at(**image, 0x2080);
  ASSERT_TRUE(import);
  EXPECT_EQ(import->module, "A.dll");
  EXPECT_EQ(import->name, "_First@8");
  import = import_at(**image, 0x2084);
  ASSERT_TRUE(import);
  EXPECT_EQ(import->ordinal, 12u);
  import = import_at(**image, 0x208C);
  ASSERT_TRUE(import);
  EXPECT_EQ(import->module, "B.dll");
  EXPECT_EQ(import->name, "Second");
  for (std::uint32_t slot : {0x207Cu, 0x2081u, 0x2088u, 0x2090u, 0x2098u, 0xFFFFFFFCu})
    EXPECT_FALSE(import_at(**image, slot)) << std::hex << slot;
}

TEST(Imports, ParametersInDecoratedNames) {
  EXPECT_EQ(parameters_in_name("_Sleep@4"), 4u);
  EXPECT_EQ(parameters_in_name("@Fast@12"), 4u);
  EXPECT_FALSE(parameters_in_name("Sleep"));
  EXPECT_FALSE(parameters_in_name("_Odd@3"));
  EXPECT_FALSE(parameters_in_name("?f@@YGXH@Z"));
}

} // namespace
} // namespace dumptriage::symbols
