// Headers laid down by hand, offset by offset, from the published tables.
#include <gtest/gtest.h>

#include "dump/kernel_samples.h"
#include "synth/kernel_headers.h"

namespace dumptriage::dump {
namespace {

using namespace tests;
using synth::Bytes;
using synth::put32;
using synth::put64;
using synth::put8;

Bytes header64(std::uint32_t type, std::uint32_t build = 19041) {
  Bytes b = synth::header64(build);
  put64(b, 0x10, 0x1AD000);
  put64(b, 0x20, 0xFFFFF80001700000);
  put32(b, 0x34, 4);
  put32(b, 0x38, 0xD1);
  for (int i = 0; i < 4; ++i) put64(b, 0x40 + 8 * i, 0x1000 + i);
  synth::set_runs(b, {{1, 1}, {0x100, 2}});
  synth::set_dump_type(b, type);
  put64(b, 0xFA8, 0x01D707F23DBB3399);
  put64(b, 0x1030, 20'000'000);
  put32(b, 0x1040, 3);
  return b;
}

Bytes header32(std::uint32_t type, std::uint32_t build) {
  Bytes b = synth::header32(build);
  put32(b, 0x10, 0x39000);
  put32(b, 0x18, 0x8046E8F0);
  put32(b, 0x24, 2);
  put32(b, 0x28, 0x1E);
  put32(b, 0x2C, 0xC0000005);
  put32(b, 0x30, 0x8042A1B3);
  put32(b, 0x34, 1);
  put32(b, 0x38, 0x14);
  put8(b, 0x5C, 1);
  put32(b, 0x60, 0x8046E000);
  synth::set_runs(b, {{1, 0x10}});
  put32(b, 0x820, 0x00736559); // "Yes"
  synth::set_dump_type(b, type);
  put64(b, 0xFC0, 0x01C5000000000000);
  return b;
}

std::string description_of(const Bytes& bytes) { return identify(view_of(bytes)).description; }

TEST(KernelHeader, FullDump64) {
  Bytes bytes = header64(1);
  bytes.resize(0x2000 + 3 * 0x1000);
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->format, Format::kernel);
  EXPECT_EQ(dump->kind, Kind::full);
  EXPECT_TRUE(dump->complete);
  const KernelHeader& header = dump->kernel->header;
  EXPECT_EQ(header.major_version, 0xFu);
  EXPECT_EQ(header.directory_table_base, 0x1AD000u);
  EXPECT_EQ(header.pfn_database, 0u); // the filler
  EXPECT_EQ(header.kd_debugger_data_block, 0u);
  EXPECT_EQ(header.ps_loaded_module_list, 0xFFFFF80001700000u);
  EXPECT_EQ(header.bugcheck_parameters[3], 0x1003u);
  EXPECT_EQ(header.processors, 4u);
  EXPECT_EQ(header.physical_pages, 3u);
  ASSERT_EQ(header.physical_runs.size(), 2u);
  EXPECT_EQ(header.physical_runs[1].base_page, 0x100u);
  EXPECT_EQ(header.physical_runs[1].page_count, 2u);
  EXPECT_EQ(header.system_up_time, 20'000'000u);
  EXPECT_EQ(header.product_type, 3u);
  EXPECT_EQ(header.suite_mask, std::nullopt);
  EXPECT_EQ(header.writer_status, std::nullopt);
  EXPECT_TRUE(header.context.empty());
  EXPECT_TRUE(dump->memory);
  ASSERT_TRUE(dump->physical);
  EXPECT_EQ(dump->physical->page_count(), 3u);
  // Its tables are zeros: nothing says that they are the right ones.
  EXPECT_TRUE(has_note(dump->notes, "kernel data cannot be proved to be mapped"));
  EXPECT_EQ(description_of(bytes),
            "64-bit kernel full dump of Windows Server (build 19041), x64, 20 KB");
}

TEST(KernelHeader, AFullDumpCutShortSaysSo) {
  Bytes bytes = header64(1);
  bytes.resize(0x2000 + 0x1800);
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(has_note(dump->notes, "cut short, 1 of 3 pages are there (14 KB of 20 KB)"));
  EXPECT_EQ(
      description_of(bytes),
      "64-bit kernel full dump of Windows Server (build 19041), x64, cut short at 14 KB of 20 KB");
}

// The runs are how the file is laid out; what else the block says is compared with them.
TEST(KernelHeader, RunsThatDoNotAddUpAreToldAndUsed) {
  struct Lie {
    std::size_t offset;
    std::uint64_t value;
    const char* note;
  };
  for (Lie lie : {Lie{0x90, 4, "its runs add up to 3 pages, it says 4"},
                  Lie{0xB0, 1, "its runs add up to 2 pages, it says 3"},
                  Lie{0xA8, 0, "run 1 begins before the run in front of it ends"},
                  Lie{0xB0, ~0ull, "run 1 leaves 64 bits"}}) {
    Bytes bytes = header64(1);
    put64(bytes, lie.offset, lie.value);
    bytes.resize(0x2000 + 4 * 0x1000);
    put32(bytes, 0x3000, 0x12345678);
    auto dump = open_bytes(bytes);
    ASSERT_TRUE(dump);
    EXPECT_TRUE(has_note(dump->notes, lie.note)) << lie.note;
    EXPECT_EQ(dump->kernel->header.physical_runs.size(), 2u);
    ASSERT_TRUE(dump->physical);
    std::uint64_t second = lie.offset == 0xA8 ? 0 : 0x100000; // of run 1, file offset 0x3000
    EXPECT_EQ(dump->physical->u32(second), 0x12345678u) << lie.note;
  }
  Bytes bytes = header64(1);
  put32(bytes, 0x88, 0x2C); // one more than fit
  bytes.resize(0x2000 + 3 * 0x1000);
  auto dump = open_bytes(bytes);
  EXPECT_TRUE(dump->kernel->header.physical_runs.empty());
  EXPECT_FALSE(dump->physical);
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(has_note(dump->notes, "44 runs, there is room for 43"));
}

TEST(KernelHeader, ExpectedSizesThatLeave64BitsAreUnknown) {
  Bytes bytes = header64(1);
  put64(bytes, 0x90, UINT64_MAX / 2);
  bytes.resize(0x3000);
  EXPECT_EQ(description_of(bytes),
            "64-bit kernel full dump of Windows Server (build 19041), x64, 12 KB");
}

Bytes summary32(std::uint32_t type, std::uint32_t build) {
  Bytes bytes = header32(type, build);
  bytes.resize(0x1020);
  synth::put_text(bytes, 0x1000, "SDMPDUMP");
  put32(bytes, 0x100C, 0x2000);   // first page
  put32(bytes, 0x1010, 0x100000); // bits
  put32(bytes, 0x1014, 0x80000);  // pages
  return bytes;
}

TEST(KernelHeader, SummaryDump32) {
  Bytes bytes = summary32(2, 2195);
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->kind, Kind::summary);
  EXPECT_EQ(dump->machine, arch::Machine::x86);
  EXPECT_FALSE(dump->kernel->header.is64);
  EXPECT_EQ(dump->kernel->header.bugcheck_code, 0x1Eu);
  EXPECT_EQ(dump->kernel->header.bugcheck_parameters[1], 0x8042A1B3u);
  EXPECT_EQ(dump->kernel->header.pae_enabled, true);
  EXPECT_EQ(dump->kernel->header.comment, "Yes");
  EXPECT_EQ(
      description_of(bytes),
      "32-bit kernel summary dump of Windows 2000 (build 2195), x86, cut short at 4 KB of 2 GB");
}

