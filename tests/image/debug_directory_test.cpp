// The debug directory: every entry and what it points at.
#include "image/sample_image.h"

namespace dumptriage::image {
namespace {

// The MISC record of winnt.h: type 1, whole length, Unicode flag, name.
synth::Bytes misc(const std::string& name, bool unicode) {
  synth::Bytes out(12);
  synth::put32(out, 0, 1);
  synth::put8(out, 8, unicode);
  if (unicode)
    synth::put_utf16(out, 12, name);
  else
    synth::put_text(out, 12, name);
  out.resize(12 + 0x40);
  synth::put32(out, 4, out.size());
  return out;
}

struct Stripped {
  synth::PeWriter pe;
  synth::Bytes coff = synth::Bytes(36, 0xC0), misc_record;
  explicit Stripped(bool unicode = false) : pe(false) {
    misc_record = misc("sys\\netbt.dbg", unicode);
    pe.section(".text", 0x1000, synth::Bytes(0x200, 0x90), synth::kCodeSection);
    const std::uint32_t tail = 0x400 + 0x200 + 0x200; // headers and two sections
    synth::Bytes rows = synth::debug_rows(
        {{1, 36, 0, tail}, {4, 0x4C, 0, tail + 36}, {13, 8, 0x2000, 0}, {2, 8, 0x1F000, 0x10000}});
    pe.section(".rdata", 0x2000, rows, synth::kConstSection);
    pe.directory(6, 0x2000, static_cast<std::uint32_t>(rows.size()));
    pe.symbol_table = tail;
    pe.symbol_count = 2;
    synth::put_bytes(pe.tail, 0, coff);
    synth::put_bytes(pe.tail, coff.size(), misc_record);
  }
};

TEST(DebugDirectory, EveryEntryWithItsPlace) {
  Stripped stripped;
  ASSERT_EQ(stripped.pe.tail_offset(), 0x800u);
  auto image = open_bytes(stripped.pe.file());
  ASSERT_TRUE(image) << image.error().message();
  const auto& entries = (*image)->debug_entries();
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[0].type, 1u);
  EXPECT_EQ(entries[0].rva, 0u);
  EXPECT_EQ(entries[0].raw_offset, 0x800u);
  EXPECT_EQ(entries[0].size, 36u);
  EXPECT_EQ(entries[2].type, 13u);
  EXPECT_EQ(entries[2].rva, 0x2000u);
  const auto data = (*image)->debug_data(entries[0]);
  EXPECT_EQ(data, std::vector<std::byte>(36, std::byte{0xC0}));
  EXPECT_EQ((*image)->debug_data(entries[0], 5).size(), 5u);
  EXPECT_TRUE((*image)->debug_data(entries[3]).empty()); // points nowhere
  EXPECT_EQ((*image)->symbol_table, 0x800u);
  EXPECT_EQ((*image)->symbol_count, 2u);
  EXPECT_EQ((*image)->characteristics, 0x22u);
  EXPECT_TRUE((*image)->notes().empty());
}

TEST(DebugDirectory, NameOfTheDbgFile) {
  for (bool unicode : {false, true}) {
    auto image = open_bytes(Stripped(unicode).pe.file());
    ASSERT_TRUE(image);
    EXPECT_EQ((*image)->dbg_name(), "sys\\netbt.dbg") << unicode;
  }
  auto image = open_bytes(sample_image().file());
  ASSERT_TRUE(image);
  EXPECT_EQ((*image)->dbg_name(), "");
}

TEST(DebugDirectory, AMiscRecordThatLiesStaysInsideItsEntry) {
  Stripped stripped;
  synth::put32(stripped.pe.tail, 36 + 4, 0xFFFFFFFF); // Length
  auto image = open_bytes(stripped.pe.file());
  ASSERT_TRUE(image);
  EXPECT_EQ((*image)->dbg_name(), "sys\\netbt.dbg");
  synth::put32(stripped.pe.tail, 36 + 4, 11); // less than its own header
  image = open_bytes(stripped.pe.file());
  ASSERT_TRUE(image);
  EXPECT_EQ((*image)->dbg_name(), "");
  synth::put32(stripped.pe.tail, 36, 2); // not a name
  image = open_bytes(stripped.pe.file());
  ASSERT_TRUE(image);
  EXPECT_EQ((*image)->dbg_name(), "");
}

TEST(DebugDirectory, BorlandCountsEntries) {
  Stripped stripped;
  stripped.pe.directory(6, 0x2000, 2);
  auto image = open_bytes(stripped.pe.file());
  ASSERT_TRUE(image);
  EXPECT_EQ((*image)->debug_entries().size(), 2u);
}

TEST(DebugDirectory, LyingSizesCostNothing) {
  Stripped stripped;
  synth::Bytes rows = synth::debug_rows(
      {{2, 0xFFFFFFFF, 0x2000, 0}, {2, 0xFFFFFFFF, 0, 0x900}, {2, 0xFFFFFFFF, 0x3000, 0}});
  stripped.pe.section(".huge", 0x3000, rows, synth::kConstSection, 0x40000000);
  stripped.pe.directory(6, 0x3000, 0xFFFFFFFF);
  auto image = open_bytes(stripped.pe.file());
  ASSERT_TRUE(image);
  const auto& entries = (*image)->debug_entries();
  ASSERT_GE(entries.size(), 3u);
  EXPECT_LE(entries.size(), 64u);
  EXPECT_EQ((*image)->debug_data(entries[0]).size(), 0x200u);  // the section's raw data
  EXPECT_EQ((*image)->debug_data(entries[2]).size(), 0x200u);  // not the zeros behind it
  EXPECT_LT((*image)->debug_data(entries[1]).size(), 0x1000u); // the rest of the file
}

} // namespace
} // namespace dumptriage::image
