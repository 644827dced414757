// Facts of the machine's objects, from snapshots laid down by hand.
#include "evidence/driver_classes.h"
#include "object_scene.h"

namespace {

using namespace dumptriage;
using namespace scene;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ObjectFacts, Parameters) {
  Kernel k;
  k.bugcheck(0x1E, {0xC0000005, kSfmsrv + 0x147A, 0, 0x65726854}); // "Thre" in memory order
  FactSet set = k.facts();
  const auto rows = set.of_kind("parameter");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0]->id, "parameter:1");
  EXPECT_EQ(text(*rows[0], "status"), "STATUS_ACCESS_VIOLATION");
  EXPECT_EQ(text(*rows[0], "role"), "exception");
  EXPECT_EQ(rows[1]->number("rva"), 0x147Au);
  EXPECT_EQ(rows[1]->number("page_offset"), 0x47Au);
  EXPECT_EQ(text(*rows[1], "module"), "sfmsrv.sys");
  EXPECT_EQ(rows[1]->number("value"), kSfmsrv + 0x147A);
  EXPECT_EQ(text(*rows[2], "module"), "(none)");
  EXPECT_EQ(text(*rows[3], "text"), "Thre");
  EXPECT_EQ(coverage(set, "parameter").extent, Extent::complete);
}

// Of another exception than an access violation the last two parameters have no roles.
TEST(ObjectFacts, ParametersWithoutTheirUsualMeaning) {
  Kernel k;
  k.bugcheck(0x1E, {0x80000003, kNt + 0x10, 7, 9});
  const FactSet set = k.facts();
  const auto rows = set.of_kind("parameter");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(text(*rows[1], "role"), "ip");
  EXPECT_EQ(text(*rows[2], "role"), "(none)");
  EXPECT_EQ(text(*rows[3], "role"), "(none)");
}

TEST(ObjectFacts, WithoutAStopParametersAreNotKnown) {
  Kernel k;
  EXPECT_EQ(coverage(k.facts(), "parameter").extent, Extent::none);
  Scene program(arch::Machine::x64, false);
  EXPECT_EQ(coverage(evidence::extract(program.input()), "parameter").extent, Extent::complete);
}

TEST(ObjectFacts, ProcessesAndTheirThreads) {
  Kernel k;
  k.snapshot.processes = {
      {.id = 8, .object = 0x8A100000, .name = "System"},
      {.id = 420, .object = 0x8A100800, .name = "Winlogon.exe", .session = 1, .exited = false}};
  system::ThreadState& thread = k.crashed("424", 0);
  thread.object = kThread;
  thread.process = "Winlogon.exe";
  thread.process_object = 0x8A100800;
  thread.process_id = 420;
  thread.state = "waiting";
  thread.wait = "WrResource";
  thread.wait_seconds = 90;
  FactSet set = k.facts();
  const auto rows = set.of_kind("process");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(text(*rows[1], "name"), "winlogon.exe");
  EXPECT_EQ(text(*rows[1], "process"), "420");
  EXPECT_EQ(rows[1]->number("session"), 1u);
  EXPECT_TRUE(rows[1]->flag("crashed"));
  EXPECT_FALSE(rows[0]->flag("crashed"));
  EXPECT_FALSE(rows[0]->number("session"));
  EXPECT_EQ(coverage(set, "process").extent, Extent::partial);
  const Fact& row = only(set, "thread");
  EXPECT_EQ(text(row, "process"), "420");
  EXPECT_EQ(row.number("process_id"), 420u);
  EXPECT_EQ(row.number("session"), 1u);
  EXPECT_EQ(text(row, "process_name"), "winlogon.exe");
  EXPECT_EQ(text(row, "wait_reason"), "WrResource");
  EXPECT_EQ(row.number("wait_s"), 90u);
  EXPECT_EQ(row.number("object"), kThread);
  EXPECT_THAT(row.refs, ElementsAre("cpu:0", "process:420"));
  k.snapshot.processes_complete = true;
  EXPECT_EQ(coverage(k.facts(), "process").extent, Extent::complete);
}