TEST(KernelHeader, TheTagDecidesNotTheNumber) {
  EXPECT_EQ(open_bytes(summary32(5, 9200))->kind, Kind::bitmap);
  EXPECT_EQ(open_bytes(summary32(1, 2600))->kind, Kind::summary);
  Bytes fdmp = header64(2);
  fdmp.resize(0x2038);
  synth::put_text(fdmp, 0x2000, "FDMPDUMP");
  EXPECT_EQ(open_bytes(fdmp)->kind, Kind::bitmap);
  Bytes no_tag = header64(2);
  no_tag.resize(0x3000);
  auto dump = open_bytes(no_tag);
  EXPECT_EQ(dump->kind, Kind::summary);
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(has_note(dump->notes, "DumpType is 2, but no such dump stands behind the header"));
}

Bytes bitmap64(std::uint32_t type) {
  Bytes bytes = header64(type);
  bytes.resize(0x2038);
  synth::put_text(bytes, 0x2000, "SDMPDUMP");
  put64(bytes, 0x2020, 0xA038);
  put64(bytes, 0x2028, 0x544B);
  put64(bytes, 0x2030, 0x40000);
  return bytes;
}

TEST(KernelHeader, BitmapDump) {
  Bytes bytes = bitmap64(5);
  EXPECT_EQ(open_bytes(bytes)->kind, Kind::bitmap);
  // 0xA038 + 0x544B pages: 88428600 bytes, the size of radare2's published test dump.
  EXPECT_EQ(description_of(bytes),
            "64-bit kernel bitmap dump of Windows Server (build 19041), x64, cut "
            "short at 8.1 KB of 84 MB");
}

