// User dumps of NT 4 and 2000, laid down by a writer that knows nothing of the reader.
#include "dump/userdump.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "dump/dump.h"
#include "synth/minidump_writer.h"
#include "synth/userdump_writer.h"

namespace dumptriage::dump {
namespace {

using namespace synth;

struct Read {
  Bytes bytes; // keeps what the views point into
  Notes notes;
  Result<MinidumpParts> parts;
  explicit Read(Bytes b)
      : bytes(std::move(b)), parts(read_userdump(ByteView(bytes.data(), bytes.size()), notes)) {}
  const Minidump& dump() const { return *parts->minidump; }
  bool says(std::string_view text) const {
    return std::any_of(notes.begin(), notes.end(), [&](const Note& note) {
      return note.message.find(text) != std::string::npos;
    });
  }
  // The byte at an address, -1 when it is not there.
  int byte(std::uint64_t address) const {
    std::byte out{};
    return parts->memory->copy(address, {&out, 1}) ? std::to_integer<int>(out) : -1;
  }
};

Bytes filled(std::size_t size, std::uint8_t value) { return Bytes(size, value); }

// CONTEXT of x86 with Eip and Esp; 0xCC bytes, or 0x2CC.
Bytes context_32(std::uint32_t eip, std::uint32_t esp, std::size_t size) {
  Bytes out(size);
  put32(out, 0x00, 0x10007);
  put32(out, 0xB8, eip);
  put32(out, 0xC4, esp);
  return out;
}
Bytes context_alpha(std::uint64_t fir, std::uint64_t sp) {
  Bytes out(0x230);
  put64(out, 0x100 + 8 * 30, sp);
  put64(out, 0x210, fir);
  put32(out, 0x21C, 0x20007);
  return out;
}

// The first bytes of a 32-bit image.
Bytes image_start(std::uint32_t timestamp, std::uint32_t checksum) {
  Bytes out(0x1000);
  put_text(out, 0, "MZ");
  put32(out, 0x3C, 0x80);
  put_text(out, 0x80, "PE");
  put16(out, 0x84, 0x14C);
  put32(out, 0x88, timestamp);
  put32(out, 0x80 + 0x18 + 0x40, checksum);
  return out;
}

UserDump nt4_dump() {
  UserDump d;
  d.threads = {{.id = 0x5A,
                .suspend_count = 1,
                .priority_class = 0x20,
                .priority = 9,
                .teb = 0x7FFDE000,
                .context = context_32(0x401010, 0x12FF00, 0xCC)},
               {.id = 0x6B,
                .suspend_count = 2,
                .priority_class = 0x40,
                .priority = 15,
                .teb = 0x7FFDD000,
                .context = context_32(0x77F01020, 0x22FF00, 0xCC)}};
  d.modules = {{0x400000, 0x20000, "C:\\apps\\sales.exe"}, {0x77F00000, 0x5E000, "ntdll.dll"}};
  d.regions = {{.base = 0x12F000,
                .allocation_base = 0x30000,
                .size = 0x1000,
                .allocation_protect = 0x104,
                .bytes = filled(0x1000, 0xA1)},
               {.base = 0x22F000, .size = 0x1000, .bytes = filled(0x1000, 0xA2)},
               {.base = 0x400000,
                .allocation_base = 0x400000,
                .size = 0x1000,
                .allocation_protect = 0x80,
                .protect = 2,
                .type = 0x1000000,
                .bytes = image_start(0x33445566, 0x1CAFE)}};
  d.event = UdEvent{.process = 0x99,
                    .thread = 0x6B,
                    .code = 0xC0000005,
                    .flags = 1,
                    .record = 0x22FE00,
                    .address = 0x77F01020,
                    .parameters = {1, 0xDEADBEEF}};
  return d;
}

TEST(UserDump, EveryFieldOfA32BitDump) {
  Read r(write_userdump(nt4_dump()));
  ASSERT_TRUE(r.parts);
  EXPECT_TRUE(r.notes.empty()) << r.notes.front().message;
  EXPECT_TRUE(r.parts->complete);
  EXPECT_EQ(r.parts->machine, arch::Machine::x86);
  ASSERT_TRUE(r.dump().system_info);
  EXPECT_EQ(r.dump().system_info->build, 1381u);
  EXPECT_EQ(r.dump().system_info->major, 4u);
  EXPECT_EQ(r.dump().system_info->minor, 0u);
  EXPECT_EQ(r.dump().system_info->platform_id, 2u);
  EXPECT_EQ(r.dump().misc.process_id, 0x99u);

  ASSERT_EQ(r.dump().threads.size(), 2u);
  const Thread& thread = r.dump().threads[1];
  EXPECT_EQ(thread.id, 0x6Bu);
  EXPECT_EQ(thread.suspend_count, 2u);
  EXPECT_EQ(thread.priority_class, 0x40u);
  EXPECT_EQ(thread.priority, 15u);
  EXPECT_EQ(thread.teb, 0x7FFDD000u);
  ASSERT_EQ(thread.context.size(), 0xCCu);
  EXPECT_EQ(thread.context.u32(0xB8), 0x77F01020u);
  EXPECT_EQ(r.dump().threads[0].context.u32(0xC4), 0x12FF00u);

  ASSERT_EQ(r.dump().modules.size(), 2u);
  EXPECT_TRUE(r.dump().modules_complete);
  EXPECT_EQ(r.dump().modules[0].path, "C:\\apps\\sales.exe");
  EXPECT_EQ(r.dump().modules[0].base, 0x400000u);
  EXPECT_EQ(r.dump().modules[0].size, 0x20000u);
  EXPECT_EQ(r.dump().modules[0].timestamp, 0x33445566u); // from the image in memory
  EXPECT_EQ(r.dump().modules[0].checksum, 0x1CAFEu);
  EXPECT_EQ(r.dump().modules[1].path, "ntdll.dll");
  EXPECT_EQ(r.dump().modules[1].timestamp, 0u);

  ASSERT_TRUE(r.dump().exception);
  EXPECT_EQ(r.dump().exception->thread_id, 0x6Bu);
  EXPECT_EQ(r.dump().exception->context.u32(0xB8), 0x77F01020u);
  const ExceptionRecord& record = r.dump().exception->record;
  EXPECT_EQ(record.code, 0xC0000005u);
  EXPECT_EQ(record.flags, 1u);
  EXPECT_EQ(record.record, 0x22FE00u);
  EXPECT_EQ(record.address, 0x77F01020u);
  EXPECT_EQ(record.parameters, (std::vector<std::uint64_t>{1, 0xDEADBEEF}));

  ASSERT_EQ(r.dump().memory_regions.size(), 3u);
  const MemoryRegion& region = r.dump().memory_regions[2];
  EXPECT_EQ(region.base, 0x400000u);
  EXPECT_EQ(region.allocation_base, 0x400000u);
  EXPECT_EQ(region.size, 0x1000u);
  EXPECT_EQ(region.allocation_protect, 0x80u);
  EXPECT_EQ(region.state, 0x1000u);
  EXPECT_EQ(region.protect, 2u);
  EXPECT_EQ(region.type, 0x1000000u);
  EXPECT_EQ(r.byte(0x12F000), 0xA1);
  EXPECT_EQ(r.byte(0x22FFFF), 0xA2);
  EXPECT_EQ(r.byte(0x400000), 'M');
  EXPECT_EQ(r.byte(0x401000), -1);
}

TEST(UserDump, X86ContextsOfBothSizes) {
  for (std::size_t size : {0xCC, 0x2CC}) {
    for (std::size_t padding : {0, 12}) { // padding: the distance to the next table does not tell
      UserDump d = nt4_dump();
      d.threads[0].context = context_32(0x401010, 0x12FF00, size);
      d.threads[1].context = context_32(0x401020, 0x22FF00, size);
      d.context_padding = padding;
      Read r(write_userdump(d));
      ASSERT_TRUE(r.parts);
      EXPECT_EQ(r.dump().threads[1].context.size(), size);
      EXPECT_EQ(r.dump().threads[1].context.u32(0xB8), 0x401020u);
    }
  }
}

TEST(UserDump, ContextsOfNoSizeAtAllAreLeftOut) {
  UserDump d = nt4_dump();
  d.threads[0].context = filled(0x100, 0);
  d.threads[1].context = filled(0x100, 0);
  Read r(write_userdump(d));
  ASSERT_TRUE(r.parts);
  EXPECT_TRUE(r.dump().threads[0].context.empty());
  EXPECT_TRUE(r.says("no size of a context fits"));
  EXPECT_FALSE(r.parts->complete);
}

TEST(UserDump, Alpha) {
  UserDump d = nt4_dump();
  d.machine = 0x184;
  d.threads[0].context = context_alpha(0x401010, 0x12FF00);
  d.threads[1].context = context_alpha(0xFFFFFFFF80401020, 0x22FF00);
  Read r(write_userdump(d));
  ASSERT_TRUE(r.parts);
  EXPECT_TRUE(r.notes.empty()) << r.notes.front().message;
  EXPECT_EQ(r.parts->machine, arch::Machine::alpha);
  ASSERT_EQ(r.dump().threads[1].context.size(), 0x230u);
  EXPECT_EQ(r.dump().threads[1].context.u64(0x210), 0xFFFFFFFF80401020u);
}

UserDump wide_dump() {
  UserDump d;
  d.is64 = true;
  d.minor = 3790;
  d.machine = 0x8664;
  d.version_info = true;
  std::array<std::uint64_t, 16> registers{};
  registers[4] = 0x12FF00;
  d.threads = {{.id = 7, .teb = 0x7FFFFFDE000, .context = context_x64(0x140001000, registers)}};
  d.modules = {{0x140000000, 0x20000, "C:\\a.exe"}, {0x7FF00000000, 0x1000, "C:\\b.dll"}};
  d.regions = {{.base = 0x12F000, .size = 0x1000, .bytes = filled(0x1000, 0xA1)},
               {.base = 0x700000000, .size = 0x20, .bytes = filled(0x20, 0xA2)}};
  d.event = UdEvent{.process = 3,
                    .thread = 7,
                    .code = 0xC0000094,
                    .record = 0x1122334455667788,
                    .address = 0x140001000,
                    .parameters = {0x1111111122222222, 2, 3}};
  return d;
}

TEST(UserDump, EveryFieldOfA64BitDump) {
  Read r(write_userdump(wide_dump()));
  ASSERT_TRUE(r.parts);
  EXPECT_TRUE(r.notes.empty()) << r.notes.front().message;
  EXPECT_EQ(r.parts->machine, arch::Machine::x64);
  EXPECT_EQ(r.dump().system_info->build, 3790u);
  EXPECT_EQ(r.dump().system_info->major, 5u);
  EXPECT_EQ(r.dump().system_info->minor, 2u);
  EXPECT_EQ(r.dump().misc.process_id, 3u);
  ASSERT_EQ(r.dump().threads.size(), 1u);
  EXPECT_EQ(r.dump().threads[0].id, 7u);
  EXPECT_EQ(r.dump().threads[0].teb, 0x7FFFFFDE000u);
  EXPECT_EQ(r.dump().threads[0].context.size(), 0x4D0u);
  EXPECT_EQ(r.dump().threads[0].context.u64(0xF8), 0x140001000u);
  ASSERT_EQ(r.dump().modules.size(), 2u);
  EXPECT_EQ(r.dump().modules[1].base, 0x7FF00000000u);
  EXPECT_EQ(r.dump().modules[1].path, "C:\\b.dll");
  ASSERT_TRUE(r.dump().exception);
  EXPECT_EQ(r.dump().exception->record.code, 0xC0000094u);
  EXPECT_EQ(r.dump().exception->record.record, 0x1122334455667788u);
  EXPECT_EQ(r.dump().exception->record.address, 0x140001000u);
  EXPECT_EQ(r.dump().exception->record.parameters,
            (std::vector<std::uint64_t>{0x1111111122222222, 2, 3}));
  EXPECT_EQ(r.dump().memory_regions[1].base, 0x700000000u);
  EXPECT_EQ(r.dump().memory_regions[1].size, 0x20u);
  EXPECT_EQ(r.byte(0x70000001F), 0xA2);
}

TEST(UserDump, ModuleNamesWhoseLengthIsCountedInOtherWays) {
  struct Way {
    bool count_terminator, write_terminator;
    std::size_t gap;
  };
  for (Way way :
       {Way{true, true, 0}, Way{false, true, 0}, Way{false, false, 0}, Way{true, true, 4}}) {
    UserDump d = nt4_dump();
    d.count_terminator = way.count_terminator;
    d.write_terminator = way.write_terminator;
    d.name_gap = way.gap;
    Read r(write_userdump(d));
    ASSERT_TRUE(r.parts);
    ASSERT_EQ(r.dump().modules.size(), 2u) << way.count_terminator << way.write_terminator;
    EXPECT_EQ(r.dump().modules[1].base, 0x77F00000u);
    EXPECT_EQ(r.dump().modules[1].path, "ntdll.dll");
    EXPECT_TRUE(r.dump().modules_complete);
  }
}

TEST(UserDump, AModuleThatMakesNoSenseEndsTheList) {
  UserDumpPlaces places;
  UserDump d = nt4_dump();
  Bytes bytes = write_userdump(d, &places);
  put32(bytes, places.modules + 0xC + d.modules[0].name.size() + 1, 0x77F00123); // no page
  Read r(std::move(bytes));
  EXPECT_EQ(r.dump().modules.size(), 1u);
  EXPECT_FALSE(r.dump().modules_complete);
  EXPECT_TRUE(r.says("2 are listed, only the first 1 make sense"));
}

// Which regions have bytes in the file is decided by the file's size.
TEST(UserDump, TheFileSizeDecidesWhichRegionsHaveBytes) {
  struct Case {
    bool reserved, guard;
  };
  for (Case one : {Case{true, true}, Case{false, true}, Case{false, false}}) {
    UserDump d = nt4_dump();
    UdRegion reserved{.base = 0x100000,
                      .size = 0x2000,
                      .state = 0x2000,
                      .protect = 0,
                      .bytes = filled(0x2000, 0xEE),
                      .data = one.reserved};
    UdRegion guard{.base = 0x12E000,
                   .size = 0x1000,
                   .protect = 0x104,
                   .bytes = filled(0x1000, 0xDD),
                   .data = one.guard};
    d.regions.insert(d.regions.begin(), {reserved, guard});
    Read r(write_userdump(d));
    ASSERT_TRUE(r.parts);
    EXPECT_TRUE(r.parts->complete);
    EXPECT_EQ(r.byte(0x100000), one.reserved ? 0xEE : -1);
    EXPECT_EQ(r.byte(0x12E000), one.guard ? 0xDD : -1);
    EXPECT_EQ(r.byte(0x12F000), 0xA1);
    EXPECT_EQ(r.byte(0x22F000), 0xA2);
    EXPECT_EQ(r.byte(0x400000), 'M');
  }
}

TEST(UserDump, AnImageDecidesWhenTheFileIsCutShort) {
  UserDump d = nt4_dump();
  UdRegion guard{.base = 0x12E000, .size = 0x1000, .protect = 0x104, .data = false};
  std::swap(d.regions[0], d.regions[2]); // the image first, the guard page before it
  d.regions.insert(d.regions.begin(), guard);
  Bytes bytes = write_userdump(d);
  bytes.resize(bytes.size() - 0x800);
  Read r(std::move(bytes));
  EXPECT_EQ(r.byte(0x400000), 'M');
  EXPECT_EQ(r.byte(0x12E000), -1);
  EXPECT_EQ(r.byte(0x12F000), 0xA1);
  EXPECT_EQ(r.byte(0x12F7FF), 0xA1);
  EXPECT_EQ(r.byte(0x12F800), -1);
  EXPECT_FALSE(r.parts->complete);
  EXPECT_TRUE(r.says("2048 bytes of 1 regions lie beyond the end of the file; the first address "
                     "lost is 0x0012F800"));
}

TEST(UserDump, WhatNothingDecidesIsNotUsed) {
  UserDump d = nt4_dump();
  d.regions.pop_back(); // no image
  UdRegion guard{.base = 0x12E000, .size = 0x1000, .protect = 0x104, .data = false};
  d.regions.insert(d.regions.begin() + 1, guard);
  Bytes bytes = write_userdump(d);
  bytes.resize(bytes.size() - 0x800);
  Read r(std::move(bytes));
  EXPECT_EQ(r.byte(0x12F000), 0xA1); // before the guard page all readings agree
  EXPECT_EQ(r.byte(0x22F000), -1);
  EXPECT_TRUE(r.says("what lies from address 0x0012E000 on is not used"));
  EXPECT_FALSE(r.parts->complete);
}

TEST(UserDump, WhatIsNoExceptionIsNone) {
  UserDump d = nt4_dump();
  d.event->kind = 3;
  Read other(write_userdump(d));
  EXPECT_FALSE(other.dump().exception);
  EXPECT_TRUE(other.says("kind 3 is no exception"));
  d = nt4_dump();
  d.event->parameter_count = 16;
  Read lying(write_userdump(d));
  EXPECT_FALSE(lying.dump().exception);
  EXPECT_TRUE(lying.says("code 0xC0000005 with 16 parameters is no exception"));
  d.event.reset();
  Read none(write_userdump(d));
  EXPECT_FALSE(none.dump().exception);
  EXPECT_TRUE(none.says("debug event: none"));
}

TEST(UserDump, AVersionThatIsNoBuildLeavesWindowsOpen) {
  UserDump d = nt4_dump();
  d.major = 4;
  d.minor = 0;
  Read r(write_userdump(d));
  EXPECT_EQ(r.dump().system_info->build, 0u);
  EXPECT_TRUE(r.says("which Windows it was stays open"));
}

TEST(UserDump, WithoutThreadStatesOneThreadIsTheExceptions) {
  UserDump d = nt4_dump();
  d.thread_states = false;
  d.threads.resize(1);
  Read r(write_userdump(d));
  ASSERT_EQ(r.dump().threads.size(), 1u);
  EXPECT_EQ(r.dump().threads[0].id, 0x6Bu);
  EXPECT_EQ(r.dump().threads[0].context.u32(0xB8), 0x401010u);
  EXPECT_TRUE(r.says("the threads' ids are not known"));
}

TEST(UserDump, LyingCounts) {
  for (std::size_t field : {0x14, 0x18, 0x1C}) {
    Bytes bytes = write_userdump(nt4_dump());
    put32(bytes, field, 0xFFFFFFFF);
    Read r(std::move(bytes));
    ASSERT_TRUE(r.parts) << field;
    EXPECT_TRUE(r.says("4294967295 are listed")) << field;
    EXPECT_FALSE(r.parts->complete);
  }
  for (std::size_t offset = 0x20; offset < 0x40; offset += 4) {
    for (std::uint32_t value : {0u, 1u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
      Bytes bytes = write_userdump(nt4_dump());
      put32(bytes, offset, value);
      Read r(std::move(bytes));
      EXPECT_TRUE(r.parts);
    }
  }
  Bytes bytes = write_userdump(wide_dump());
  for (std::size_t offset = 0x20; offset < 0x60; offset += 8) {
    Bytes copy = bytes;
    put64(copy, offset, 0xFFFFFFFFFFFFFFF0);
    EXPECT_TRUE(Read(std::move(copy)).parts);
  }
}

TEST(UserDump, RegionSizesThatLeave64BitsAreNoMemory) {
  UserDumpPlaces places;
  Bytes bytes = write_userdump(wide_dump(), &places);
  put64(bytes, places.regions + 0x18, 0xFFFFFFFFFFFFF000);
  Read r(std::move(bytes));
  ASSERT_TRUE(r.parts);
  EXPECT_FALSE(r.parts->complete);
  EXPECT_EQ(r.byte(0x700000000), -1);
}

TEST(UserDump, TruncatedAtEveryByte) {
  for (const UserDump& dump : {nt4_dump(), wide_dump()}) {
    Bytes whole = write_userdump(dump);
    std::size_t header = dump.is64 ? 0x60 : 0x40;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      Notes notes;
      ByteView file(whole.data(), size);
      auto parts = read_userdump(file, notes);
      ASSERT_EQ(static_cast<bool>(parts), size >= header) << size;
      if (size >= 8) EXPECT_TRUE(identify(file).is_dump);
      if (!parts) {
        EXPECT_EQ(parts.error().code, size < 8 ? Code::bad_magic : Code::truncated) << size;
        continue;
      }
      EXPECT_FALSE(parts->complete) << size;
    }
  }
}

TEST(UserDump, OpensAsAUserDump) {
  Bytes bytes = write_userdump(nt4_dump());
  auto opened = open(MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "user.dmp"));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->format, Format::userdump);
  EXPECT_EQ(opened->kind, Kind::user);
  EXPECT_TRUE(opened->complete);
  EXPECT_TRUE(opened->minidump);
  EXPECT_EQ(opened->description,
            "NT 4 user dump (USERDUMP) of Windows NT 4.0 (build 1381), x86, 13 KB");
}

TEST(UserDump, WrongMagic) {
  Bytes bytes = write_userdump(nt4_dump());
  bytes[7] = 'X';
  Read r(bytes);
  ASSERT_FALSE(r.parts);
  EXPECT_EQ(r.parts.error().code, Code::bad_magic);
  EXPECT_FALSE(is_userdump(ByteView(bytes.data(), bytes.size())));
  EXPECT_FALSE(is_userdump(ByteView()));
}

} // namespace
} // namespace dumptriage::dump
