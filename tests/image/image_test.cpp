#include "image/sample_image.h"

#include <algorithm>

#include "arch/arch.h"

namespace dumptriage::image {
namespace {

using arch::FunctionLookup;

constexpr std::uint64_t kBase = 0x7FF600000000;

// Everything the sample holds must read the same from a file and from memory.
void expect_sample(const Image& image) {
  EXPECT_EQ(image.machine, arch::Machine::x64);
  EXPECT_TRUE(image.pe32_plus);
  EXPECT_EQ(image.timestamp, 0x45D6970Fu);
  EXPECT_EQ(image.checksum, 0x1234u);
  EXPECT_EQ(image.size_of_image, 0x8000u);
  EXPECT_EQ(image.preferred_base, 0x140000000u);
  ASSERT_EQ(image.sections.size(), 6u);
  EXPECT_EQ(image.sections[5].name, ".data");
  EXPECT_EQ(image.sections[5].virtual_size, 0x1800u);
  EXPECT_EQ(image.debug_id().key(), kKey);
  EXPECT_EQ(image.debug_id().file, "C:\\out\\sample.pdb");
  ASSERT_TRUE(image.version());
  EXPECT_EQ(image.version()->to_string(), "5.2.3790.3959");
  const auto& exports = image.exports();
  ASSERT_EQ(exports.size(), 4u);
  EXPECT_EQ(exports[0].name, "Alpha");
  EXPECT_EQ(exports[0].rva, 0x1000u);
  EXPECT_EQ(exports[0].ordinal, 6u);
  EXPECT_EQ(exports[1].name, "Beta");
  EXPECT_EQ(exports[1].ordinal, 5u);
  EXPECT_EQ(exports[2].name, "");
  EXPECT_EQ(exports[2].ordinal, 7u);
  EXPECT_EQ(exports[3].name, "Passed");
  EXPECT_EQ(exports[3].forwarder, "other.There");
  EXPECT_TRUE(image.notes().empty());
}

TEST(Image, FileHoldsEverything) {
  auto image = open_bytes(sample_image().file());
  ASSERT_TRUE(image) << image.error().message();
  expect_sample(**image);
  EXPECT_EQ((*image)->raw_size, sample_image().file().size());
}

TEST(Image, MemoryHoldsEverything) {
  synth::Bytes bytes = sample_image().memory();
  auto image = open_memory(memory_at(kBase, bytes), kBase);
  ASSERT_TRUE(image) << image.error().message();
  expect_sample(**image);
  EXPECT_EQ((*image)->where(), "memory");
}

TEST(Image, X86HeadersAreReadAtTheirOwnOffsets) {
  synth::PeWriter pe(false);
  pe.section(".text", 0x1000, synth::Bytes(16, 0x90), synth::kCodeSection);
  auto image = open_bytes(pe.file());
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ((*image)->machine, arch::Machine::x86);
  EXPECT_EQ((*image)->preferred_base, 0x400000u);
  EXPECT_EQ((*image)->size_of_image, 0x2000u);
  EXPECT_FALSE((*image)->pe32_plus);
  arch::FunctionEntry entry;
  EXPECT_EQ((*image)->find_function(0x1000, entry), FunctionLookup::unknown);
}

TEST(Image, FunctionTableOfX64) {
  auto image = open_bytes(sample_image().file());
  ASSERT_TRUE(image);
  struct Case {
    std::uint32_t rva;
    FunctionLookup kind;
    std::uint32_t begin, end, unwind;
  };
  for (const Case& c : {Case{0x1000, FunctionLookup::found, 0x1000, 0x1080, 0x4100},
                        Case{0x107F, FunctionLookup::found, 0x1000, 0x1080, 0x4100},
                        Case{0x1080, FunctionLookup::found, 0x1000, 0x1080, 0x4100}, // indirect
                        Case{0x10C0, FunctionLookup::leaf, 0, 0, 0},
                        Case{0x1100, FunctionLookup::found, 0x1100, 0x1150, 0x4100},
                        Case{0x1160, FunctionLookup::found, 0x1150, 0x1180, 0x4110},
                        Case{0x1180, FunctionLookup::leaf, 0, 0, 0},
                        Case{0x3000, FunctionLookup::unknown, 0, 0, 0},    // data
                        Case{0x9000, FunctionLookup::unknown, 0, 0, 0}}) { // nothing
    arch::FunctionEntry entry;
    EXPECT_EQ((*image)->find_function(c.rva, entry), c.kind) << std::hex << c.rva;
    EXPECT_EQ(entry.begin, c.begin) << std::hex << c.rva;
    EXPECT_EQ(entry.end, c.end) << std::hex << c.rva;
    EXPECT_EQ(entry.unwind, c.unwind) << std::hex << c.rva;
  }
  EXPECT_EQ((*image)->function_extent(0x1160).begin, 0x1100u); // chained to its parent
  EXPECT_EQ((*image)->function_extent(0x10C8).kind, FunctionLookup::leaf);
  EXPECT_EQ((*image)->function_extent(0x10C8).begin, 0x10C0u);
}

TEST(Image, AHoleInTheFunctionTableIsNotALeaf) {
  synth::Bytes bytes = sample_image().memory();
  auto memory = std::make_shared<memory::FlatRanges>();
  memory->add(kBase, ByteView(bytes.data(), 0x4000)); // everything below .pdata
  memory->seal();
  auto image = open_memory(memory, kBase);
  ASSERT_TRUE(image);
  arch::FunctionEntry entry;
  for (std::uint32_t rva : {0x1000u, 0x10C0u, 0x1180u})
    EXPECT_EQ((*image)->find_function(rva, entry), FunctionLookup::unknown);
}

TEST(Image, AnIndirectEntryInACircleIsUnknown) {
  synth::PeWriter pe;
  pe.section(".text", 0x1000, synth::Bytes(0x200, 0xCC), synth::kCodeSection);
  pe.section(".pdata", 0x2000, synth::runtime_functions({{0x1000, 0x1100, 0x2001}}),
             synth::kConstSection);
  pe.directory(3, 0x2000, 12);
  auto image = open_bytes(pe.file());
  ASSERT_TRUE(image);
  arch::FunctionEntry entry;
  EXPECT_EQ((*image)->find_function(0x1010, entry), FunctionLookup::unknown);
  EXPECT_EQ((*image)->function_extent(0x1010).kind, FunctionLookup::unknown);
}

TEST(Image, ReadsLikeTheLoader) {
  auto image = open_bytes(sample_image().file());
  ASSERT_TRUE(image);
  std::array<std::byte, 4> out;
  EXPECT_EQ((*image)->read_rva(0, out), 4u);
  EXPECT_EQ(out[0], std::byte{'M'});
  EXPECT_EQ((*image)->read_rva(0x61FE, out), 4u); // end of the raw data, then zeros
  EXPECT_EQ(out, (std::array{std::byte{0xAB}, std::byte{0xAB}, std::byte{0}, std::byte{0}}));
  EXPECT_EQ((*image)->read_rva(0x7FFE, out), 2u); // end of the section's last page
  EXPECT_EQ((*image)->read_rva(0x0800, out), 0u); // between headers and sections
  EXPECT_EQ((*image)->read_rva(0xFFFFFFFE, out), 0u);
}

TEST(Image, RelocatedBytes) {
  synth::PeWriter pe(false);
  synth::Bytes code(0x40, 0x90), relocations;
  synth::put32(code, 0x10, 0x00401234);
  synth::put32(relocations, 0, 0x1000);
  synth::put32(relocations, 4, 12);
  synth::put16(relocations, 8, 0x3010); // HIGHLOW
  synth::put16(relocations, 10, 0);     // padding
  pe.section(".text", 0x1000, code, synth::kCodeSection);
  pe.section(".reloc", 0x2000, relocations, synth::kConstSection);
  pe.directory(5, 0x2000, 12);
  auto image = open_bytes(pe.file());
  ASSERT_TRUE(image);
  std::array<std::byte, 8> out;
  EXPECT_EQ((*image)->read_relocated(0x100E, out, 0x00720000), 8u);
  EXPECT_EQ(out, (std::array{std::byte{0x90}, std::byte{0x90}, std::byte{0x34}, std::byte{0x12},
                             std::byte{0x72}, std::byte{0x00}, std::byte{0x90}, std::byte{0x90}}));
  EXPECT_EQ((*image)->read_relocated(0x1012, std::span(out).first(1), 0x00720000), 1u);
  EXPECT_EQ(out[0], std::byte{0x72}); // in the middle of the field
  EXPECT_EQ((*image)->read_relocated(0x1012, std::span(out).first(1), 0x00400000), 1u);
  EXPECT_EQ(out[0], std::byte{0x40});
}

// Alpha: ldah r1, 0x41(zero); lda r1, -0x7000(r1) make 0x409000.
TEST(Image, RelocatedHalvesOfAnAddress) {
  synth::PeWriter pe(false);
  pe.machine = 0x184;
  synth::Bytes code(0x40), relocations;
  synth::put32(code, 0, 0x243F0041);
  synth::put32(code, 4, 0x20219000);
  synth::put16(code, 8, 0x0040); // HIGH of 0x400000
  const std::uint16_t entries[] = {0x4000, 0x9000, 0x2004, 0x1008};
  synth::put32(relocations, 0, 0x1000);
  synth::put32(relocations, 4, 16);
  for (std::size_t i = 0; i < 4; ++i) synth::put16(relocations, 8 + 2 * i, entries[i]);
  pe.section(".text", 0x1000, code, synth::kCodeSection);
  pe.section(".reloc", 0x2000, relocations, synth::kConstSection);
  pe.directory(5, 0x2000, 16);
  auto image = open_bytes(pe.file());
  ASSERT_TRUE(image);
  std::array<std::byte, 12> out;
  // By 0x12340000 the lower half stays.
  ASSERT_EQ((*image)->read_relocated(0x1000, out, 0x12740000), 12u);
  const ByteView bytes(out.data(), out.size());
  EXPECT_EQ(bytes.u32(0), 0x243F1275u);
  EXPECT_EQ(bytes.u32(4), 0x20219000u);
  EXPECT_EQ(bytes.u16(8), 0x1274u);
  // By 0x18000 the address is 0x421000: the lower half becomes positive, the upper grows by 1.
  ASSERT_EQ((*image)->read_relocated(0x1000, out, 0x00418000), 12u);
  EXPECT_EQ(bytes.u32(0), 0x243F0042u);
  EXPECT_EQ(bytes.u32(4), 0x20211000u);
}

TEST(Image, WhatTheFileLostIsNotZero) {
  synth::Bytes bytes = sample_image().file();
  bytes.resize(bytes.size() - 0x100); // half of .data
  auto image = open_bytes(bytes);
  ASSERT_TRUE(image);
  std::array<std::byte, 0x200> out;
  EXPECT_EQ((*image)->read_rva(0x6000, out), 0x100u);
  EXPECT_EQ((*image)->read_rva(0x6100, out), 0u);
}

TEST(Image, SmallSectionAlignmentIsMappedAsItLies) {
  synth::PeWriter pe(false);
  pe.section_alignment = 0x20;
  pe.section(".text", 0x400, synth::Bytes(0x40, 0x90), synth::kCodeSection); // raw == rva
  auto image = open_bytes(pe.file());
  ASSERT_TRUE(image);
  std::array<std::byte, 1> out;
  EXPECT_EQ((*image)->read_rva(0x43F, out), 1u);
  EXPECT_EQ(out[0], std::byte{0x90});
}

TEST(Image, WrongMagicAndEmpty) {
  EXPECT_EQ(open_bytes({}).error().code, Code::truncated);
  EXPECT_EQ(open_bytes(synth::Bytes(256, 'X')).error().code, Code::bad_magic);
  synth::Bytes bytes = sample_image().file();
  bytes[synth::PeWriter::kElfanew] = 'X';
  EXPECT_EQ(open_bytes(bytes).error().code, Code::bad_magic);
  bytes = sample_image().file();
  synth::put32(bytes, 0x3C, 0xFFFFFFF0);
  EXPECT_EQ(open_bytes(bytes).error().code, Code::bad_value);
  bytes = sample_image().file();
  synth::put16(bytes, sample_image().optional_offset(), 0x107);
  EXPECT_EQ(open_bytes(bytes).error().code, Code::bad_value);
  EXPECT_EQ(open_memory(std::make_shared<memory::FlatRanges>(), kBase).error().code, Code::absent);
}

void touch(const Image& image) {
  image.exports();
  image.debug_id();
  image.version();
  arch::FunctionEntry entry;
  for (std::uint32_t rva = 0; rva < 0x8000; rva += 0x333) image.find_function(rva, entry);
}

TEST(Image, TruncatedAtEveryByte) {
  synth::Bytes whole = sample_image().memory();
  std::size_t opened = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    auto memory = std::make_shared<memory::FlatRanges>();
    memory->add(kBase, ByteView(whole.data(), size));
    memory->seal();
    auto image = open_memory(memory, kBase);
    if (!image) {
      EXPECT_EQ(image.error().code, Code::absent);
      continue;
    }
    ++opened;
    if (size % 7 == 0) touch(**image);
  }
  EXPECT_EQ(opened, whole.size() - (sample_image().optional_offset() + 0x70));
  synth::Bytes file = sample_image().file();
  for (std::size_t size = 0; size < file.size(); size += 61)
    if (auto image = open_bytes(synth::Bytes(file.begin(), file.begin() + size))) touch(**image);
}

TEST(Image, LyingCountsCostNothing) {
  synth::Bytes bytes = sample_image().memory();
  std::size_t exports = 0x2000;
  synth::put32(bytes, exports + 20, 0xFFFFFFFF);                    // functions
  synth::put32(bytes, exports + 24, 0xFFFFFFFF);                    // names
  synth::put16(bytes, synth::PeWriter::kElfanew + 6, 0xFFFF);       // sections
  synth::put32(bytes, sample_image().optional_offset() + 108, ~0u); // data directories
  synth::put16(bytes, 0x5000 + 14, 0xFFFF);                         // resource entries
  auto image = open_memory(memory_at(kBase, bytes), kBase);
  ASSERT_TRUE(image);
  touch(**image);
  EXPECT_LE((*image)->exports().size(), 131072u);
  EXPECT_EQ((*image)->directories.size(), 16u);
  EXPECT_FALSE((*image)->notes().empty());
}

TEST(Image, AllNamesAtOneLongStringAreCut) {
  synth::Bytes section(0x200000, 'x');
  std::uint32_t rva = 0x2000, count = 65536;
  synth::put32(section, 16, 1);
  synth::put32(section, 20, 1);
  synth::put32(section, 24, count);
  synth::put32(section, 28, rva + 40);
  synth::put32(section, 32, rva + 0x1000);
  synth::put32(section, 36, rva + 0x100000);
  synth::put32(section, 40, 0x1000);
  for (std::uint32_t i = 0; i < count; ++i) {
    synth::put32(section, 0x1000 + 4 * i, rva + 0x180000);
    synth::put16(section, 0x100000 + 2 * i, 0);
  }
  synth::PeWriter pe;
  pe.section(".text", 0x1000, synth::Bytes(16), synth::kCodeSection);
  pe.section(".edata", rva, section, synth::kConstSection);
  pe.directory(0, rva, 0x1000);
  auto image = open_bytes(pe.file());
  ASSERT_TRUE(image);
  std::size_t text = 0;
  for (const Export& entry : (*image)->exports()) text += entry.name.size();
  EXPECT_LE(text, 16u << 20);
  EXPECT_EQ((*image)->notes().size(), 1u);
}

} // namespace
} // namespace dumptriage::image
