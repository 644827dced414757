// Streams and their quirks, on dumps laid down byte by byte.
#include "dump/minidump.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "synth/minidump_writer.h"

namespace dumptriage::dump {
namespace {

using namespace synth;

constexpr std::array<std::uint8_t, 16> kGuid = {0x78, 0x56, 0x34, 0x12, 0xBC, 0x9A, 0xF0, 0xDE,
                                                0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};

struct Read {
  Bytes bytes; // keeps what the views point into
  Notes notes;
  Result<MinidumpParts> parts;
  explicit Read(Bytes b)
      : bytes(std::move(b)), parts(read_minidump(ByteView(bytes.data(), bytes.size()), notes)) {}
  const Minidump& dump() const { return *parts->minidump; }
  bool says(std::string_view text) const {
    return std::any_of(notes.begin(), notes.end(), [&](const Note& note) {
      return note.message.find(text) != std::string::npos;
    });
  }
};

Bytes filled(std::size_t size, std::uint8_t value) { return Bytes(size, value); }

// One of everything that is usual.
Bytes usual_dump() {
  MinidumpWriter w(0x45D35F73);
  w.system({});
  w.modules({{.base = 0x7FF600000000,
              .size = 0x20000,
              .timestamp = 0x45D35F6C,
              .checksum = 0x1234,
              .name = "C:\\app\\main.exe",
              .version = std::array<std::uint16_t, 4>{5, 2, 3790, 3959},
              .codeview = rsds(kGuid, 0x1A, "main.pdb")},
             {.base = 0x7FFE00000000,
              .size = 0x1000,
              .name = "C:\\Windows\\old.dll",
              .codeview = nb10(0x3D6E1234, 2, "old.pdb")}});
  w.threads({{.id = 100,
              .teb = 0x7FFDE000,
              .stack_address = 0x10000,
              .stack = filled(64, 0xA1),
              .context = context_x64(0x7FF600001000, {})},
             {.id = 200,
              .stack_address = 0x20000,
              .stack = filled(32, 0xA2),
              .context = context_x64(0x7FF600002000, {})}});
  w.memory({{0x10000, filled(64, 0xB1)}, {0x30000, filled(16, 0xB3)}});
  w.exception({.thread_id = 200,
               .code = 0xC0000005,
               .address = 0x7FF600002000,
               .parameters = {1, 0x45},
               .context = context_x64(0x7FF600002004, {})});
  return w.finish();
}

TEST(Minidump, EmptyShortAndForeignFilesAreErrors) {
  EXPECT_EQ(Read({}).parts.error().code, Code::truncated);
  EXPECT_EQ(Read({'M', 'D', 'M', 'P'}).parts.error().code, Code::truncated);
  Bytes foreign(64, 0);
  foreign[0] = 'P';
  EXPECT_EQ(Read(foreign).parts.error().code, Code::bad_magic);
  EXPECT_FALSE(is_minidump(ByteView(foreign.data(), foreign.size())));
  MinidumpWriter none;
  Read empty(none.finish());
  ASSERT_FALSE(empty.parts);
  EXPECT_EQ(empty.parts.error().message(),
            "minidump header: it lists no streams (file offset 0x8)");
}

TEST(Minidump, ADirectoryBeyondTheFileIsAnErrorAndACutOneIsNot) {
  Bytes bytes = usual_dump();
  Bytes beyond = bytes;
  put32(beyond, 0x0C, 0xFFFFFFF0);
  Read error(beyond);
  ASSERT_FALSE(error.parts);
  EXPECT_EQ(error.parts.error().code, Code::truncated);
  EXPECT_EQ(error.parts.error().where, Where::file(0xFFFFFFF0));

  Bytes lying = bytes;
  put32(lying, 0x08, 0xFFFFFFFF);
  Read cut(lying);
  ASSERT_TRUE(cut.parts);
  EXPECT_FALSE(cut.parts->complete);
  EXPECT_EQ(cut.dump().modules.size(), 2u);
  EXPECT_TRUE(cut.says("4294967295 streams are listed"));

  // One and a half entries are left.
  Bytes half(bytes.begin(), bytes.begin() + 32 + 18);
  put32(half, 0x08, 5);
  Read kept(half);
  ASSERT_TRUE(kept.parts);
  EXPECT_EQ(kept.dump().streams.size(), 1u);
  EXPECT_EQ(kept.dump().streams[0].name, "SystemInfo");
}

TEST(Minidump, ReadsTheUsualStreams) {
  Read r(usual_dump());
  ASSERT_TRUE(r.parts);
  EXPECT_TRUE(r.notes.empty()) << r.notes.front().message;
  EXPECT_TRUE(r.parts->complete);
  EXPECT_EQ(r.parts->machine, arch::Machine::x64);
  const Minidump& dump = r.dump();
  EXPECT_EQ(dump.time_date_stamp, 0x45D35F73u);
  ASSERT_TRUE(dump.system_info);
  EXPECT_EQ(dump.system_info->build, 7601u);
  EXPECT_EQ(dump.system_info->csd_version, "Service Pack 1");
  EXPECT_EQ(dump.system_info->processors, 2);

  ASSERT_EQ(dump.modules.size(), 2u);
  EXPECT_TRUE(dump.modules_complete);
  const Module& module = dump.modules[0];
  EXPECT_EQ(module.name(), "main.exe");
  EXPECT_EQ(module.base, 0x7FF600000000u);
  EXPECT_EQ(module.size, 0x20000u);
  EXPECT_EQ(module.timestamp, 0x45D35F6Cu);
  EXPECT_EQ(module.checksum, 0x1234u);
  ASSERT_TRUE(module.version);
  EXPECT_EQ(module.version->to_string(), "5.2.3790.3959");
  EXPECT_EQ(module.debug.key(), "123456789ABCDEF00123456789ABCDEF1A");
  EXPECT_EQ(module.debug.file, "main.pdb");
  EXPECT_FALSE(dump.modules[1].version);
  EXPECT_EQ(dump.modules[1].debug.key(), "3D6E12342");

  ASSERT_EQ(dump.threads.size(), 2u);
  EXPECT_EQ(dump.threads[0].id, 100u);
  EXPECT_EQ(dump.threads[0].teb, 0x7FFDE000u);
  EXPECT_EQ(dump.threads[0].priority, 8u);
  EXPECT_EQ(dump.threads[0].stack_size, 64u);
  EXPECT_EQ(dump.threads[1].context.u64(0xF8), 0x7FF600002000u);

  ASSERT_TRUE(dump.exception);
  EXPECT_EQ(dump.exception->thread_id, 200u);
  EXPECT_EQ(dump.exception->record.code, 0xC0000005u);
  EXPECT_EQ(dump.exception->record.parameters, (std::vector<std::uint64_t>{1, 0x45}));
  EXPECT_EQ(dump.exception->context.u64(0xF8), 0x7FF600002004u);
}

TEST(Minidump, MemoryListWinsAndOnlyMissingStacksAreAdded) {
  Read r(usual_dump());
  ASSERT_TRUE(r.parts);
  std::array<std::byte, 4> bytes{};
  // The first thread's stack is in the memory list (0xB1); the second's only beside its thread.
  ASSERT_TRUE(r.parts->memory->copy(0x10000, bytes));
  EXPECT_EQ(bytes[0], std::byte{0xB1});
  ASSERT_TRUE(r.parts->memory->copy(0x20000, bytes));
  EXPECT_EQ(bytes[3], std::byte{0xA2});
  EXPECT_FALSE(r.parts->memory->copy(0x20000 + 30, bytes));
  EXPECT_EQ(r.dump().captured.size(), 3u);
  EXPECT_EQ(r.parts->memory->byte_count(), 64u + 16 + 32);
}

TEST(Minidump, PaddedListsAreRead) {
  MinidumpWriter w;
  w.system({});
  w.modules({{.base = 0x1000, .name = "a.dll"}, {.base = 0x20000, .name = "b.dll"}}, true);
  w.threads({{.id = 7}}, true);
  w.memory({{0x5000, filled(8, 0x55)}}, true);
  Read r(w.finish());
  ASSERT_TRUE(r.parts);
  EXPECT_TRUE(r.notes.empty());
  ASSERT_EQ(r.dump().modules.size(), 2u);
  EXPECT_EQ(r.dump().modules[1].path, "b.dll");
  ASSERT_EQ(r.dump().threads.size(), 1u);
  EXPECT_EQ(r.dump().threads[0].id, 7u);
  EXPECT_EQ(r.parts->memory->u64(0x5000), 0x5555555555555555u);
}

TEST(Minidump, Memory64IsReadAndATruncatedOneNamesTheFirstAddressLost) {
  MinidumpWriter w;
  w.system({});
  w.memory64({{0x7FF000001000, filled(0x100, 0x11)},
              {0x7FF000002000, filled(0x100, 0x22)},
              {0x7FF000003000, filled(0x100, 0x33)}});
  Bytes bytes = w.finish();
  Read whole(bytes);
  ASSERT_TRUE(whole.parts);
  EXPECT_TRUE(whole.parts->complete);
  EXPECT_EQ(whole.parts->memory->u32(0x7FF000003000), 0x33333333u);

  bytes.resize(bytes.size() - 0x180);
  Read cut(bytes);
  ASSERT_TRUE(cut.parts);
  EXPECT_FALSE(cut.parts->complete);
  ASSERT_EQ(cut.notes.size(), 1u);
  EXPECT_EQ(cut.notes[0].message,
            "Memory64List stream: 384 bytes of 2 ranges lie beyond the end of the file; the first "
            "address lost is 0x00007FF000002080");
  EXPECT_EQ(cut.parts->memory->u32(0x7FF00000207C), 0x22222222u);
  EXPECT_FALSE(cut.parts->memory->u32(0x7FF000002080));
}

TEST(Minidump, Memory64SizesThatLeave64BitsStop) {
  MinidumpWriter w;
  Bytes list;
  put64(list, 0, 2);
  put64(list, 8, 0x20); // base
  put64(list, 16, 0x1000);
  put64(list, 24, 0xFFFFFFFFFFFFFFF0);
  put64(list, 32, 0x2000);
  put64(list, 40, 0x1000);
  w.stream(9, list);
  Read r(w.finish());
  ASSERT_TRUE(r.parts);
  EXPECT_TRUE(r.says("leave 64 bits"));
  EXPECT_FALSE(r.parts->memory->u32(0x2000));
}

TEST(Minidump, DoubledStreamsCostNothing) {
  MinidumpWriter w;
  w.system({});
  Bytes liar;
  put32(liar, 0, 500); // 500 modules in 4 bytes
  w.stream(4, liar);
  w.modules({{.base = 0x1000, .name = "right.dll"}});
  w.modules({{.base = 0x9000, .name = "second.dll"}});
  w.threads({{.id = 1}});
  Read r(w.finish());
  ASSERT_TRUE(r.parts);
  ASSERT_EQ(r.dump().modules.size(), 1u);
  EXPECT_EQ(r.dump().modules[0].path, "right.dll");
  EXPECT_EQ(r.dump().threads.size(), 1u);
  EXPECT_TRUE(r.says("the directory lists 3 of them"));
  EXPECT_FALSE(r.dump().streams[1].used);
  EXPECT_TRUE(r.dump().streams[2].used);
}

TEST(Minidump, AStreamOutsideTheFileCostsOnlyItself) {
  MinidumpWriter w;
  w.system({});
  w.entry(3, 0x100, 0xFFFFFF00);
  w.entry(6, 0xA8, 0x7FFFFFFF);
  w.entry(0x4B6B0002, 0x10, 0xFFFFFFFF);
  w.modules({{.base = 0x1000, .name = "a.dll"}});
  Read r(w.finish());
  ASSERT_TRUE(r.parts);
  EXPECT_FALSE(r.parts->complete);
  EXPECT_TRUE(r.dump().threads.empty());
  EXPECT_FALSE(r.dump().exception);
  EXPECT_EQ(r.dump().modules.size(), 1u);
  EXPECT_TRUE(r.says("ThreadList stream: 256 of its 256 bytes lie beyond the end of the file"));
  EXPECT_EQ(r.notes.size(), 3u);
}

TEST(Minidump, LyingCountsAreCutToWhatIsThere) {
  for (std::uint32_t type : {3u, 4u, 5u, 8u, 9u, 12u, 13u, 14u, 16u, 17u, 24u}) {
    MinidumpWriter w;
    w.system({});
    Bytes liar(400, 0xFF);
    // Headers of the lists that say their own sizes.
    if (type == 12) put32(liar, 0, 16), put32(liar, 4, 40);
    if (type == 13) put32(liar, 0, 24), put32(liar, 4, 32), put32(liar, 8, 8), put32(liar, 12, 12);
    if (type == 14) put32(liar, 0, 12), put32(liar, 4, 24);
    if (type == 16) put32(liar, 0, 16), put32(liar, 4, 48);
    if (type == 17) put32(liar, 0, 12), put32(liar, 4, 64);
    w.stream(type, liar);
    w.exception({.thread_id = 3});
    Read r(w.finish());
    SCOPED_TRACE(type);
    ASSERT_TRUE(r.parts);
    EXPECT_FALSE(r.notes.empty());
    EXPECT_FALSE(r.parts->complete);
    EXPECT_LE(r.dump().modules.size() + r.dump().threads.size() + r.dump().handles.size(), 12u);
    ASSERT_TRUE(r.dump().exception);
    EXPECT_EQ(r.dump().exception->thread_id, 3u);
  }
}

TEST(Minidump, ListsWithImpossibleStridesAreRefused) {
  for (std::uint32_t type : {12u, 13u, 14u, 16u, 17u}) {
    MinidumpWriter w;
    w.system({});
    w.stream(type, Bytes(200, 0));
    Read r(w.finish());
    ASSERT_TRUE(r.parts);
    EXPECT_TRUE(r.says("too small")) << type;
  }
}

TEST(Minidump, SignExtendedAddressesOf32BitDumpsAreNarrowed) {
  MinidumpWriter w;
  w.system({.processor = 0, .build = 2600});
  w.modules({{.base = 0xFFFFFFFF80010000, .name = "a.dll"}});
  w.memory({{0xFFFFFFFFBFFF0000, filled(16, 0x5A)}});
  w.exception(
      {.thread_id = 1, .address = 0xFFFFFFFF80012345, .parameters = {0, 0xFFFFFFFFA0000045}});
  Read r(w.finish());
  ASSERT_TRUE(r.parts);
  EXPECT_EQ(r.parts->machine, arch::Machine::x86);
  EXPECT_EQ(r.dump().system_info->cpu_vendor, "GenuineIntel");
  EXPECT_EQ(r.dump().modules[0].base, 0x80010000u);
  EXPECT_EQ(r.dump().exception->record.address, 0x80012345u);
  EXPECT_EQ(r.dump().exception->record.parameters[1], 0xA0000045u);
  EXPECT_EQ(r.parts->memory->u32(0xBFFF0000), 0x5A5A5A5Au);

  MinidumpWriter x64;
  x64.system({});
  x64.exception({.thread_id = 1, .address = 0xFFFFFFFF80012345});
  EXPECT_EQ(Read(x64.finish()).dump().exception->record.address, 0xFFFFFFFF80012345u);
}

TEST(Minidump, WithoutSystemInfoTheContextTellsTheCpu) {
  MinidumpWriter w;
  w.threads({{.id = 1, .context = context_x86(0x401000, {})}});
  Read r(w.finish());
  ASSERT_TRUE(r.parts);
  EXPECT_EQ(r.parts->machine, arch::Machine::x86);
  EXPECT_TRUE(r.says("taken from the thread contexts"));
  MinidumpWriter none;
  none.threads({{.id = 1, .context = Bytes(100, 1)}});
  EXPECT_EQ(Read(none.finish()).parts->machine, arch::Machine::unknown);
}

TEST(Minidump, ManyEntriesThatShareOneLongNameDoNotMultiplyIt) {
  MinidumpWriter w;
  std::uint32_t name = w.string(std::string(30000, 'x'));
  Bytes list;
  constexpr std::uint32_t kCount = 3000;
  put32(list, 0, 12);
  put32(list, 4, 24);
  put32(list, 8, kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) put32(list, 12 + 24 * i + 20, name);
  w.stream(14, list);
  Read r(w.finish());
  ASSERT_TRUE(r.parts);
  EXPECT_EQ(r.dump().unloaded_modules.size(), kCount);
  std::size_t text = 0;
  for (const UnloadedModule& module : r.dump().unloaded_modules) text += module.name.size();
  EXPECT_GT(text, 1u << 20);
  EXPECT_LE(text, 16u << 20);
  EXPECT_TRUE(r.says("names and texts together are too long"));
}

TEST(Minidump, TruncatedAtEveryByteNeverFails) {
  const Bytes bytes = usual_dump();
  std::size_t errors = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Read r(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)));
    if (!r.parts) {
      ++errors;
      EXPECT_LT(size, 32u + 12) << "only header and first entry are needed";
      continue;
    }
    // Whatever is cut off is said.
    EXPECT_FALSE(r.parts->complete) << size;
    EXPECT_FALSE(r.notes.empty()) << size;
  }
  EXPECT_EQ(errors, 32u + 12);
}

TEST(Minidump, DescribesItself) {
  Bytes bytes = usual_dump();
  EXPECT_EQ(describe_minidump(ByteView(bytes.data(), bytes.size())),
            "user minidump of Windows 7 (build 7601), x64");
  EXPECT_EQ(describe_minidump(ByteView(bytes.data(), 20)), "user minidump, cut short at 20 bytes");
}

} // namespace
} // namespace dumptriage::dump
