#include "symbols/pdb_types.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/mapped_file.h"
#include "symbols/msf_file.h"
#include "symbols/tiny_pdb.h"
#include "symbols/tiny_types.h"

namespace dumptriage::symbols {
namespace {

using synth::put16;
using synth::put32;
using synth::put8;
using synth::put_bytes;
using synth::put_text;

TinyPdb sample() {
  Types types;
  Bytes list_entry, bits, array, enumeration, more, first;
  std::uint32_t forward = types.add(structure(0, 0, "_LIST_ENTRY", true));
  put16(list_entry, 0, 0x1203);
  member(list_entry, "Flink", 0x0603, 0);
  member(list_entry, "Blink", 0x0603, 8);
  std::uint32_t list = types.add(list_entry);
  types.add(structure(list, 16, "_LIST_ENTRY", false));
  put16(bits, 0, 0x1205);
  put32(bits, 2, 0x0022);
  put8(bits, 6, 3); // three bits
  put8(bits, 7, 1); // from bit 1
  std::uint32_t bit_field = types.add(bits);
  put16(array, 0, 0x1503);
  put32(array, 2, 0x0011);
  put32(array, 6, 0x0023);
  put16(array, 10, 10);
  array.push_back(0);
  std::uint32_t shorts = types.add(array);
  put16(enumeration, 0, 0x1507);
  put16(enumeration, 2, 0);
  put16(enumeration, 4, 0);
  put32(enumeration, 6, 0x0074);
  put32(enumeration, 10, 0);
  append_name(enumeration, "_REASON");
  std::uint32_t reason = types.add(enumeration);
  put16(more, 0, 0x1203);
  member(more, "Far", 0x0013, 0x12345);
  std::uint32_t rest = types.add(more);
  put16(first, 0, 0x1203);
  member(first, "Type", 0x0020, 0);
  member(first, "Queue", bit_field, 4);
  member(first, "WaitList", forward, 8);
  member(first, "Codes", shorts, 24);
  member(first, "Reason", reason, 36);
  member(first, "Stack", 0x0603, 40);
  member(first, "Stack32", 0x0403, 48);
  put16(first, first.size(), 0x1404); // goes on
  put16(first, first.size(), 0);
  put32(first, first.size(), rest);
  std::uint32_t fields = types.add(first);
  types.add(structure(fields, 0x430, "_KTHREAD", false));
  TinyPdb pdb;
  pdb.types = types.stream();
  return pdb;
}

std::shared_ptr<const PdbTypes> open(const TinyPdb& pdb) {
  Bytes bytes = pdb.bytes();
  auto types = PdbTypes::open(ByteView(bytes.data(), bytes.size()));
  EXPECT_TRUE(types) << types.error().message();
  return types ? *types : nullptr;
}

TEST(PdbTypes, MembersWithTheirSizes) {
  auto types = open(sample());
  ASSERT_TRUE(types);
  EXPECT_EQ(types->size("_KTHREAD"), 0x430u);
  EXPECT_EQ(types->size("_LIST_ENTRY"), 16u);
  EXPECT_EQ(types->size("_REASON"), std::nullopt);
  struct Row {
    const char* name;
    std::uint32_t offset, size;
    int first_bit, bits;
  };
  for (const Row& row :
       {Row{"Type", 0, 1, 0, 0}, Row{"Queue", 4, 4, 1, 3}, Row{"WaitList", 8, 16, 0, 0},
        Row{"Codes", 24, 10, 0, 0}, Row{"Reason", 36, 4, 0, 0}, Row{"Stack", 40, 8, 0, 0},
        Row{"Stack32", 48, 4, 0, 0}, Row{"Far", 0x12345, 8, 0, 0}}) {
    auto field = types->field("_KTHREAD", row.name);
    ASSERT_TRUE(field) << row.name;
    EXPECT_EQ(field->offset, row.offset) << row.name;
    EXPECT_EQ(field->size, row.size) << row.name;
    EXPECT_EQ(field->first_bit, row.first_bit) << row.name;
    EXPECT_EQ(field->bits, row.bits) << row.name;
  }
  EXPECT_FALSE(types->field("_KTHREAD", "Nothing"));
  EXPECT_FALSE(types->field("_KPROCESS", "Type"));
}

TEST(PdbTypes, DamagedStreamsKeepWhatCameBefore) {
  const TinyPdb whole = sample();
  int known = 0;
  for (std::size_t size = 0; size <= whole.types.size(); ++size) {
    TinyPdb cut = whole;
    cut.types.resize(size);
    // The record bytes that the header promises are those that are left.
    if (size >= 56) put32(cut.types, 16, size - 56);
    Bytes bytes = cut.bytes();
    auto types = PdbTypes::open(ByteView(bytes.data(), bytes.size()));
    if (!types) continue;
    auto field = (*types)->field("_KTHREAD", "Stack");
    if (field) EXPECT_EQ(field->offset, 40u);
    known += field.has_value();
  }
  EXPECT_EQ(known, 1); // only when the last record, the structure itself, is whole
}

TEST(PdbTypes, LyingRecords) {
  TinyPdb pdb = sample();
  const Bytes good = pdb.types;
  for (std::size_t at = 56; at < good.size(); ++at)
    for (std::uint8_t value : {std::uint8_t{0}, std::uint8_t{0xFF}, std::uint8_t{0x80}}) {
      pdb.types = good;
      pdb.types[at] = value;
      Bytes bytes = pdb.bytes();
      auto types = PdbTypes::open(ByteView(bytes.data(), bytes.size()));
      ASSERT_TRUE(types);
      if (auto field = (*types)->field("_KTHREAD", "Far")) EXPECT_LE(field->bits, 255);
    }
  pdb.types = good;
  put32(pdb.types, 16, 0xFFFFFFFF);
  Bytes bytes = pdb.bytes();
  auto types = PdbTypes::open(ByteView(bytes.data(), bytes.size()));
  ASSERT_FALSE(types);
  EXPECT_EQ(types.error().code, Code::bad_value);
}

// A driver built with Microsoft's own compiler and kit: what the public WDK says of these.
void check_driver(const char* path, int pointer_size, bool lazily) {
  const auto file = std::filesystem::path(DUMPTRIAGE_SHARED_DIR) / "corpus/pdb-pairs" / path;
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "skipped: no folder of real symbol files";
  auto mapped = MappedFile::open(file.string());
  ASSERT_TRUE(mapped);
  auto msf = MsfFile::open((*mapped)->bytes());
  ASSERT_TRUE(msf);
  auto types = PdbTypes::open(**msf, lazily);
  ASSERT_TRUE(types) << types.error().message();
  EXPECT_FALSE((*types)->size("_NO_SUCH_STRUCTURE"));
  EXPECT_FALSE((*types)->field("_IRP", "NoSuchField"));
  const bool wide = pointer_size == 8;
  EXPECT_EQ((*types)->size("_IRP"), wide ? 0xD0u : 0x70u);
  struct Row {
    const char *structure, *field;
    std::uint32_t at64, at32, size64, size32;
  };
  for (const Row& row :
       {Row{"_IRP", "StackCount", 0x42, 0x22, 1, 1}, Row{"_IRP", "CancelRoutine", 0x68, 0x38, 8, 4},
        Row{"_IO_STACK_LOCATION", "CompletionRoutine", 0x38, 0x1C, 8, 4},
        Row{"_ERESOURCE", "OwnerTable", 0x10, 8, 8, 4},
        Row{"_ERESOURCE", "ActiveCount", 0x18, 0xC, 2, 2},
        Row{"_DISPATCHER_HEADER", "SignalState", 4, 4, 4, 4},
        Row{"_DISPATCHER_HEADER", "WaitListHead", 8, 8, 16, 8},
        Row{"_FAST_MUTEX", "Owner", 8, 4, 8, 4},
        Row{"_DRIVER_OBJECT", "DriverStart", 0x18, 0xC, 8, 4}}) {
    auto field = (*types)->field(row.structure, row.field);
    ASSERT_TRUE(field) << row.structure << "." << row.field;
    EXPECT_EQ(field->offset, wide ? row.at64 : row.at32) << row.structure << "." << row.field;
    EXPECT_EQ(field->size, wide ? row.size64 : row.size32) << row.structure << "." << row.field;
  }
}
class RealDriver : public testing::TestWithParam<bool> {};
TEST_P(RealDriver, X64) {
  check_driver("MartinDrab+IRPMon/15b80319/binaries/x64/irpmndrv.pdb", 8, GetParam());
}
TEST_P(RealDriver, X86) {
  check_driver("MartinDrab+IRPMon/312b05c2/binaries/x86/irpmndrv.pdb", 4, GetParam());
}
INSTANTIATE_TEST_SUITE_P(AllAtOnceAndLazily, RealDriver, testing::Bool());

// A kernel of our own: every structure by the hash table as by the pass over the stream.
TEST(PdbTypes, LazilyTheSame) {
  auto mapped = MappedFile::open(DUMPTRIAGE_SOURCE_DIR "/dumps-samples/symbols/ntoskrnl.pdb");
  ASSERT_TRUE(mapped);
  auto msf = MsfFile::open((*mapped)->bytes());
  ASSERT_TRUE(msf);
  auto all = PdbTypes::open(**msf, false), lazy = PdbTypes::open(**msf, true);
  ASSERT_TRUE(all && lazy);
  std::size_t structures = 0;
  // Names stand in the records as they are.
  const std::vector<std::byte> stream = (*msf)->load(2);
  const std::string_view text = ByteView(stream).chars();
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view name = text.substr(at, text.find('\0', at) - at);
    at += name.size() + 1;
    // Those inside functions have other hashes, and no kernel structure is one.
    if (name.size() < 3 || name.find("::") != std::string_view::npos) continue;
    for (std::size_t skip = 0; skip < std::min<std::size_t>(name.size() - 2, 24); ++skip) {
      const std::string_view part = name.substr(skip);
      EXPECT_EQ((*all)->size(part), (*lazy)->size(part)) << part;
      structures += (*all)->size(part).has_value();
    }
  }
  EXPECT_GT(structures, 1u);
}

} // namespace
} // namespace dumptriage::symbols
