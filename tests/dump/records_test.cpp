#include "dump/records.h"

#include <gtest/gtest.h>

#include "synth/minidump_writer.h"

namespace dumptriage::dump {
namespace {

using namespace synth;

DebugId read(const Bytes& bytes) { return read_codeview(ByteView(bytes.data(), bytes.size())); }

constexpr std::array<std::uint8_t, 16> kGuid = {0x78, 0x56, 0x34, 0x12, 0xBC, 0x9A, 0xF0, 0xDE,
                                                0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};

TEST(DebugId, Rsds) {
  DebugId id = read(rsds(kGuid, 0x2B, "d:\\obj\\tcpip.pdb"));
  EXPECT_EQ(id.kind, DebugId::Kind::rsds);
  EXPECT_EQ(id.file, "d:\\obj\\tcpip.pdb");
  EXPECT_EQ(id.age, 0x2Bu);
  EXPECT_EQ(id.key(), "123456789ABCDEF00123456789ABCDEF2B");
  EXPECT_EQ(read(rsds({}, 0, "x")).key(), "") << "zeros name no file";
}

TEST(DebugId, Nb10) {
  DebugId id = read(nb10(0x3D6E1234, 10, "ntoskrnl.pdb"));
  EXPECT_EQ(id.kind, DebugId::Kind::nb10);
  EXPECT_EQ(id.key(), "3D6E1234A");
}

TEST(DebugId, ElfBuildIdInBreakpadsForm) {
  Bytes record;
  put32(record, 0, 0x4270454C);
  for (int i = 0; i < 20; ++i) put8(record, record.size(), 0x10 + i);
  DebugId id = read(record);
  EXPECT_EQ(id.kind, DebugId::Kind::elf_build_id);
  EXPECT_EQ(id.build_id.size(), 20u);
  EXPECT_EQ(id.key(), "131211101514171618191A1B1C1D1E1F0");
  record.resize(4 + 4);
  EXPECT_EQ(read(record).key(), "131211100000000000000000000000000");
  record.resize(4);
  EXPECT_EQ(read(record).key(), "");
}

TEST(DebugId, OtherRecords) {
  EXPECT_EQ(read({'N', 'B', '0', '9', 0, 0, 0, 0}).kind, DebugId::Kind::embedded);
  EXPECT_EQ(read({'N', 'B', '1', '1', 0, 0, 0, 0}).kind, DebugId::Kind::embedded);
  EXPECT_EQ(read({}).kind, DebugId::Kind::none);
  EXPECT_EQ(read({'X', 'X', 'X', 'X', 0, 0}).kind, DebugId::Kind::none);
}

TEST(DebugId, TruncatedAtEveryByte) {
  for (const Bytes& whole : {rsds(kGuid, 1, "a.pdb"), nb10(1, 1, "a.pdb")}) {
    std::size_t fixed = whole[0] == 'R' ? 24 : 16;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      DebugId id = read(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      EXPECT_EQ(id.kind == DebugId::Kind::none, size < fixed) << size;
    }
  }
}

TEST(DebugId, ANameWithoutAnEndIsCutAtTheRecord) {
  Bytes record = rsds(kGuid, 1, "a.pdb");
  record.pop_back();
  EXPECT_EQ(read(record).file, "a.pdb");
}

TEST(Records, NamesAndVersions) {
  Module module;
  module.path = "\\SystemRoot\\System32\\drivers\\netbt.sys";
  module.base = 0xFFFFFFFFFFFFF000;
  module.size = 0x1000;
  EXPECT_EQ(module.name(), "netbt.sys");
  EXPECT_TRUE(module.contains(0xFFFFFFFFFFFFFFFF));
  EXPECT_FALSE(module.contains(0));
  FileVersion older{{5, 2, 3790, 1830}}, newer{{5, 2, 3790, 3959}};
  EXPECT_EQ(newer.to_string(), "5.2.3790.3959");
  EXPECT_LT(older, newer);
}

} // namespace
} // namespace dumptriage::dump
