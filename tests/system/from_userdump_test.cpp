// A snapshot from an NT 4 user dump: the minidump's records, under the names of this format.
#include <gtest/gtest.h>

#include "synth/minidump_writer.h"
#include "synth/userdump_writer.h"
#include "system/snapshot.h"

namespace dumptriage::system {
namespace {

using namespace synth;

UserDump crash() {
  UserDump d;
  std::array<std::uint32_t, 8> registers{};
  registers[4] = 0x12FF00; // esp
  d.threads = {{.id = 5, .context = context_x86(0x77F01020, registers)},
               {.id = 6, .teb = 0x7FFDD000, .context = context_x86(0x401010, registers)}};
  d.modules = {{0x400000, 0x20000, "C:\\apps\\Sales.exe"}, {0x77F00000, 0x5E000, "ntdll.dll"}};
  Bytes teb(0x1000);
  put32(teb, 4, 0x130000); // StackBase
  put32(teb, 8, 0x12E000); // StackLimit
  d.regions = {{.base = 0x12F000, .size = 0x1000},
               {.base = 0x7FFDD000, .size = 0x1000, .bytes = teb}};
  d.event = UdEvent{.process = 0x99, .thread = 6, .address = 0x401010, .parameters = {0, 0x10}};
  return d;
}

Result<dump::Dump> open(const Bytes& bytes) {
  return dump::open(MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "user.dmp"));
}

TEST(FromUserDump, TheExceptionsThreadComesFirst) {
  Bytes bytes = write_userdump(crash());
  auto opened = open(bytes);
  ASSERT_TRUE(opened);
  Snapshot s = take_snapshot(*opened);
  EXPECT_TRUE(s.notes.empty());
  EXPECT_EQ(s.os.name, "Windows NT 4.0 (build 1381), x86");
  EXPECT_EQ(s.os.family, "nt4");
  EXPECT_EQ(s.crash_time, "");
  EXPECT_EQ(s.stop.kind, StopKind::exception);
  EXPECT_EQ(s.stop.code, 0xC0000005u);
  EXPECT_EQ(s.stop.exception_from, "debug event");
  EXPECT_EQ(s.stop.fault_context_from, "thread list");
  ASSERT_EQ(s.threads.size(), 2u);
  EXPECT_EQ(s.threads[0].id, "6");
  EXPECT_TRUE(s.threads[0].crashed);
  EXPECT_EQ(s.threads[0].context_from, "thread list");
  EXPECT_EQ(s.threads[0].stack_low, 0x12E000u);
  EXPECT_EQ(s.threads[0].stack_high, 0x130000u);
  ASSERT_EQ(s.processes.size(), 1u);
  EXPECT_EQ(s.processes[0].id, 0x99u);
  EXPECT_EQ(s.processes[0].name, "Sales.exe");
}

TEST(FromUserDump, AnUnknownVersionIsNoWindowsByNumber) {
  UserDump d = crash();
  d.minor = 0;
  Bytes bytes = write_userdump(d);
  auto opened = open(bytes);
  ASSERT_TRUE(opened);
  Snapshot s = take_snapshot(*opened);
  EXPECT_EQ(s.os.name, "Windows NT");
  EXPECT_EQ(s.os.family, "");
  EXPECT_EQ(s.os.build, 0u);
}

} // namespace
} // namespace dumptriage::system
