// The triage writer itself, at offsets read by hand from the published layouts.
#include <gtest/gtest.h>

#include "synth/kernel_bytes.h"
#include "synth/triage_writer.h"

namespace dumptriage::synth {
namespace {

std::uint64_t number(const Bytes& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  EXPECT_LE(at + size, bytes.size());
  for (std::size_t i = size; i-- > 0 && at + size <= bytes.size();)
    value = value << 8 | bytes[at + i];
  return value;
}
std::string text(const Bytes& bytes, std::size_t at, std::size_t size) {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(at),
          bytes.begin() + static_cast<std::ptrdiff_t>(at + size)};
}

TriageDescription small() {
  TriageDescription d;
  d.build = 19041;
  d.processors = 2;
  d.bugcheck_code = 0xD1;
  d.bugcheck_parameters = {0x28, 2, 0, 0xfffff80001234567};
  d.stack_start = 0xfffffadf10000f00;
  d.stack = Bytes(0x100, 0xAB);
  d.drivers = {{"\\a.sys", 0xfffff80000010000, 0x7000, 0x45D6C53C, 0x1234},
               {"bb.sys", 0xfffff80000020000, 0x8000, 0x45D6C53D, 0x5678}};
  d.unloaded = {{"averylongname.sys", 0x1000, 0x2000}};
  d.debugger_data = kdbg(offsets_win10_19041(), 0xfffff80000300000, {});
  d.ki_processor_block = 0xfffff80000400000;
  for (unsigned i = 0; i < 2; ++i) {
    SynthCpu cpu;
    cpu.prcb_address = 0xfffff80000500000 + 0x10000 * i;
    cpu.prcb = Bytes(16, static_cast<std::uint8_t>(i + 1));
    d.cpus.push_back(cpu);
  }
  d.blobs.push_back({{1, 2, 3}, Bytes(5, 0xEE), 3, 4});
  return d;
}

TEST(TriageWriter, HeaderAndEndMark) {
  Bytes out = write_triage64(small());
  EXPECT_EQ(text(out, 0, 8), "PAGEDU64");
  EXPECT_EQ(number(out, 0xc, 4), 19041u);
  EXPECT_EQ(number(out, 0x30, 4), 0x8664u);
  EXPECT_EQ(number(out, 0x38, 4), 0xD1u);
  EXPECT_EQ(number(out, 0x58, 8), 0xfffff80001234567u);
  EXPECT_EQ(number(out, 0xf98, 4), 4u);
  EXPECT_EQ(text(out, 0x1040, 4), "PAGE"); // ProductType not given
  std::size_t valid = number(out, 0x2008, 4);
  EXPECT_EQ(text(out, valid, 4), "TRGD");
  EXPECT_EQ(number(out, 0x2004, 4), valid + 4);
}

TEST(TriageWriter, StackAndDrivers) {
  Bytes out = write_triage64(small());
  EXPECT_EQ(number(out, 0x2048, 8), 0xfffffadf10000f00u);
  EXPECT_EQ(number(out, 0x202c, 4), 0x100u);
  EXPECT_EQ(out[number(out, 0x2028, 4)], 0xAB);
  ASSERT_EQ(number(out, 0x2034, 4), 2u);
  std::size_t second = number(out, 0x2030, 4) + 0x90;
  EXPECT_EQ(number(out, second + 0x38, 8), 0xfffff80000020000u);
  EXPECT_EQ(number(out, second + 0x48, 4), 0x8000u);
  EXPECT_EQ(number(out, second + 0x80, 4), 0x5678u);
  EXPECT_EQ(number(out, second + 0x88, 4), 0x45D6C53Du);
  std::size_t name = number(out, second, 4);
  EXPECT_EQ(name % 8, 0u);
  EXPECT_EQ(number(out, name, 4), 6u); // characters
  EXPECT_EQ(number(out, name + 4, 2), static_cast<unsigned>('b'));
  EXPECT_EQ(number(out, name + 4 + 12, 2), 0u);
}

TEST(TriageWriter, UnloadedDriversKeepTwelveCharacters) {
  Bytes out = write_triage64(small());
  std::size_t list = number(out, 0x2018, 4);
  EXPECT_EQ(number(out, list, 8), 1u);
  EXPECT_EQ(number(out, list + 8, 2), 34u); // Length of the full name
  EXPECT_EQ(number(out, list + 8 + 0x10 + 22, 2), static_cast<unsigned>('m'));
  EXPECT_EQ(number(out, list + 8 + 0x28, 8), 0x1000u);
}

TEST(TriageWriter, DataBlocksHoldTheCpus) {
  Bytes out = write_triage64(small());
  ASSERT_EQ(number(out, 0x207c, 4), 3u); // KiProcessorBlock and two KPRCBs
  std::size_t table = number(out, 0x2078, 4);
  EXPECT_EQ(number(out, table, 8), 0xfffff80000400000u);
  std::size_t array = number(out, table + 8, 4);
  EXPECT_EQ(number(out, array + 8, 8), 0xfffff80000510000u);
  std::size_t last = number(out, table + 32 + 8, 4);
  EXPECT_EQ(number(out, table + 32 + 12, 4), 16u);
  EXPECT_EQ(out[last], 2u);
}

TEST(TriageWriter, BlobsEndExactlyAtTheEndOfTheFile) {
  Bytes out = write_triage64(small());
  std::size_t at = number(out, 0x2004, 4);
  EXPECT_EQ(text(out, at, 8), "DumpBlob");
  at += number(out, at + 8, 4);
  EXPECT_EQ(number(out, at + 20, 4), 5u);
  EXPECT_EQ(at + 0x20 + 3 + 5 + 4, out.size());
}

} // namespace
} // namespace dumptriage::synth