TEST(ObjectFacts, ThreadsAreCompleteOnlyWhenAllAreWalkedToTheirEnd) {
  const auto extent = [](bool list_complete, bool whole, std::uint8_t second_state) {
    Kernel k;
    k.snapshot.threads_complete = list_complete;
    k.crashed("8", 0);
    k.stack({{kSfmsrv + 0x1234, "A"}}, SIZE_MAX, whole);
    k.crashed("12").crashed = false;
    k.snapshot.threads.back().state_number = second_state;
    return coverage(k.facts(), "thread").extent;
  };
  constexpr std::uint8_t kTerminated = 4, kWaiting = 5;
  EXPECT_EQ(extent(true, true, kTerminated), Extent::complete);
  EXPECT_EQ(extent(false, true, kTerminated), Extent::partial);
  EXPECT_EQ(extent(true, false, kTerminated), Extent::partial);
  EXPECT_EQ(extent(true, true, kWaiting), Extent::partial);
}

TEST(ObjectFacts, WhichKernelAndWhatItsNameProves) {
  const auto os = [](const char* path, const char* pdb, std::uint32_t cpus) {
    Kernel k;
    k.snapshot.modules[0].path = path;
    k.snapshot.modules[0].debug.file = pdb;
    k.snapshot.os.processors = cpus;
    return only(k.facts(), "os");
  };
  Fact renamed = os("\\WINDOWS\\system32\\ntoskrnl.exe", "ntkrpamp.pdb", 1);
  EXPECT_EQ(text(renamed, "kernel_file"), "ntkrpamp.exe");
  EXPECT_TRUE(renamed.flag("pae"));
  EXPECT_TRUE(renamed.flag("multiprocessor_kernel"));
  Fact plain = os("\\WINDOWS\\system32\\ntoskrnl.exe", "", 1);
  EXPECT_EQ(text(plain, "kernel_file"), "ntoskrnl.exe");
  EXPECT_FALSE(plain.fields.contains("pae")); // the name may be another kernel's
  EXPECT_FALSE(plain.fields.contains("multiprocessor_kernel"));
  Fact two = os("\\WINDOWS\\system32\\ntoskrnl.exe", "", 2);
  EXPECT_TRUE(two.flag("multiprocessor_kernel"));
  Fact single = os("\\WINDOWS\\system32\\ntoskrnl.exe", "ntoskrnl.pdb", 1);
  ASSERT_TRUE(single.fields.contains("multiprocessor_kernel"));
  EXPECT_FALSE(single.flag("multiprocessor_kernel"));
  EXPECT_FALSE(single.flag("pae"));
}

TEST(ObjectFacts, WhatTheHeaderSaysOfPaeStands) {
  Kernel k;
  k.snapshot.os.pae = false;
  k.snapshot.modules[0].debug.file = "ntoskrnl.pdb";
  const Fact os = only(k.facts(), "os");
  ASSERT_TRUE(os.fields.contains("pae"));
  EXPECT_FALSE(os.flag("pae"));
}

TEST(ObjectFacts, ForcedDumps) {
  const auto forced = [](std::uint32_t code, bool live) {
    Kernel k;
    if (code != 0) k.bugcheck(code, {0, 0, 0, 0});
    k.snapshot.stop.live = live;
    return text(only(k.facts(), "stop"), "forced");
  };
  EXPECT_EQ(forced(0xE2, false), "manual");
  EXPECT_EQ(forced(0xDEADDEAD, false), "manual");
  EXPECT_EQ(forced(0, true), "live");
  EXPECT_EQ(forced(0xA, false), "(none)");
  EXPECT_EQ(forced(0, false), "(none)");
}

TEST(ObjectFacts, ClassesOfWellKnownDriversOnly) {
  Kernel k;
  k.module("\\SystemRoot\\System32\\Drivers\\SAVRT.SYS", 0xF2000000);
  k.module("\\SystemRoot\\System32\\Drivers\\volsnap.sys", 0xF3000000);
  const FactSet set = k.facts();
  const auto rows = set.of_kind("module");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(text(*rows[2], "class"), "antivirus");
  EXPECT_EQ(text(*rows[2], "company"), "Symantec");
  EXPECT_TRUE(rows[2]->flag("third_party"));
  EXPECT_EQ(text(*rows[3], "class"), "storage");
  EXPECT_FALSE(rows[3]->fields.contains("third_party"));
  EXPECT_EQ(text(*rows[0], "class"), "(none)");
  EXPECT_GE(evidence::driver_classes().size(), 150u);
  EXPECT_FALSE(evidence::find_driver_class("\\x\\savrt.sys.bak"));
}