TEST(KernelHeader, LiveDumpsDidNotCrash) {
  Bytes bytes = bitmap64(6);
  put32(bytes, 0x1050, 0x10); // LiveDumpGeneratedDump
  auto dump = open_bytes(bytes);
  EXPECT_EQ(dump->kind, Kind::live);
  EXPECT_TRUE(dump->kernel->live);
  EXPECT_TRUE(has_note(dump->notes, "the machine did not crash"));
  bytes = bitmap64(6);
  put32(bytes, 0x38, 0x161);
  EXPECT_EQ(open_bytes(bytes)->kind, Kind::live);
}

TEST(KernelHeader, RdmpDump) {
  Bytes bytes = header64(0xA);
  bytes.resize(0x2030);
  put32(bytes, 0x2000, 0x40);
  synth::put_text(bytes, 0x2004, "RDMPDUMP");
  put64(bytes, 0x2018, 0x4000);
  put64(bytes, 0x2028, 0x10);
  EXPECT_EQ(open_bytes(bytes)->kind, Kind::rdmp);
  EXPECT_EQ(description_of(bytes),
            "64-bit kernel RDMP dump of Windows Server (build 19041), x64, cut "
            "short at 8 KB of 80 KB");
}

TEST(KernelHeader, HeaderOnlyDumpIsOneWithoutContents) {
  auto dump = open_bytes(header64(3));
  EXPECT_EQ(dump->kind, Kind::header);
  EXPECT_TRUE(has_note(dump->notes, "holds a header only"));
}

// NT 4 ends its header behind the exception record: what stands further on is not its own.
TEST(KernelHeader, Nt4HasNoDumpType) {
  Bytes bytes = header32(4, 1381);
  bytes.resize(0x1000 + 0x10 * 0x1000);
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->kind, Kind::full);
  EXPECT_EQ(dump->kernel->header.dump_type, std::nullopt);
  EXPECT_EQ(dump->kernel->header.kd_debugger_data_block, 0u);
  EXPECT_TRUE(dump->complete);
}

TEST(KernelHeader, AlphaHasPagesOf8KB) {
  Bytes bytes = header32(1, 1381);
  put32(bytes, 0x20, 0x184);
  bytes.resize(0x2000 + 0x10 * 0x2000);
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump);
  EXPECT_TRUE(dump->complete);
  EXPECT_EQ(dump->machine, arch::Machine::alpha);
  EXPECT_EQ(description_of(bytes),
            "32-bit kernel full dump of Windows NT 4.0 (build 1381), alpha, 136 KB");
}

TEST(KernelHeader, EncryptedAndShortOfSpaceAreNotes) {
  Bytes bytes = bitmap64(5);
  put32(bytes, 0x1050, 1u << 2 | 1u << 8);
  auto dump = open_bytes(bytes);
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(has_note(dump->notes, "Windows left pages out"));
  EXPECT_TRUE(has_note(dump->notes, "encrypted"));
}

TEST(KernelHeader, CutAtEveryByte) {
  Bytes whole32 = summary32(2, 2195), whole64 = bitmap64(5);
  for (std::size_t length = 0; length < whole32.size(); ++length) {
    auto dump = open_bytes(ByteView(whole32.data(), length));
    ASSERT_EQ(dump.has_value(), length >= 0x3C) << length;
    ASSERT_FALSE(dump && dump->complete) << length;
  }
  for (std::size_t length = 0; length < whole64.size(); ++length) {
    auto dump = open_bytes(ByteView(whole64.data(), length));
    ASSERT_EQ(dump.has_value(), length >= 0x60) << length;
    ASSERT_FALSE(dump && dump->complete) << length;
  }
}

} // namespace
} // namespace dumptriage::dump
