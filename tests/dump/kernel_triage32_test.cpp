// 32-bit triage dumps.  No real bytes of one were at hand: S = a public source, I = inferred.
#include <gtest/gtest.h>

#include "dump/kernel_samples.h"

namespace dumptriage::dump {
namespace {

using namespace tests;
using synth::Bytes;
using synth::put32;
using synth::put8;
using synth::write_triage32;

constexpr std::uint32_t kThread = 0x81B2C020, kProcess32 = 0x81C5D660;
constexpr std::uint32_t kStack = 0xF7A0E800, kStackEnd = 0xF7A10000;

void at_itself(Bytes& object, std::uint32_t address, std::uint32_t head) {
  put32(object, head, address + head);
  put32(object, head + 4, address + head);
}

// Windows XP SP3: its debugger data tell no offsets.
synth::TriageDescription xp() {
  synth::TriageDescription d;
  d.build = 2600;
  d.machine = 0x14C;
  d.processors = 1;
  d.bugcheck_code = 0x1000008E;
  d.bugcheck_parameters = {0xC0000005, 0xF5A21234, 0xF7A0F000, 0};
  d.directory_table_base = 0x39000;
  d.ps_loaded_module_list = 0x8055D720;
  d.service_pack_build = 0x300;
  d.mini_dump_fields = 0xCFF;
  d.product_type = 1;
  d.context = Bytes(0x2CC, 1);
  d.prcb = Bytes(0x120);
  put32(d.prcb, 4, kThread); // CurrentThread [S]
  d.process = Bytes(0x260);
  put8(d.process, 0, 3);
  at_itself(d.process, kProcess32, 8);
  at_itself(d.process, kProcess32, 0x10); // ProfileListHead [S]
  d.thread = Bytes(0x258);
  put8(d.thread, 0, 6);
  at_itself(d.thread, kThread, 8);
  d.stack_start = kStack;
  d.stack = Bytes(kStackEnd - kStack);
  put32(d.stack, 0, 0x11223344);
  d.drivers = {
      {"\\WINDOWS\\system32\\ntoskrnl.exe", 0x804D7000, 0x1F8580, 0x4802516A, 0x1F442B},
      {"\\SystemRoot\\System32\\DRIVERS\\netbt.sys", 0xF5A20000, 0x28000, 0x48025C1F, 0x2F0A1},
      {"sfmsrv.sys", 0xF5B00000, 0x30000, 0, 0}};
  d.unloaded = {{"kmixer.sys", 0xF4A00000, 0xF4A2B000},
                {"verylongname.sys", 0xF4B00000, 0xF4B01000}};
  d.broken_driver = "netbt.sys";
  d.data_page_address = 0x81000000;
  d.data_page = Bytes(0x1000, 0x5A);
  d.blocks = {{0xFFFFFFFF81234000, Bytes(0x80, 0x77)}, {0x81300000, Bytes(0x40, 0x78)}};
  return d;
}

TEST(KernelTriage32, EveryPartIsRead) {
  Bytes bytes = write_triage32(xp());
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(dump->complete);
  EXPECT_TRUE(dump->notes.empty()) << dump->notes.front().message;
  EXPECT_EQ(dump->kind, Kind::triage);
  EXPECT_EQ(dump->machine, arch::Machine::x86);
  EXPECT_TRUE(
      dump->description.starts_with("32-bit kernel triage dump of Windows XP (build 2600), x86, "))
      << dump->description;
  EXPECT_EQ(dump->kernel->header.context.size(), 0x2CCu);
  ASSERT_TRUE(dump->kernel->triage);
  const Triage& triage = *dump->kernel->triage;
  EXPECT_EQ(triage.service_pack_build, 0x300u);       // +00 [S]
  EXPECT_EQ(triage.size_of_dump, bytes.size());       // +04 [S]
  EXPECT_EQ(triage.triage_options, 0xFFFFFFFFu);      // +44 [S]
  EXPECT_EQ(triage.broken_driver, "netbt.sys");       // +40 [S]
  EXPECT_EQ(triage.stack_start, kStack);              // +48 [S]
  EXPECT_EQ(triage.stack.size(), kStackEnd - kStack); // +28, +2C [S]
  EXPECT_EQ(triage.prcb.u32(4), kThread);             // +1C [S]
  EXPECT_EQ(triage.process.u8(0), 3u);                // +20 [S]
  EXPECT_EQ(triage.thread.u8(0), 6u);                 // +24 [S]
  EXPECT_EQ(triage.process_address, kProcess32);
  EXPECT_EQ(triage.thread_address, kThread);
  EXPECT_EQ(triage.data_page_address, 0x81000000u);      // +4C [S]
  EXPECT_EQ(triage.data_page.size(), 0x1000u);           // +50, +54 [S]
  ASSERT_EQ(triage.data_blocks.size(), 2u);              // +60, +64 [S]
  EXPECT_EQ(triage.data_blocks[0].address, 0x81234000u); // sign extended or not
  EXPECT_EQ(triage.data_blocks[1].address, 0x81300000u);
  EXPECT_EQ(triage.data_blocks[1].size, 0x40u);
}

TEST(KernelTriage32, Drivers) {
  Bytes bytes = write_triage32(xp());
  auto dump = open_bytes(bytes);
  const Triage& triage = *dump->kernel->triage;
  ASSERT_EQ(triage.drivers.size(), 3u);
  EXPECT_TRUE(triage.drivers_complete);
  const Module& netbt = triage.drivers[1];
  EXPECT_EQ(netbt.path, "\\SystemRoot\\System32\\DRIVERS\\netbt.sys"); // +00 [S]
  EXPECT_EQ(netbt.base, 0xF5A20000u);                                  // +1C [S]
  EXPECT_EQ(netbt.size, 0x28000u);                                     // +24 [S]
  EXPECT_EQ(netbt.checksum, 0x2F0A1u);                                 // +44 [I]
  EXPECT_EQ(netbt.timestamp, 0x48025C1Fu);                             // +48 [I]
  ASSERT_EQ(triage.unloaded_drivers.size(), 2u);                       // u32 count [I]
  EXPECT_EQ(triage.unloaded_drivers[0].name, "kmixer.sys");            // +00, +08 [S]
  EXPECT_EQ(triage.unloaded_drivers[0].base, 0xF4A00000u);             // +20 [S]
  EXPECT_EQ(triage.unloaded_drivers[0].size, 0x2B000u);                // +24 [S]
  EXPECT_EQ(triage.unloaded_drivers[1].name, "verylongname");          // 12 characters
}

// DUMP_MM_STORAGE32 [S]: each field's place told by its value, 0x100 + offset.
TEST(KernelTriage32, MemoryManagersCounters) {
  Bytes bytes = write_triage32(xp());
  auto dump = open_bytes(bytes);
  ASSERT_TRUE(dump->kernel->triage->mm);
  const MmStorage& mm = *dump->kernel->triage->mm;
  EXPECT_EQ(mm.version, 1u);
  EXPECT_EQ(mm.size, 0x34u);
  EXPECT_EQ(mm.special_pool_tag, 0x108u);
  EXPECT_EQ(mm.triage_action_taken, 0x10Cu);
  EXPECT_EQ(mm.verify_driver_level, 0x110u);
  EXPECT_EQ(mm.kernel_verifier, 0x114u);
  EXPECT_EQ(mm.maximum_nonpaged_pool, 0x118u);
  EXPECT_EQ(mm.allocated_nonpaged_pool, 0x11Cu);
  EXPECT_EQ(mm.paged_pool_maximum, 0x120u);
  EXPECT_EQ(mm.paged_pool_allocated, 0x124u);
  EXPECT_EQ(mm.committed_pages, 0x128u);
  EXPECT_EQ(mm.committed_pages_peak, 0x12Cu);
  EXPECT_EQ(mm.commit_limit_maximum, 0x130u);
}

TEST(KernelTriage32, MemoryIsLaidOutByAddress) {
  Bytes bytes = write_triage32(xp());
  auto dump = open_bytes(bytes);
  const auto& memory = *dump->memory;
  EXPECT_EQ(memory.u32(kStack), 0x11223344u);
  EXPECT_EQ(memory.u32(kStackEnd), std::nullopt);
  EXPECT_EQ(memory.u32(kThread), 6u);
  EXPECT_EQ(memory.u32(kProcess32), 3u);
  EXPECT_EQ(memory.u32(0x81000FF0), 0x5A5A5A5Au);
  EXPECT_EQ(memory.u32(0x8123407C), 0x77777777u);
}

// A list of another stride is believed when its entries make more sense so.
TEST(KernelTriage32, ANewerDriverEntryIsWider) {
  for (std::uint32_t stride : {0x4Cu, 0x54u, 0x58u, 0x6Cu}) {
    auto d = xp();
    d.driver_stride = stride;
    Bytes bytes = write_triage32(d);
    auto dump = open_bytes(bytes);
    ASSERT_EQ(dump->kernel->triage->drivers.size(), 3u) << stride;
    EXPECT_EQ(dump->kernel->triage->drivers[2].name(), "sfmsrv.sys") << stride;
    EXPECT_EQ(dump->kernel->triage->drivers[2].base, 0xF5B00000u) << stride;
    EXPECT_TRUE(dump->complete) << stride;
  }
}

TEST(KernelTriage32, ADriverListThatMakesNoSenseIsNone) {
  synth::TriageLayout layout;
  Bytes bytes = write_triage32(xp(), &layout);
  for (std::size_t i = 0; i < 3 * 0x4C; i += 4) put32(bytes, layout.offset["drivers"] + i, 0x1233);
  auto dump = open_bytes(bytes);
  EXPECT_TRUE(dump->kernel->triage->drivers.empty());
  EXPECT_FALSE(dump->kernel->triage->drivers_complete);
  EXPECT_TRUE(has_note(dump->notes, "none of its 3 entries makes sense"));
}

// The loader of the time may keep a pointer where the time stamp is looked for [I].
TEST(KernelTriage32, APointerIsNoTimeStamp) {
  auto d = xp();
  d.drivers[1].timestamp = 0xE1234560;
  Bytes bytes = write_triage32(d);
  EXPECT_EQ(open_bytes(bytes)->kernel->triage->drivers[1].timestamp, 0u);
  d.build = 10240; // images are stamped with hashes since
  bytes = write_triage32(d);
  EXPECT_EQ(open_bytes(bytes)->kernel->triage->drivers[1].timestamp, 0xE1234560u);
}

// Windows 2000 had fewer fields: what stands behind them belongs to the first part.
TEST(KernelTriage32, AnOlderAndShorterHeader) {
  Bytes bytes = write_triage32(xp());
  // The unloaded list moved to where later systems have the debugger data's offset.
  put32(bytes, 0x1014, 0);
  put32(bytes, 0x1018, 0x1058);
  for (std::size_t at = 0x1058; at < 0x1068; at += 4) put32(bytes, at, 0);
  put32(bytes, 0x1060, 0x00000FFF); // would be DataBlocksOffset
  put32(bytes, 0x1064, 0x7FFFFFFF);
  auto dump = open_bytes(bytes);
  EXPECT_TRUE(dump->kernel->triage->data_blocks.empty());
  EXPECT_FALSE(has_note(dump->notes, "data blocks"));
  EXPECT_EQ(dump->kernel->triage->drivers.size(), 3u);
}

TEST(KernelTriage32, AStackBeyondTheAddressSpaceIsNotLaidOut) {
  auto d = xp();
  d.stack_start = 0xFFFFF000;
  Bytes bytes = write_triage32(d);
  auto dump = open_bytes(bytes);
  EXPECT_TRUE(dump->kernel->triage->stack.empty());
  EXPECT_TRUE(has_note(dump->notes, "beyond the end of the address space"));
}

TEST(KernelTriage32, LyingFieldsCostTheirPartOnly) {
  const Bytes good = write_triage32(xp());
  for (std::uint32_t field = 0x1000; field < 0x1068; field += 4)
    for (std::uint32_t lie :
         {0xFFFFFFFFu, 0x7FFFFFF0u, static_cast<std::uint32_t>(good.size()), 1u}) {
      Bytes bytes = good;
      put32(bytes, field, lie);
      auto dump = open_bytes(bytes);
      ASSERT_TRUE(dump) << field;
      EXPECT_EQ(dump->kernel->header.bugcheck_code, 0x1000008Eu);
      ASSERT_TRUE(dump->kernel->triage);
    }
}

TEST(KernelTriage32, CutAnywhere) {
  const Bytes bytes = write_triage32(xp());
  for (std::size_t length = 0; length < bytes.size(); length += length < 0x1100 ? 1 : 61) {
    auto dump = open_bytes(ByteView(bytes.data(), length));
    ASSERT_EQ(dump.has_value(), length >= 0x3C) << length;
    if (!dump) continue;
    ASSERT_FALSE(dump->complete) << length;
    ASSERT_FALSE(dump->notes.empty()) << length;
  }
}

// Itanium [S]: the backing store's three fields; 64 bits only.
TEST(KernelTriage32, ItaniumHasABackingStoreInThe64BitForm) {
  auto d = two_cpus();
  d.machine = 0x200;
  d.build = 3790;
  d.backing_store = Bytes(0x300, 0x42);
  d.backing_store_limit = 0xE00001608A6F4000;
  Bytes bytes = synth::write_triage64(d);
  auto dump = open_bytes(bytes);
  const Triage& triage = *dump->kernel->triage;
  EXPECT_EQ(dump->machine, arch::Machine::ia64);
  EXPECT_EQ(triage.backing_store.size(), 0x300u);             // +50, +54
  EXPECT_EQ(triage.backing_store_limit, 0xE00001608A6F4000u); // +58
  EXPECT_EQ(triage.backing_store.u8(0), 0x42u);
  d.machine = 0x8664; // no part of other machines
  bytes = synth::write_triage64(d);
  EXPECT_TRUE(open_bytes(bytes)->kernel->triage->backing_store.empty());
}

} // namespace
} // namespace dumptriage::dump
