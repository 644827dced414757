// The unwind descriptors of Itanium, format by format, in bytes laid down by hand as appendix B of
// the Itanium Software Conventions (Intel 245358) draws them.
#include "arch/ia64_unwind_info.h"

#include <gtest/gtest.h>

#include <vector>

namespace dumptriage::arch {
namespace {

using Bytes = std::vector<std::uint8_t>;
using enum Ia64Op;

// The last record of `bytes`, all of which decode.
Ia64Record last_of(const Bytes& bytes) {
  Ia64Records records(ByteView(bytes.data(), bytes.size()));
  Ia64Record last;
  std::uint32_t end = 0;
  for (;;) {
    auto record = records.next();
    if (!record) {
      ADD_FAILURE() << record.error().message();
      return {};
    }
    if (!*record) return last;
    last = **record;
    EXPECT_EQ(last.at, end);
    end = last.at + last.size;
  }
}
Ia64Record in_prologue(Bytes bytes) {
  bytes.insert(bytes.begin(), 0x0B); // R1 prologue of 11 slots
  return last_of(bytes);
}
Ia64Record in_body(Bytes bytes) {
  bytes.insert(bytes.begin(), 0x2B);
  return last_of(bytes);
}
// Why the last of `bytes` is refused.
Error error_of(const Bytes& bytes) {
  Ia64Records records(ByteView(bytes.data(), bytes.size()), Where::rva(0x1000));
  for (std::size_t i = 0; i <= bytes.size(); ++i) {
    auto record = records.next();
    if (!record) {
      EXPECT_EQ(*records.next(), std::nullopt) << "there is no next after an error";
      return record.error();
    }
    if (!*record) break;
  }
  ADD_FAILURE() << "nothing was refused";
  return {};
}

TEST(Ia64UnwindInfo, NoBytesAreNoRecords) {
  Ia64Records records{ByteView()};
  EXPECT_EQ(*records.next(), std::nullopt);
  EXPECT_EQ(records.slots(), 0u);
}

TEST(Ia64UnwindInfo, Regions) {
  Ia64Record r = last_of({0x05});
  EXPECT_EQ(r.format, Ia64Format::R1);
  EXPECT_EQ(r.op, prologue);
  EXPECT_EQ(r.rlen, 5u);
  r = last_of({0x3F});
  EXPECT_EQ(r.op, body);
  EXPECT_EQ(r.rlen, 31u);
  r = last_of({0x46, 0x22, 0x03}); // 01000 110 | 0 0100010: mask 1100, r34
  EXPECT_EQ(r.format, Ia64Format::R2);
  EXPECT_EQ(r.op, prologue_gr);
  EXPECT_EQ(r.mask, 12);
  EXPECT_EQ(r.gr, 34);
  EXPECT_EQ(r.rlen, 3u);
  r = last_of({0x41, 0xA5, 0x80, 0x01}); // mask 0011, r37, rlen 128
  EXPECT_EQ(r.mask, 3);
  EXPECT_EQ(r.gr, 37);
  EXPECT_EQ(r.rlen, 128u);
  r = last_of({0x60, 0xAC, 0x02});
  EXPECT_EQ(r.format, Ia64Format::R3);
  EXPECT_EQ(r.op, prologue);
  EXPECT_EQ(r.rlen, 300u);
  EXPECT_EQ(last_of({0x61, 0x20}).op, body);
}

TEST(Ia64UnwindInfo, RegionsFollowEachOther) {
  const Bytes bytes = {0x06, 0xE4, 0x01, 0x61, 0x64, 0xC0, 0x02, 0x00};
  Ia64Records records(ByteView(bytes.data(), bytes.size()));
  std::vector<std::uint64_t> starts, lengths;
  for (int i = 0; i < 5; ++i) {
    auto r = records.next();
    ASSERT_TRUE(r && *r);
    starts.push_back((*r)->start);
    lengths.push_back((*r)->rlen);
  }
  EXPECT_EQ(starts, (std::vector<std::uint64_t>{0, 0, 6, 6, 106}));
  EXPECT_EQ(lengths, (std::vector<std::uint64_t>{6, 6, 100, 100, 0}));
  EXPECT_EQ(records.slots(), 106u);
  EXPECT_EQ(*records.next(), std::nullopt);
}

TEST(Ia64UnwindInfo, MasksOfSpills) {
  Ia64Record r = in_prologue({0x95}); // P1 100 10101
  EXPECT_EQ(r.format, Ia64Format::P1);
  EXPECT_EQ(r.op, br_mem);
  EXPECT_EQ(r.mask, 21);
  r = in_prologue({0xAA, 0xA6}); // P2 1010 1010 | 1 0100110
  EXPECT_EQ(r.format, Ia64Format::P2);
  EXPECT_EQ(r.op, br_gr);
  EXPECT_EQ(r.mask, 21);
  EXPECT_EQ(r.gr, 38);
  const Bytes spills{0x0B, 0xB8, 0x1B, 0xE4, 0x40}; // P4: 11 slots are 3 bytes
  r = last_of(spills);
  EXPECT_EQ(r.format, Ia64Format::P4);
  EXPECT_EQ(r.op, spill_mask);
  ASSERT_EQ(r.imask.size(), 3u);
  EXPECT_EQ(r.imask.u8(1), 0xE4);
  r = in_prologue({0xB9, 0xA5, 0x43, 0x21}); // P5
  EXPECT_EQ(r.format, Ia64Format::P5);
  EXPECT_EQ(r.op, frgr_mem);
  EXPECT_EQ(r.mask, 10);
  EXPECT_EQ(r.frmask, 0x54321u);
  r = in_prologue({0xC9}); // P6 110 0 1001
  EXPECT_EQ(r.format, Ia64Format::P6);
  EXPECT_EQ(r.op, fr_mem);
  EXPECT_EQ(r.mask, 9);
  r = in_prologue({0xD6});
  EXPECT_EQ(r.op, gr_mem);
  EXPECT_EQ(r.mask, 6);
  r = in_prologue({0xF1, 0x0D, 0x2A}); // P9
  EXPECT_EQ(r.format, Ia64Format::P9);
  EXPECT_EQ(r.op, gr_gr);
  EXPECT_EQ(r.mask, 13);
  EXPECT_EQ(r.gr, 42);
}

TEST(Ia64UnwindInfo, SizeOfTheSpillMask) {
  for (const auto& [rlen, size] : {std::pair{0, 0}, {1, 1}, {4, 1}, {5, 2}, {8, 2}, {31, 8}}) {
    Bytes bytes{static_cast<std::uint8_t>(rlen), 0xB8};
    bytes.resize(2 + static_cast<std::size_t>(size), 0x55);
    EXPECT_EQ(last_of(bytes).imask.size(), static_cast<std::uint64_t>(size)) << rlen;
    if (size == 0) continue;
    bytes.pop_back();
    EXPECT_EQ(error_of(bytes).code, Code::truncated) << rlen;
  }
}

TEST(Ia64UnwindInfo, P3) {
  using namespace formats;
  const std::pair<std::string_view, int> rows[] = {
      {"psp_gr", kIa64UnwindPsp},   {"rp_gr", kIa64UnwindRp},
      {"pfs_gr", kIa64UnwindPfs},   {"preds_gr", kIa64UnwindPreds},
      {"unat_gr", kIa64UnwindUnat}, {"lc_gr", kIa64UnwindLc},
      {"rp_br", kIa64UnwindRp},     {"rnat_gr", kIa64UnwindRnat},
      {"bsp_gr", kIa64UnwindBsp},   {"bspstore_gr", kIa64UnwindBspStore},
      {"fpsr_gr", kIa64UnwindFpsr}, {"priunat_gr", kIa64UnwindPriunat}};
  unsigned n = 0;
  for (const auto& [name, reg] : rows) {
    const Ia64Record r = in_prologue(
        {static_cast<std::uint8_t>(0xB0 | n >> 1), static_cast<std::uint8_t>((n & 1) << 7 | 36)});
    EXPECT_EQ(name_of(r), name);
    EXPECT_EQ(r.format, Ia64Format::P3);
    EXPECT_EQ(r.op, n == 6 ? in_br : in_gr);
    EXPECT_EQ(r.reg, reg);
    EXPECT_EQ(r.gr, 36);
    ++n;
  }
  for (; n < 16; ++n)
    EXPECT_EQ(error_of({0x02, static_cast<std::uint8_t>(0xB0 | n >> 1),
                        static_cast<std::uint8_t>((n & 1) << 7)})
                  .code,
              Code::bad_value);
}

TEST(Ia64UnwindInfo, P7) {
  const std::string_view names[] = {"mem_stack_f", "mem_stack_v",  "spill_base", "psp_sprel",
                                    "rp_when",     "rp_psprel",    "pfs_when",   "pfs_psprel",
                                    "preds_when",  "preds_psprel", "lc_when",    "lc_psprel",
                                    "unat_when",   "unat_psprel",  "fpsr_when",  "fpsr_psprel"};
  for (unsigned n = 0; n < 16; ++n) {
    Bytes bytes{static_cast<std::uint8_t>(0xE0 | n), 0x85, 0x01};
    if (n == 0) bytes.push_back(0x09);
    const Ia64Record r = in_prologue(bytes);
    EXPECT_EQ(name_of(r), names[n]);
    EXPECT_EQ(r.format, Ia64Format::P7);
    const bool time = n < 2 || (n >= 4 && n % 2 == 0);
    EXPECT_EQ(r.t, time ? 133u : 0u) << names[n];
    EXPECT_EQ(r.value, n == 0 ? 9u : time ? 0u : 133u) << names[n];
  }
}

TEST(Ia64UnwindInfo, P8) {
  const std::string_view names[] = {
      "rp_sprel",        "pfs_sprel",      "preds_sprel",   "lc_sprel",        "unat_sprel",
      "fpsr_sprel",      "bsp_when",       "bsp_psprel",    "bsp_sprel",       "bspstore_when",
      "bspstore_psprel", "bspstore_sprel", "rnat_when",     "rnat_psprel",     "rnat_sprel",
      "priunat_when_gr", "priunat_psprel", "priunat_sprel", "priunat_when_mem"};
  for (unsigned n = 1; n < 20; ++n) {
    const Ia64Record r = in_prologue({0xF0, static_cast<std::uint8_t>(n), 0x07});
    EXPECT_EQ(name_of(r), names[n - 1]);
    EXPECT_EQ(r.format, Ia64Format::P8);
    EXPECT_EQ(r.op == when ? r.t : r.value, 7u);
  }
  EXPECT_EQ(error_of({0x02, 0xF0, 0x00, 0x07}).code, Code::bad_value);
  EXPECT_EQ(error_of({0x02, 0xF0, 0x14, 0x07}).code, Code::bad_value);
}

TEST(Ia64UnwindInfo, P10) {
  const Ia64Record r = in_prologue({0xFF, 0x01, 0x03});
  EXPECT_EQ(r.format, Ia64Format::P10);
  EXPECT_EQ(r.op, unwabi);
  EXPECT_EQ(r.abi, 1);
  EXPECT_EQ(r.context, 3);
}

TEST(Ia64UnwindInfo, Bodies) {
  Ia64Record r = in_body({0x83}); // B1 10 0 00011
  EXPECT_EQ(r.format, Ia64Format::B1);
  EXPECT_EQ(r.op, label_state);
  EXPECT_EQ(r.value, 3u);
  r = in_body({0xBF});
  EXPECT_EQ(r.op, copy_state);
  EXPECT_EQ(r.value, 31u);
  r = in_body({0xC2, 0x04}); // B2 110 00010
  EXPECT_EQ(r.format, Ia64Format::B2);
  EXPECT_EQ(r.op, epilogue);
  EXPECT_EQ(r.value, 2u);
  EXPECT_EQ(r.t, 4u);
  r = in_body({0xE0, 0x04, 0x21});
  EXPECT_EQ(r.format, Ia64Format::B3);
  EXPECT_EQ(r.op, epilogue);
  EXPECT_EQ(r.t, 4u);
  EXPECT_EQ(r.value, 33u);
  r = in_body({0xF0, 0x40});
  EXPECT_EQ(r.format, Ia64Format::B4);
  EXPECT_EQ(r.op, label_state);
  EXPECT_EQ(r.value, 64u);
  r = in_body({0xF8, 0x40});
  EXPECT_EQ(r.op, copy_state);
}

TEST(Ia64UnwindInfo, SpillsOfOneRegister) {
  using namespace formats;
  for (auto in : {in_prologue, in_body}) { // X formats stand in both
    Ia64Record r = in({0xF9, 0x04, 0x05, 0x06});
    EXPECT_EQ(r.format, Ia64Format::X1);
    EXPECT_EQ(r.op, spill_psprel);
    EXPECT_EQ(r.reg, 4);
    EXPECT_EQ(r.t, 5u);
    EXPECT_EQ(r.value, 6u);
    EXPECT_EQ(in({0xF9, 0xC1, 0x05, 0x06}).op, spill_sprel);
    r = in({0xFA, 0x41, 0x2B, 0x07}); // b1 to r43
    EXPECT_EQ(r.format, Ia64Format::X2);
    EXPECT_EQ(r.op, spill_reg);
    EXPECT_EQ(r.reg, kIa64UnwindBr + 1);
    EXPECT_EQ(r.target, Ia64Record::Target::gr);
    EXPECT_EQ(r.treg, 43);
    EXPECT_EQ(r.t, 7u);
    r = in({0xFA, 0x22, 0x86, 0x07}); // f2 to f6
    EXPECT_EQ(r.target, Ia64Record::Target::fr);
    EXPECT_EQ(r.treg, 6);
    r = in({0xFA, 0xE3, 0x06, 0x07}); // rp to b6
    EXPECT_EQ(r.reg, kIa64UnwindRp);
    EXPECT_EQ(r.target, Ia64Record::Target::br);
    EXPECT_EQ(r.treg, 6);
    EXPECT_EQ(in({0xFA, 0x63, 0x00, 0x07}).op, restore);
    EXPECT_EQ(in({0xFA, 0xE3, 0x00, 0x07}).op, spill_reg); // to b0
    r = in({0xFB, 0x8A, 0x69, 0x05, 0x06});                // (p10) ar.pfs, sp-relative
    EXPECT_EQ(r.format, Ia64Format::X3);
    EXPECT_EQ(r.op, spill_sprel);
    EXPECT_EQ(r.qp, 10);
    EXPECT_EQ(r.reg, kIa64UnwindPfs);
    EXPECT_EQ(r.t, 5u);
    EXPECT_EQ(r.value, 6u);
    r = in({0xFC, 0x06, 0x6A, 0x23, 0x05}); // (p6) ar.lc to r35
    EXPECT_EQ(r.format, Ia64Format::X4);
    EXPECT_EQ(r.op, spill_reg);
    EXPECT_EQ(r.qp, 6);
    EXPECT_EQ(r.reg, kIa64UnwindLc);
    EXPECT_EQ(r.treg, 35);
    EXPECT_EQ(in({0xFC, 0x06, 0x6A, 0x00, 0x05}).op, restore);
    EXPECT_EQ(in({0xFC, 0x06, 0xEA, 0x07, 0x05}).target, Ia64Record::Target::br);
  }
}

TEST(Ia64UnwindInfo, OnlyPreservedRegistersAreSaved) {
  std::vector<std::string> names;
  for (unsigned reg = 0; reg < 128; ++reg) {
    const Bytes bytes{0x02, 0xF9, static_cast<std::uint8_t>(reg), 0x00, 0x00};
    Ia64Records records(ByteView(bytes.data(), bytes.size()));
    records.next();
    if (records.next()) names.push_back(name_of_unwind_register(static_cast<std::uint8_t>(reg)));
  }
  std::vector<std::string> all{"r4", "r5", "r6", "r7", "f2", "f3", "f4", "f5"};
  for (int i = 16; i < 32; ++i) all.push_back("f" + std::to_string(i));
  for (int i = 1; i < 6; ++i) all.push_back("b" + std::to_string(i));
  for (const char* name : {"pr", "psp", "priunat", "rp", "ar.bsp", "ar.bspstore", "ar.rnat",
                           "ar.unat", "ar.fpsr", "ar.pfs", "ar.lc"})
    all.push_back(name);
  EXPECT_EQ(names, all);
}

TEST(Ia64UnwindInfo, BytesThatNoFormatHas) {
  for (int first : {0x48, 0x5F, 0x62, 0x7F}) {
    const Error e = error_of({static_cast<std::uint8_t>(first), 0x01, 0x01});
    EXPECT_EQ(e.code, Code::bad_value) << first;
    EXPECT_EQ(e.where, Where::rva(0x1000));
  }
  for (int first : {0xBA, 0xBF, 0xF2, 0xF8, 0xFD, 0xFE})
    EXPECT_EQ(error_of({0x02, static_cast<std::uint8_t>(first), 1, 1, 1}).where, Where::rva(0x1001))
        << first;
  for (int first : {0xE1, 0xEF, 0xF1, 0xF7, 0xFD, 0xFF})
    EXPECT_EQ(error_of({0x22, static_cast<std::uint8_t>(first), 1, 1, 1}).code, Code::bad_value)
        << first;
  EXPECT_NE(error_of({0x83}).why.find("region"), std::string::npos);
}

TEST(Ia64UnwindInfo, NumbersThatLie) {
  Bytes longest{0x61};
  longest.insert(longest.end(), 9, 0xFF);
  longest.push_back(0x01); // 2^64 - 1
  EXPECT_EQ(last_of(longest).rlen, UINT64_MAX);
  longest.push_back(0x21); // ... and one slot more
  EXPECT_EQ(error_of(longest).code, Code::overflow);
  Bytes wide{0x61};
  wide.insert(wide.end(), 9, 0xFF);
  wide.push_back(0x02);
  EXPECT_EQ(error_of(wide).code, Code::overflow);
  Bytes endless{0x61};
  endless.insert(endless.end(), 40, 0x80);
  EXPECT_EQ(error_of(endless).code, Code::overflow);
  Bytes mask{0x60};
  mask.insert(mask.end(), 9, 0xFF);
  mask.insert(mask.end(), {0x01, 0xB8, 0x00});
  EXPECT_EQ(error_of(mask).code, Code::truncated);
}

TEST(Ia64UnwindInfo, EveryFormatCutAtEveryByte) {
  const std::vector<Bytes> whole = {{0x46, 0x22, 0x83, 0x01},
                                    {0x60, 0x83, 0x01},
                                    {0x02, 0xAA, 0xA6},
                                    {0x02, 0xB2, 0x83},
                                    {0x09, 0xB8, 1, 2, 3},
                                    {0x02, 0xB9, 1, 2, 3},
                                    {0x02, 0xE0, 0x81, 0x01, 0x81, 0x01},
                                    {0x02, 0xE4, 0x81, 0x01},
                                    {0x02, 0xF0, 1, 0x81, 0x01},
                                    {0x02, 0xF1, 1, 40},
                                    {0x02, 0xFF, 1, 3},
                                    {0x22, 0xC1, 0x81, 0x01},
                                    {0x22, 0xE0, 0x81, 0x01, 0x81, 0x01},
                                    {0x22, 0xF0, 0x81, 0x01},
                                    {0x22, 0xF9, 4, 0x81, 0x01, 0x81, 0x01},
                                    {0x22, 0xFA, 4, 40, 0x81, 0x01},
                                    {0x22, 0xFB, 1, 4, 0x81, 0x01, 0x81, 0x01},
                                    {0x22, 0xFC, 1, 4, 40, 0x81, 0x01}};
  for (const Bytes& bytes : whole) {
    const std::size_t begin = bytes[0] >= 0x40 ? 0 : 1;
    EXPECT_EQ(last_of(bytes).size, bytes.size() - begin);
    for (std::size_t size = begin + 1; size < bytes.size(); ++size) {
      const Error e = error_of(Bytes(bytes.begin(), bytes.begin() + static_cast<long>(size)));
      EXPECT_EQ(e.code, Code::truncated) << +bytes[begin] << " cut to " << size;
      EXPECT_EQ(e.where.at, 0x1000 + begin);
    }
  }
}

TEST(Ia64UnwindInfo, TheHead) {
  // version 3, flags 1, two words of descriptors, then a handler's rva
  Bytes bytes{3, 0, 1, 0, 2, 0, 0, 0, 0x06, 0xE4, 0x01, 0x26, 0,    0,
              0, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0x40, 0x30, 0x20, 0x10};
  const ByteView view(bytes.data(), bytes.size());
  auto info = ia64_unwind_info(view);
  ASSERT_TRUE(info) << info.error().message();
  EXPECT_EQ(info->version, 3u);
  EXPECT_EQ(info->flags, formats::kUnwindIa64ExceptionHandler);
  EXPECT_EQ(info->descriptors.size(), 16u);
  EXPECT_EQ(info->descriptors.u8(0), 0x06);
  for (std::size_t size = 0; size < 24; ++size)
    EXPECT_EQ(ia64_unwind_info(ByteView(bytes.data(), size)).error().code, Code::truncated) << size;
  EXPECT_TRUE(ia64_unwind_info(ByteView(bytes.data(), 24)));
  bytes[7] = 0xFF; // a length of 32 GiB
  EXPECT_EQ(ia64_unwind_info(view, Where::rva(0x40)).error().where, Where::rva(0x40));
  EXPECT_EQ(ia64_unwind_info(view).error().code, Code::truncated);
  bytes[0] = 1;
  EXPECT_EQ(ia64_unwind_info(view).error().code, Code::unsupported);
}

} // namespace
} // namespace dumptriage::arch