system::PoolFinding pool_page(std::uint64_t asked, const char* from, const char* state) {
  system::PoolFinding finding;
  finding.asked = asked;
  finding.from = from;
  finding.page = asked & ~0xFFFull;
  finding.trust = "read";
  finding.blocks = {{finding.page, 0x40, "Sfm1", 3, "allocated", "nonpaged", false},
                    {finding.page + 0x40, 0xFC0, "Irp ", 0, state, "", true}};
  return finding;
}

TEST(ObjectFacts, TouchedBlocksOfSoundPages) {
  constexpr std::uint64_t kBlock = 0x8A300048;
  Kernel k;
  // mov eax, dword ptr [ecx + 8]: the address itself lies in memory that nothing tells of.
  k.bytes(kSfmsrv + 0x1000, {0x8B, 0x41, 0x08});
  auto registers = k.registers(kSfmsrv + 0x1000, 0xF8001000);
  registers.set(1, kBlock);
  k.context(registers);
  k.crashed("8", 0);
  k.bugcheck(0xD1, {kBlock + 8, 2, 0, kSfmsrv + 0x1000});
  k.snapshot.touched = {pool_page(kBlock + 8, "address", "free"), pool_page(kBlock, "ecx", "free")};
  FactSet set = k.facts();
  const auto rows = set.of_kind("touched_block");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(text(*rows[1], "of"), "ecx");
  EXPECT_EQ(rows[1]->number("pointer"), kBlock);
  EXPECT_EQ(rows[1]->number("block"), 0x8A300040u);
  EXPECT_EQ(text(*rows[1], "tag"), "Irp ");
  EXPECT_EQ(text(*rows[1], "state"), "free");
  EXPECT_EQ(coverage(set, "touched_block").extent, Extent::complete);
  // A page that breaks proves nothing.
  k.snapshot.touched[1].inconsistent_at = 0x8A300100;
  set = k.facts();
  EXPECT_EQ(set.of_kind("touched_block").size(), 1u);
  EXPECT_EQ(coverage(set, "touched_block").extent, Extent::partial);
  EXPECT_THAT(coverage(set, "touched_block").missing, HasSubstr("ecx"));
}

TEST(ObjectFacts, PoolBlocksOfTheStop) {
  Kernel k;
  k.bugcheck(0x19, {0x20, 0x8A300048, 0x8A301000, 0x0A080002});
  k.snapshot.pool = {pool_page(0x8A300048, "bugcheck parameter 2", "allocated")};
  k.snapshot.pool[0].inconsistent_at = 0x8A300FC0;
  k.snapshot.pool[0].diagnosis = "a block size of 0";
  k.snapshot.touched = {pool_page(0x8A301048, "bugcheck parameter 3", "free")};
  FactSet set = k.facts();
  const auto rows = set.of_kind("pool_block");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(text(*rows[0], "asked_by"), "p2");
  EXPECT_TRUE(rows[0]->flag("damaged"));
  EXPECT_EQ(text(*rows[0], "diagnosis"), "a block size of 0");
  EXPECT_EQ(rows[0]->number("size"), 0xFC0u);
  EXPECT_EQ(text(*rows[1], "asked_by"), "p3");
  EXPECT_FALSE(rows[1]->flag("damaged"));
  EXPECT_TRUE(set.of_kind("touched_block").empty());
  EXPECT_EQ(coverage(set, "pool_block").extent, Extent::partial); // p2's page does not fit
}

