// The converters of tests/synth, at offsets read by hand from the published layouts.
#include <gtest/gtest.h>

#include "synth/convert.h"
#include "synth/page_dumps.h"
#include "synth/tiny_machine.h"
#include "synth/triage_from_full.h"

namespace dumptriage::synth {
namespace {

std::string text(const Bytes& bytes, std::size_t at, std::size_t size) {
  if (at + size > bytes.size()) return "behind the end";
  return {bytes.begin() + static_cast<std::ptrdiff_t>(at),
          bytes.begin() + static_cast<std::ptrdiff_t>(at + size)};
}
bool bit(const Bytes& bytes, std::size_t bitmap, std::uint64_t frame) {
  return bytes.at(bitmap + frame / 8) >> (frame % 8) & 1;
}

class Tiny : public testing::TestWithParam<TinyPaging> {
protected:
  TinyMachine machine{GetParam()};
  Bytes file = machine.full_dump();
  FullDump dump = FullDump::open(file).value();
  std::size_t header = machine.wide ? 0x2000 : 0x1000;
  std::size_t type_at = machine.wide ? 0xf98 : 0xf88;
};
INSTANTIATE_TEST_SUITE_P(Paging, Tiny,
                         testing::Values(TinyPaging::x64, TinyPaging::x86, TinyPaging::pae),
                         [](const auto& info) {
                           return info.param == TinyPaging::x64   ? "x64"
                                  : info.param == TinyPaging::x86 ? "x86"
                                                                  : "pae";
                         });

TEST_P(Tiny, IsReadThroughItsPageTables) {
  EXPECT_EQ(dump.physical(machine.kernel + 0x123), 0x15123u);
  EXPECT_EQ(dump.physical(machine.kernel + 0x1fff), 0x14fffu);
  EXPECT_EQ(dump.physical(machine.user + 1), (machine.user_frame << 12) + 1);
  EXPECT_FALSE(dump.physical(machine.kernel + 0x7000));
  EXPECT_FALSE(dump.physical(machine.user + 0x1000));
  EXPECT_EQ(text(*dump.read(machine.kdbg, 0x340), 0x10, 4), "KDBG");
  EXPECT_EQ(dump.unicode_string(machine.kernel + 0x1100 + (machine.wide ? 0x48 : 0x24)),
            "\\nt.exe");
  EXPECT_EQ(dump.read_some(machine.kernel + 0x6ff0, 0x100).size(), 0x10u);
}

TEST_P(Tiny, OnlyWholeFullDumpsAreOpened) {
  Bytes cut = file;
  cut.pop_back();
  EXPECT_FALSE(FullDump::open(cut));
  EXPECT_FALSE(FullDump::open({}));
  EXPECT_FALSE(FullDump::open(Bytes(0x3000)));
  EXPECT_FALSE(FullDump::open(summary_dump(dump, dump.all_frames())));
}

TEST_P(Tiny, KernelFramesAreTablesAndKernelPages) {
  Frames frames = dump.kernel_frames();
  auto has = [&](std::uint64_t f) { return std::count(frames.begin(), frames.end(), f) == 1; };
  for (std::uint64_t frame : TinyMachine::kFrames) EXPECT_TRUE(has(frame)) << frame;
  EXPECT_TRUE(has(machine.root >> 12));
  EXPECT_FALSE(has(machine.user_frame));
  EXPECT_FALSE(has(0x10)); // mapped nowhere
  EXPECT_TRUE(std::is_sorted(frames.begin(), frames.end()));
  Frames filled = without_zero_pages(dump, frames);
  EXPECT_EQ(filled.size() + 1, frames.size()); // page 6 holds only zeros
  EXPECT_EQ(std::count(filled.begin(), filled.end(), 0x1a), 0);
}

TEST_P(Tiny, FullDumpOfAllFramesIsTheSameFile) {
  Bytes copy = full_dump(dump, dump.all_frames());
  ASSERT_EQ(copy.size(), file.size());
  EXPECT_EQ(text(copy, header, copy.size() - header), text(file, header, copy.size() - header));
  EXPECT_EQ(number_at(copy, machine.wide ? 0x88 : 0x64, 4), 2u);
}

TEST_P(Tiny, SummaryDump) {
  Frames frames = dump.kernel_frames();
  Bytes out = summary_dump(dump, frames);
  EXPECT_EQ(number_at(out, type_at, 4), 2u);
  EXPECT_EQ(text(out, header, 8), "SDMPDUMP");
  EXPECT_EQ(number_at(out, header + 0x10, 4), 64u); // frames end at 0x28
  EXPECT_EQ(number_at(out, header + 0x14, 4), frames.size());
  EXPECT_EQ(number_at(out, header + 0x18, 4), 64u);
  EXPECT_EQ(number_at(out, header + 0x0c, 4), header + 0x1000);
  const std::size_t bitmap = header + (machine.wide ? 0x28 : 0x20);
  std::size_t index = 0;
  for (std::uint64_t frame = 0; frame < 64; ++frame) {
    bool wanted = std::count(frames.begin(), frames.end(), frame) != 0;
    EXPECT_EQ(bit(out, bitmap, frame), wanted) << frame;
    if (frame == 0x15) EXPECT_EQ(text(out, header + 0x1000 * (index + 1), 2), "MZ");
    index += wanted;
  }
  EXPECT_EQ(out.size(), header + 0x1000 * (frames.size() + 1));
}

TEST_P(Tiny, BitmapAndLiveDumps) {
  Frames frames = dump.kernel_frames();
  for (std::uint32_t type : {5u, 6u}) {
    Bytes out = bitmap_dump(dump, frames, type);
    EXPECT_EQ(number_at(out, type_at, 4), type);
    EXPECT_EQ(text(out, header, 8), type == 5 ? "FDMPDUMP" : "SDMPDUMP");
    EXPECT_EQ(number_at(out, header + 0x20, 8), header + 0x38 + 8); // not on a page
    EXPECT_EQ(number_at(out, header + 0x28, 8), frames.size());
    EXPECT_EQ(number_at(out, header + 0x30, 8), 64u);
    EXPECT_TRUE(bit(out, header + 0x38, 0x15));
    EXPECT_FALSE(bit(out, header + 0x38, 0x1f));
    EXPECT_EQ(out.size(), header + 0x40 + 0x1000 * frames.size());
  }
  Bytes live = live_dump(dump, frames);
  EXPECT_EQ(number_at(live, machine.wide ? 0x38 : 0x28, 4), 0x161u);
  EXPECT_EQ(number_at(live, machine.wide ? 0x1050 : 0x8a0, 4), 0x10u);
}

TEST_P(Tiny, RdmpDumps) {
  Bytes complete = rdmp_dump(dump, dump.all_frames(), 0xA);
  Bytes kernel = rdmp_dump(dump, dump.all_frames(), 8);
  if (!machine.wide) {
    EXPECT_TRUE(complete.empty());
    return;
  }
  for (const Bytes& out : {complete, kernel}) {
    EXPECT_EQ(number_at(out, 0x2000, 4), 0x40u);
    EXPECT_EQ(text(out, 0x2004, 8), "RDMPDUMP");
    EXPECT_EQ(number_at(out, 0x2010, 8) - 0x20, number_at(out, 0x2018, 8) - 0x2040);
    EXPECT_EQ(number_at(out, 0x2030, 8), 1u);
    EXPECT_EQ(number_at(out, 0x2038, 8), 7u);
    EXPECT_EQ(number_at(out, 0x2040, 8), 0x10u);
    EXPECT_EQ(number_at(out, 0x2048, 8), 0x18u);
  }
  EXPECT_EQ(number_at(complete, 0x2020, 4), 2u);
  EXPECT_EQ(number_at(complete, 0x2028, 8), 31u);
  EXPECT_EQ(number_at(complete, 0x2018, 8), 0x2050u);
  EXPECT_EQ(number_at(kernel, 0x2018, 8), 0x2060u); // an end mark of zeros
  EXPECT_EQ(complete.size(), 0x2050u + 31 * 0x1000u);
}

TEST_P(Tiny, HeaderOnlyAndNt4Form) {
  Bytes only = header_only(dump);
  EXPECT_EQ(only.size(), header);
  EXPECT_EQ(number_at(only, type_at, 4), 3u);
  Bytes nt4 = nt4_dump(dump, dump.all_frames());
  if (machine.wide) {
    EXPECT_TRUE(nt4.empty());
    return;
  }
  EXPECT_EQ(number_at(nt4, 0xc, 4), 1381u);
  EXPECT_EQ(text(nt4, 0x5c, 8), "PAGEPAGE");
  EXPECT_EQ(text(nt4, 0xf88, 4), "PAGE");
  EXPECT_EQ(number_at(nt4, 0x64, 4), 2u);
  EXPECT_EQ(nt4.size(), file.size());
}

TEST_P(Tiny, TriageHeaderStackAndDrivers) {
  Bytes out = triage_dump(dump);
  EXPECT_EQ(number_at(out, type_at, 4), 4u);
  EXPECT_EQ(text(out, machine.wide ? 0x88 : 0x64, 4), "PAGE"); // no physical memory
  const std::size_t valid = number_at(out, header + 8, 4);
  EXPECT_EQ(text(out, valid, 4), "TRGD");
  EXPECT_EQ(number_at(out, header + 4, 4), valid + 4);
  EXPECT_EQ(out.size(), valid + 4);
  EXPECT_EQ(number_at(out, header + 0x0c, 4), machine.wide ? 0x348u : 0x320u);
  EXPECT_EQ(number_at(out, header + 0x48, machine.wide ? 8 : 4), machine.stack_top);
  ASSERT_EQ(number_at(out, header + 0x2c, 4), machine.stack_base - machine.stack_top);
  const std::size_t stack = number_at(out, header + 0x28, 4);
  EXPECT_EQ(number_at(out, stack, 4), 0x55667788u);
  EXPECT_EQ(number_at(out, stack + 0x1800 - (machine.wide ? 8 : 4), 4), 0x99u);
  ASSERT_EQ(number_at(out, header + 0x34, 4), 1u);
  const std::size_t driver = number_at(out, header + 0x30, 4), name = number_at(out, driver, 4);
  EXPECT_EQ(number_at(out, name, 4), 7u);
  EXPECT_EQ(number_at(out, name + 6, 2), static_cast<unsigned>('n'));
  const unsigned w = machine.wide ? 8 : 4;
  EXPECT_EQ(number_at(out, driver + (w == 8 ? 0x38 : 0x1c), w), machine.kernel);
  EXPECT_EQ(number_at(out, driver + (w == 8 ? 0x48 : 0x24), 4), 0x7000u);
  EXPECT_EQ(number_at(out, driver + (w == 8 ? 0x80 : 0x44), 4), 0x1234u);
  EXPECT_EQ(number_at(out, driver + (w == 8 ? 0x88 : 0x48), 4), 0x45D6C53Cu);
}

TEST_P(Tiny, TriageRegionsAndDataBlocks) {
  Bytes out = triage_dump(dump);
  const unsigned w = machine.wide ? 8 : 4;
  EXPECT_EQ(number_at(out, number_at(out, header + 0x1c, 4) + w, w), machine.thread); // KPRCB
  EXPECT_EQ(number_at(out, number_at(out, header + 0x20, 4), 1), 3u);                 // EPROCESS
  EXPECT_EQ(number_at(out, number_at(out, header + 0x24, 4), 1), 6u);                 // ETHREAD
  const std::size_t kdbg = number_at(out, header + (machine.wide ? 0x70 : 0x58), 4);
  EXPECT_EQ(text(out, kdbg + 0x10, 4), "KDBG");
  EXPECT_EQ(number_at(out, header + (machine.wide ? 0x74 : 0x5c), 4), 0x340u);
  const std::size_t blocks = number_at(out, header + (machine.wide ? 0x78 : 0x60), 4);
  const std::size_t count = number_at(out, header + (machine.wide ? 0x7c : 0x64), 4);
  std::map<std::uint64_t, std::pair<std::size_t, std::size_t>> found;
  for (std::size_t i = 0; i < count; ++i)
    found.insert(
        {number_at(out, blocks + 16 * i, 8),
         {number_at(out, blocks + 16 * i + 8, 4), number_at(out, blocks + 16 * i + 12, 4)}});
  const std::uint64_t sign = machine.wide ? 0 : 0xffffffff00000000;
  ASSERT_TRUE(found.contains(machine.processors | sign));
  EXPECT_EQ(number_at(out, found[machine.processors | sign].first, w), machine.prcb);
  ASSERT_TRUE(found.contains(machine.prcb | sign));
  EXPECT_EQ(found[machine.prcb | sign].second, 0x300u);
  ASSERT_TRUE(found.contains(machine.context | sign));
  EXPECT_EQ(found[machine.context | sign].second, machine.wide ? 0x4d0u : 0x2ccu);
  EXPECT_TRUE(found.contains(machine.kernel | sign)); // the page of pc
}

TEST_P(Tiny, EveryKindByName) {
  for (const std::string& kind : kinds_of(dump))
    for (const char* choice : {"", "-kernel", "-small"}) {
      auto out = convert(dump, kind + choice);
      ASSERT_TRUE(out) << kind << choice;
      EXPECT_EQ(text(*out, 0, 8), text(file, 0, 8));
    }
  EXPECT_FALSE(convert(dump, "nothing"));
  EXPECT_FALSE(convert(dump, ""));
}

} // namespace
} // namespace dumptriage::synth
