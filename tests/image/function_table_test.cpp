// The function tables of every CPU, laid down by hand, from a file and from memory.
#include "image/sample_image.h"

namespace dumptriage::image {
namespace {

using arch::FunctionLookup;

constexpr std::uint32_t kTable = 0x4000;

// A code section at 0x1000, the table at kTable, what it points at behind it.
synth::PeWriter image_of(std::uint16_t machine, bool wide, const synth::Bytes& table,
                         std::uint32_t size) {
  synth::PeWriter pe(wide);
  pe.machine = machine;
  pe.section(".text", 0x1000, synth::Bytes(0x1000, 0xCC), synth::kCodeSection);
  pe.section(".pdata", kTable, table, synth::kConstSection);
  pe.directory(3, kTable, size);
  return pe;
}

struct Expected {
  std::uint32_t rva;
  FunctionLookup kind;
  std::uint32_t begin = 0, end = 0, unwind = 0;
  std::uint32_t function = 0; // 0: not known
};

void expect(const Image& image, std::initializer_list<Expected> cases) {
  for (const Expected& c : cases) {
    SCOPED_TRACE(testing::Message() << std::hex << c.rva);
    arch::FunctionEntry entry;
    EXPECT_EQ(image.find_function(c.rva, entry), c.kind);
    EXPECT_EQ(entry.begin, c.begin);
    EXPECT_EQ(entry.end, c.end);
    EXPECT_EQ(entry.unwind, c.unwind);
    const Image::Extent extent = image.function_extent(c.rva);
    if (c.kind == FunctionLookup::leaf) {
      EXPECT_EQ(extent.kind, FunctionLookup::leaf);
    } else {
      EXPECT_EQ(extent.kind, c.function ? FunctionLookup::found : FunctionLookup::unknown);
    }
    EXPECT_EQ(extent.begin, c.function);
  }
}

void put_words(synth::Bytes& bytes, std::size_t at, std::initializer_list<std::uint64_t> words,
               int size = 4) {
  for (std::uint64_t word : words) {
    synth::put(bytes, at, word, size);
    at += static_cast<std::size_t>(size);
  }
}

synth::Bytes arm64_table() {
  synth::Bytes table;
  put_words(table, 0,
            {0x1000, 0x00E000A1, // packed, 0x28 words
             0x1100, 0x4100,     // .xdata: 0x100 bytes, one epilogue in the header
             0x1200, 0x00E00042, // packed without edges, 0x10 words
             0x1300, 0x4120,     // .xdata that begins with end_c
             0x1400, 0x4140,     // extended header
             0, 0});
  put_words(table, 0x100, {0x40 | 1u << 21 | 1u << 22 | 1u << 27, 0xE4E483E1});
  put_words(table, 0x120, {0x20 | 1u << 22 | 1u << 27, 1u << 22, 0xE4E483E5});
  put_words(table, 0x140, {0x80, 2 | 1u << 16, 0x10, 0x20, 0xE4E4E483});
  return table;
}

const std::initializer_list<Expected> kArm64 = {
    {0x0FFC, FunctionLookup::unknown}, // headers
    {0x1000, FunctionLookup::found, 0x1000, 0x10A0, 0x00E000A1, 0x1000},
    {0x109C, FunctionLookup::found, 0x1000, 0x10A0, 0x00E000A1, 0x1000},
    {0x10A0, FunctionLookup::leaf, 0, 0, 0, 0x10A0},
    {0x11FC, FunctionLookup::found, 0x1100, 0x1200, 0x4100, 0x1100},
    {0x1210, FunctionLookup::found, 0x1200, 0x1240, 0x00E00042, 0},
    {0x1240, FunctionLookup::leaf, 0, 0, 0, 0x1240},
    {0x1304, FunctionLookup::found, 0x1300, 0x1380, 0x4120, 0},
    {0x15FC, FunctionLookup::found, 0x1400, 0x1600, 0x4140, 0x1400},
    {0x1600, FunctionLookup::leaf, 0, 0, 0, 0x1600}};

TEST(FunctionTable, Arm64) {
  synth::PeWriter pe = image_of(0xAA64, true, arm64_table(), 48);
  auto image = open_bytes(pe.file());
  ASSERT_TRUE(image) << image.error().message();
  expect(**image, kArm64);
  const synth::Bytes bytes = pe.memory();
  image = open_memory(memory_at(0x7FF612340000, bytes), 0x7FF612340000);
  ASSERT_TRUE(image) << image.error().message();
  expect(**image, kArm64);
}

TEST(FunctionTable, Arm64WithoutItsXdata) {
  const synth::Bytes bytes = image_of(0xAA64, true, arm64_table(), 48).memory();
  auto memory = std::make_shared<memory::FlatRanges>();
  memory->add(0x10000, ByteView(bytes.data(), kTable + 0x30)); // up to the end of the table
  memory->seal();
  auto image = open_memory(memory, 0x10000);
  ASSERT_TRUE(image);
  expect(**image, {{0x1000, FunctionLookup::found, 0x1000, 0x10A0, 0x00E000A1, 0x1000},
                   {0x1100, FunctionLookup::unknown},
                   {0x10A0, FunctionLookup::leaf, 0, 0, 0, 0x10A0}});
}

TEST(FunctionTable, Arm) {
  synth::Bytes table;
  put_words(table, 0,
            {0x1001, 0x00000081, // packed, 0x20 halfwords
             0x1101, 0x4100,     // .xdata: 0x80 halfwords
             0x1201, 0x4110,     // a fragment
             0x1301, 0x00000082});
  put_words(table, 0x100, {0x80, 0x80 | 1u << 22}, 4);
  synth::put32(table, 0x110, 0x80 | 1u << 22);
  auto image = open_bytes(image_of(0x1C4, false, table, 32).file());
  ASSERT_TRUE(image);
  expect(**image, {{0x1000, FunctionLookup::found, 0x1000, 0x1040, 0x00000081, 0x1000},
                   {0x1040, FunctionLookup::leaf, 0, 0, 0, 0x1040},
                   {0x1102, FunctionLookup::found, 0x1100, 0x1200, 0x4100, 0x1100},
                   {0x1202, FunctionLookup::found, 0x1200, 0x1300, 0x4110, 0},
                   {0x1302, FunctionLookup::found, 0x1300, 0x1340, 0x00000082, 0}});
}

TEST(FunctionTable, Ia64) {
  synth::Bytes table =
      synth::runtime_functions({{0x1000, 0x1040, 0x4800}, {0x1080, 0x1100, 0x4801}});
  auto image = open_bytes(image_of(0x200, true, table, 24).file());
  ASSERT_TRUE(image);
  expect(**image, {{0x1030, FunctionLookup::found, 0x1000, 0x1040, 0x4800, 0x1000},
                   {0x1040, FunctionLookup::leaf, 0, 0, 0, 0x1040},
                   {0x1080, FunctionLookup::found, 0x1080, 0x1100, 0x4801, 0x1080}});
}

// Begin, end, handler, data, end of the prologue; addresses.  The third is a piece of the second,
// which it names by the address of its entry; the fourth names nothing that could be one.
synth::Bytes risc_table(std::uint64_t base, int size) {
  const auto word = static_cast<std::uint64_t>(size);
  synth::Bytes table;
  put_words(table, 0, {base + 0x1000, base + 0x1040, 0, 0, base + 0x1008}, size);
  put_words(table, 5 * word, {base + 0x1080, base + 0x1100, base + 0x1F00, 0, base + 0x1083}, size);
  put_words(table, 10 * word, {base + 0x1200, base + 0x1220, 0, 0, base + kTable + 5 * word}, size);
  put_words(table, 15 * word, {base + 0x1300, base + 0x1320, 0, 0, base + kTable + 5 * word + 4},
            size);
  return table;
}

void expect_risc(const Image& image, std::uint32_t row) {
  expect(image, {{0x103C, FunctionLookup::found, 0x1000, 0x1040, kTable, 0x1000},
                 {0x1040, FunctionLookup::leaf, 0, 0, 0, 0x1040},
                 {0x10FC, FunctionLookup::found, 0x1080, 0x1100, kTable + row, 0x1080},
                 {0x1210, FunctionLookup::found, 0x1200, 0x1220, kTable + 2 * row, 0x1080},
                 {0x1310, FunctionLookup::found, 0x1300, 0x1320, kTable + 3 * row, 0}});
}

TEST(FunctionTable, AlphaMipsAndPowerPc) {
  for (std::uint16_t machine : {0x184, 0x166, 0x1F0}) {
    SCOPED_TRACE(machine);
    auto image = open_bytes(image_of(machine, false, risc_table(0x400000, 4), 80).file());
    ASSERT_TRUE(image);
    expect_risc(**image, 20);
  }
  auto image = open_bytes(image_of(0x284, true, risc_table(0x140000000, 8), 160).file());
  ASSERT_TRUE(image);
  expect_risc(**image, 40);
}

TEST(FunctionTable, AddressesInMemoryAreRelocatedOrNot) {
  for (std::uint64_t base : {0x80400000u, 0x400000u}) {
    const synth::Bytes bytes = image_of(0x184, false, risc_table(base, 4), 80).memory();
    auto image = open_memory(memory_at(0x80400000, bytes), 0x80400000);
    ASSERT_TRUE(image);
    expect_risc(**image, 20);
  }
}

TEST(FunctionTable, AddressesOutsideTheImageAreUnknown) {
  auto image = open_bytes(image_of(0x184, false, risc_table(0x7F000000, 4), 80).file());
  ASSERT_TRUE(image);
  expect(**image, {{0x1000, FunctionLookup::unknown}, {0x1200, FunctionLookup::unknown}});
}

TEST(FunctionTable, ARangeThatLeaves32BitsIsUnknown) {
  synth::Bytes table;
  put_words(table, 0, {0xFFFFFFF0, 0x00E000A1});
  auto image = open_bytes(image_of(0xAA64, true, table, 8).file());
  ASSERT_TRUE(image);
  expect(**image, {{0xFFFFFFF8, FunctionLookup::unknown}});
}

} // namespace
} // namespace dumptriage::image