TEST(ObjectFacts, IrpsWithDriversByAddress) {
  Kernel k;
  system::Irp irp;
  irp.address = 0x8A400000;
  irp.from = "bugcheck parameter 1";
  irp.thread_id = "424";
  irp.stack_count = 2;
  irp.current_location = 4;
  irp.completed = true;
  irp.trust = "read";
  system::IrpLocation location;
  location.number = 2;
  location.major = 3;
  location.driver = "\\FileSystem\\sfmsrv";
  location.completion_routine = kSfmsrv + 0x2345;
  irp.locations = {location};
  k.snapshot.irps = {irp, irp};
  k.snapshot.irps[1].address = 0x8A400100;
  k.snapshot.irp_states = {{true, true, "twice on a list"}};
  FactSet set = k.facts();
  const auto irps = set.of_kind("irp"), locations = set.of_kind("irp_location");
  ASSERT_EQ(irps.size(), 2u);
  EXPECT_TRUE(irps[0]->flag("freed"));
  EXPECT_TRUE(irps[0]->flag("twice"));
  EXPECT_TRUE(irps[0]->flag("of_stop"));
  EXPECT_TRUE(irps[0]->flag("completed"));
  EXPECT_EQ(text(*irps[0], "freed_where"), "twice on a list");
  EXPECT_FALSE(irps[1]->fields.contains("freed")); // nobody looked
  ASSERT_EQ(locations.size(), 2u);
  EXPECT_EQ(text(*locations[0], "completion_module"), "sfmsrv.sys");
  EXPECT_EQ(locations[0]->number("completion_rva"), 0x2345u);
  EXPECT_EQ(text(*locations[0], "driver_module"), "(none)"); // a name is no proof
  EXPECT_THAT(locations[0]->refs, testing::Contains("irp:8A400000"));
  EXPECT_EQ(coverage(set, "irp").extent, Extent::partial);
  k.snapshot.irps[0].locations[0].driver_start = kSfmsrv;
  EXPECT_EQ(text(*k.facts().of_kind("irp_location")[0], "driver_module"), "sfmsrv.sys");
}

TEST(ObjectFacts, StatesOfIrpsAreDeniedOnlyOverCompleteLists) {
  Kernel k;
  k.snapshot.irps.resize(1);
  k.snapshot.irp_states.resize(1);
  EXPECT_FALSE(only(k.facts(), "irp").fields.contains("freed"));
  k.snapshot.free_lists.complete = true;
  const Fact irp = only(k.facts(), "irp");
  ASSERT_TRUE(irp.fields.contains("freed"));
  EXPECT_FALSE(irp.flag("freed"));
}

TEST(ObjectFacts, Corruptions) {
  Kernel k;
  EXPECT_EQ(coverage(k.facts(), "corruption").extent, Extent::none);
  k.snapshot.free_lists.damage = {
      {"irp_lookaside", "doubled", 0x80480000, 0x8A400000, "Irp ", "IRP", "self_checked", ""}};
  k.snapshot.free_lists.seen = 3;
  FactSet set = k.facts();
  const Fact& row = only(set, "corruption");
  EXPECT_EQ(text(row, "what"), "irp_lookaside");
  EXPECT_EQ(text(row, "how"), "doubled");
  EXPECT_EQ(text(row, "block_type"), "IRP");
  EXPECT_EQ(row.number("entry"), 0x8A400000u);
  EXPECT_EQ(row.trust, "self_checked");
  EXPECT_EQ(coverage(set, "corruption").extent, Extent::partial);
  k.snapshot.free_lists.complete = true;
  EXPECT_EQ(coverage(k.facts(), "corruption").extent, Extent::complete);
}

TEST(ObjectFacts, PoolUsageAndWhatASessionLeft) {
  Kernel k;
  k.snapshot.pool_usage.tags = {{"TMRL", "nonpaged", 4000000, 1000, 62},
                                {"Ussy", "session", 128, 2, 0}};
  k.snapshot.pool_usage.from = "PoolTrackTable";
  k.snapshot.pool_usage.complete = true;
  k.bugcheck(0xA, {0, 2, 0, kNt});
  FactSet set = k.facts();
  const Fact& row = only(set, "pool_usage");
  EXPECT_EQ(row.id, "pool_usage:nonpaged:TMRL");
  EXPECT_EQ(row.number("share"), 62u);
  EXPECT_EQ(text(row, "tracked_by"), "PoolTrackTable");
  EXPECT_TRUE(set.of_kind("session_leak").empty());
  EXPECT_EQ(coverage(set, "session_leak").extent, Extent::complete); // another stop
  k.bugcheck(0xAB, {1, 128, 0, 2});
  set = k.facts();
  EXPECT_EQ(text(only(set, "session_leak"), "tag"), "Ussy");
  EXPECT_EQ(only(set, "session_leak").number("blocks"), 2u);
  k.snapshot.pool_usage.tags.pop_back();
  EXPECT_EQ(coverage(k.facts(), "session_leak").extent, Extent::none); // not in this dump
}

void bytes_at(Scene& scene, std::uint64_t address, std::string_view text, bool wide) {
  std::vector<std::uint8_t> bytes;
  for (const char c : text) {
    bytes.push_back(static_cast<std::uint8_t>(c));
    if (wide) bytes.push_back(0);
  }
  bytes.insert(bytes.end(), {0, 0});
  scene.bytes(address, bytes);
}

TEST(ObjectFacts, StatusTextOfTheSystemsOwnProcesses) {
  Kernel k;
  k.bugcheck(0xC000021A, {0xE1001000, 0xC0000005, 0, 0});
  bytes_at(k, 0xE1001000, "Windows Logon Process", false);
  const FactSet set = k.facts();
  const Fact& row = only(set, "status_text");
  EXPECT_EQ(text(row, "text"), "Windows Logon Process");
  EXPECT_EQ(text(row, "image"), "winlogon.exe");
  EXPECT_EQ(row.number("status"), 0xC0000005u);
  EXPECT_EQ(coverage(set, "status_text").extent, Extent::complete);
}

TEST(ObjectFacts, StatusTextAsACountedString) {
  Kernel k;
  k.bugcheck(0xC0000221, {0xE1001000, 0, 0, 0});
  // UNICODE_STRING: Length 0x26, MaximumLength 0x28, Buffer.
  k.bytes(0xE1001000, {0x26, 0, 0x28, 0, 0x00, 0x20, 0x00, 0xE1});
  bytes_at(k, 0xE1002000, "\\System32\\NTDLL.dll", true);
  const Fact row = only(k.facts(), "status_text");
  EXPECT_EQ(text(row, "text"), "\\System32\\NTDLL.dll");
  EXPECT_EQ(text(row, "image"), "ntdll.dll");
  EXPECT_FALSE(row.fields.contains("status"));
}

TEST(ObjectFacts, StatusTextThatIsNotThere) {
  Kernel k;
  k.bugcheck(0xC000021A, {0xE1001000, 0xC0000005, 0, 0});
  FactSet set = k.facts();
  EXPECT_FALSE(only(set, "status_text").fields.contains("text"));
  EXPECT_EQ(coverage(set, "status_text").extent, Extent::partial);
  Kernel noise;
  noise.bugcheck(0xC0000221, {0xE1001000, 0, 0, 0});
  noise.bytes(0xE1001000, {0x90, 0x01, 0x02, 0xFF, 0x90, 0x90, 0x90, 0xC3, 0});
  set = noise.facts();
  EXPECT_TRUE(set.of_kind("status_text").empty());
  EXPECT_EQ(coverage(set, "status_text").extent, Extent::none);
}

TEST(ObjectFacts, NetworkPeers) {
  Kernel k;
  EXPECT_EQ(coverage(k.facts(), "network_peer").extent, Extent::none);
  system::Peer peer;
  peer.address = 0x0A000102;
  peer.port = 139;
  peer.mac = 0x000C29010203;
  peer.protocol = "NetBIOS session";
  peer.agreed = true;
  peer.hits.resize(2);
  peer.hits[0].at = 0x8A600000;
  peer.hits[0].found = "packet buffer";
  k.snapshot.peers.peers = {peer};
  k.snapshot.peers.looked = true;
  FactSet set = k.facts();
  const Fact& row = only(set, "network_peer");
  EXPECT_EQ(text(row, "address"), "10.0.1.2");
  EXPECT_EQ(text(row, "mac"), "00:0C:29:01:02:03");
  EXPECT_EQ(row.number("port"), 139u);
  EXPECT_EQ(row.number("hits"), 2u);
  EXPECT_EQ(row.number("at"), 0x8A600000u);
  EXPECT_EQ(text(row, "certainty"), "agreed");
  EXPECT_EQ(text(row, "found"), "packet buffer");
  EXPECT_EQ(coverage(set, "network_peer").extent, Extent::partial);
}

} // namespace
