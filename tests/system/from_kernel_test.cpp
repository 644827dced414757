#include <filesystem>

#include <gtest/gtest.h>

#include "dump/kernel_samples.h"
#include "system/snapshot.h"

namespace dumptriage::system {
namespace {

using namespace tests;
using synth::Bytes;
using synth::put32;
using synth::put64;

constexpr int kRip = 16, kRsp = 4; // x64 register numbers

// The bytes must outlive the snapshot.
Snapshot snapshot_of(const Bytes& bytes) {
  auto dump = open_bytes(bytes);
  EXPECT_TRUE(dump);
  return take_snapshot(*dump);
}

TEST(FromKernel, TheStopTellsTheIrqlOfItsCpu) {
  for (auto [second, irql] :
       {std::pair{2, std::optional<std::uint32_t>(2)}, {0x1000, std::optional<std::uint32_t>()}}) {
    auto d = two_cpus();
    d.bugcheck_code = 0xD1;
    d.bugcheck_parameters[1] = second;
    Bytes bytes = synth::write_triage64(d);
    Snapshot s = snapshot_of(bytes);
    ASSERT_EQ(s.cpus.size(), 2u);
    EXPECT_EQ(s.cpus[0].irql, irql);
    EXPECT_EQ(s.cpus[1].irql, std::nullopt);
  }
}

TEST(FromKernel, WhoWhenAndWhere) {
  Bytes bytes = synth::write_triage64(two_cpus());
  Snapshot s = snapshot_of(bytes);
  EXPECT_TRUE(s.kernel);
  EXPECT_EQ(s.os.family, "win10");
  EXPECT_EQ(s.os.build, 19041u);
  EXPECT_EQ(s.os.edition, "workstation");
  EXPECT_EQ(s.os.build_lab, "19041.1.amd64fre.vb_release.191206-1406");
  EXPECT_EQ(s.os.processors, 2u);
  EXPECT_EQ(s.crash_time, "2021-02-21T01:38:22Z");
  EXPECT_EQ(s.uptime_seconds, 3u);
  EXPECT_EQ(s.modules.size(), 2u);
  EXPECT_TRUE(s.modules_complete);
  EXPECT_EQ(s.unloaded_modules.size(), 2u);
  ASSERT_EQ(s.processes.size(), 1u);
  EXPECT_EQ(s.processes[0].id, 4u);
  EXPECT_EQ(s.processes[0].name, "System");
  EXPECT_EQ(s.processes[0].object, kProcess);
}

TEST(FromKernel, OneThreadPerCpuTheCrashedOneFirst) {
  Bytes bytes = synth::write_triage64(two_cpus());
  Snapshot s = snapshot_of(bytes);
  ASSERT_EQ(s.threads.size(), 2u);
  EXPECT_TRUE(s.threads[0].crashed);
  EXPECT_EQ(s.threads[0].id, "264");
  EXPECT_EQ(s.threads[0].process, "System");
  EXPECT_EQ(s.threads[0].cpu, 0u);
  EXPECT_EQ(s.threads[0].object, kThread0);
  EXPECT_EQ(s.threads[0].stack_low, kStackBase0 - 0x6000);
  EXPECT_EQ(s.threads[0].stack_high, kStackBase0);
  EXPECT_EQ(s.threads[0].context->get(kRsp), kStackSp0);
  EXPECT_EQ(s.threads[0].state, "running");
  EXPECT_FALSE(s.threads[1].crashed);
  EXPECT_EQ(s.threads[1].id, "cpu 1");
  EXPECT_EQ(s.threads[1].name, "idle");
  EXPECT_EQ(s.threads[1].stack_low, kStackSp1);
  EXPECT_EQ(s.threads[1].stack_high, kStackBase1);
  ASSERT_EQ(s.cpus.size(), 2u);
  EXPECT_TRUE(s.cpus[0].crashed);
  EXPECT_FALSE(s.cpus[1].crashed);
  EXPECT_EQ(s.cpus[0].irql, std::nullopt); // only 0xA and 0xD1 tell the IRQL of the fault
}

TEST(FromKernel, TheFaultComesFromTheParametersNotFromTheHeader) {
  Bytes bytes = synth::write_triage64(two_cpus());
  Snapshot s = snapshot_of(bytes);
  EXPECT_EQ(s.stop.kind, StopKind::bugcheck);
  EXPECT_EQ(s.stop.code, 0x1000007Eu);
  ASSERT_EQ(s.stop.parameters.size(), 4u);
  ASSERT_TRUE(s.stop.exception);
  EXPECT_EQ(s.stop.exception->code, 0xC0000005u);
  EXPECT_EQ(s.stop.exception->address, kFaultIp);
  EXPECT_EQ(s.stop.exception->parameters, (std::vector<std::uint64_t>{1, 0x40}));
  EXPECT_EQ(s.stop.exception_from, "bugcheck parameter 3");
  ASSERT_TRUE(s.stop.fault_context);
  EXPECT_EQ(s.stop.fault_context->get(kRip), kFaultIp);
  EXPECT_EQ(s.stop.fault_context->get(kRsp), kFaultSp);
  EXPECT_EQ(s.stop.fault_context_from, "bugcheck parameter 4");
}

TEST(FromKernel, WithoutTheRecordsTheHeadersContextServesWhenItFits) {
  auto d = two_cpus();
  d.bugcheck_parameters[2] = 0xFFFFB20000100000; // not captured
  d.bugcheck_parameters[3] = 0xFFFFB20000100200;
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  ASSERT_TRUE(s.stop.fault_context);
  EXPECT_EQ(s.stop.fault_context->get(kRip), kFaultIp);
  EXPECT_TRUE(s.stop.fault_context_from.starts_with("header"));
  ASSERT_TRUE(s.stop.exception); // code and address stand among the parameters
  EXPECT_EQ(s.stop.exception->code, 0xC0000005u);
  EXPECT_EQ(s.stop.exception->address, kFaultIp);
  EXPECT_EQ(s.stop.exception_from, "bugcheck parameters");
  EXPECT_TRUE(has_note(s.notes, "exception record: not captured"));

  d.context = context_bytes(kKernelBase + 0x3000, kStackSp0); // KeBugCheckEx's own
  bytes = synth::write_triage64(d);
  EXPECT_FALSE(snapshot_of(bytes).stop.fault_context);
}

TEST(FromKernel, RecordsThatDoNotFitAreNotUsed) {
  auto d = two_cpus();
  d.context = context_bytes(kKernelBase + 0x3000, kStackSp0);
  synth::put_bytes(d.stack, kRecord - kStackSp0,
                   synth::exception_record(0xC0000005, 0, kFaultIp + 0x1000, {}));
  synth::put_bytes(d.stack, kFaultContext - kStackSp0, context_bytes(kFaultIp + 0x2000, kFaultSp));
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  EXPECT_FALSE(s.stop.fault_context);
  EXPECT_EQ(s.stop.exception_from, "bugcheck parameters");
  EXPECT_TRUE(has_note(s.notes, "does not fit the other parameters"));
}

// 0x24 passes record and CONTEXT in its second and third parameter, and no code address that helps:
// then the two must agree with each other.
TEST(FromKernel, ARecordAndAContextThatAgreeAreEnough) {
  auto d = two_cpus();
  d.bugcheck_code = 0x24;
  d.bugcheck_parameters = {0x190444, kRecord, kFaultContext, 0};
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  ASSERT_TRUE(s.stop.exception);
  EXPECT_EQ(s.stop.exception_from, "bugcheck parameter 2");
  ASSERT_TRUE(s.stop.fault_context);
  EXPECT_EQ(s.stop.fault_context_from, "bugcheck parameter 3");
}

TEST(FromKernel, StopsWithoutRecordsHaveNoFaultContext) {
  auto d = two_cpus();
  d.bugcheck_code = 0xD1;
  d.bugcheck_parameters = {0x28, 2, 0, kFaultIp};
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  EXPECT_EQ(s.stop.kind, StopKind::bugcheck);
  EXPECT_FALSE(s.stop.exception);
  EXPECT_FALSE(s.stop.fault_context);

  d.bugcheck_code = 0x1E;
  d.bugcheck_parameters = {0xFFFFFFFFC0000005, kFaultIp, 0, 0x28};
  bytes = synth::write_triage64(d);
  s = snapshot_of(bytes);
  ASSERT_TRUE(s.stop.exception);
  EXPECT_EQ(s.stop.exception->parameters, (std::vector<std::uint64_t>{0, 0x28}));
  EXPECT_FALSE(s.stop.fault_context);
}

TEST(FromKernel, IdsThatDisagreeAreNotTold) {
  auto d = two_cpus();
  d.process = synth::eprocess(synth::offsets_win10_19041(), {.name = "other.exe", .id = 1234});
  synth::put8(d.process, 0, 3);
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  EXPECT_TRUE(s.processes.empty());
  EXPECT_EQ(s.threads[0].id, "cpu 0");
  EXPECT_EQ(s.threads[0].process, "");
  EXPECT_TRUE(has_note(s.notes, "cannot be told"));
}

TEST(FromKernel, ServicePackIsProvedByTwoPlacesOnly) {
  auto d = two_cpus();
  d.build = 3790;
  d.product_type = 3;
  d.service_pack_build = 0x200;
  d.debugger_data = synth::kdbg(synth::offsets_ws2003sp2(), d.kd_debugger_data_block,
                                {{synth::kKdbgCmNtCSDVersion, kCsdVersion}});
  Bytes bytes = synth::write_triage64(d);
  Snapshot s = snapshot_of(bytes);
  EXPECT_EQ(s.os.service_pack, 2u);
  EXPECT_FALSE(s.os.service_pack_proved);
  EXPECT_EQ(s.os.service_pack_from, "triage header");

  Bytes version(8);
  put32(version, 0, 0x200);
  d.blocks.push_back({kCsdVersion, version});
  bytes = synth::write_triage64(d);
  s = snapshot_of(bytes);
  EXPECT_EQ(s.os.service_pack, 2u);
  EXPECT_TRUE(s.os.service_pack_proved);

  put32(d.blocks.back().bytes, 0, 0x100); // they disagree: nothing is told
  bytes = synth::write_triage64(d);
  EXPECT_EQ(snapshot_of(bytes).os.service_pack, std::nullopt);

  d.blocks.pop_back();
  d.service_pack_build = 0x201; // no service pack looks so
  bytes = synth::write_triage64(d);
  EXPECT_EQ(snapshot_of(bytes).os.service_pack, std::nullopt);
}

TEST(FromKernel, AnOverflowedListIsNotComplete) {
  auto d = two_cpus();
  d.triage_options = 0x100;
  Bytes bytes = synth::write_triage64(d);
  EXPECT_FALSE(snapshot_of(bytes).modules_complete);
}

TEST(FromKernel, HeaderOnlyDumpsStillNameTheStop) {
  Bytes bytes = synth::write_triage64(two_cpus());
  auto dump = open_bytes(ByteView(bytes.data(), 0x2000));
  ASSERT_TRUE(dump);
  Snapshot s = take_snapshot(*dump);
  EXPECT_EQ(s.stop.code, 0x1000007Eu);
  EXPECT_EQ(s.stop.fault_context->get(kRip), kFaultIp); // the header's, it fits
  EXPECT_FALSE(s.modules_complete);
  ASSERT_EQ(s.threads.size(), 1u);
  EXPECT_EQ(s.threads[0].context_from, "header");
}

TEST(FromKernel, ALiveDumpDidNotStop) {
  auto d = two_cpus();
  d.bugcheck_code = 0x161;
  d.attributes = 0x10;
  Bytes bytes = synth::write_triage64(d);
  EXPECT_EQ(snapshot_of(bytes).stop.kind, StopKind::none);
  d.bugcheck_code = 0x141; // a report about a driver: the code says which
  bytes = synth::write_triage64(d);
  EXPECT_EQ(snapshot_of(bytes).stop.kind, StopKind::bugcheck);
}

TEST(FromKernel, CutAnywhereASnapshotIsTaken) {
  const Bytes bytes = synth::write_triage64(two_cpus());
  for (std::size_t length = 0x60; length < bytes.size(); length += 509) {
    auto dump = open_bytes(ByteView(bytes.data(), length));
    ASSERT_TRUE(dump) << length;
    Snapshot s = take_snapshot(*dump);
    ASSERT_TRUE(s.memory);
    ASSERT_EQ(s.stop.code, 0x1000007Eu);
    ASSERT_TRUE(!s.stop.exception || s.stop.exception->address == kFaultIp) << length;
  }
}

struct Real {
  const char* path;
  const char *family, *build_lab, *crash_time, *thread_id;
  std::uint64_t uptime, stack_low, stack_high;
  std::size_t cpus;
};
const Real kReal[] = {
    {"triage_x64.dmp", "win10", "19041.1.amd64fre.vb_release.191206-1406", "2021-02-21T01:38:22Z",
     "264", 3, 0xFFFF85042988D000, 0xFFFF850429893000, 16},
    {"triage_arm64.dmp", "win11", "22000.1.arm64fre.co_release.210604-1628", "2021-09-14T02:51:58Z",
     "32", 796, 0xFFFFE00E0E4B5000, 0xFFFFE00E0E4BD000, 8},
};

TEST(FromKernel, RealTriageDumps) {
  const std::string folder =
      std::string(DUMPTRIAGE_SHARED_DIR) + "/corpus/kernel/rizinorg+rizin-testbins/dmp/";
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << "skipped: the folder of real dumps is not here";
  for (const Real& real : kReal) {
    auto dump = dump::open(folder + real.path);
    ASSERT_TRUE(dump);
    Snapshot s = take_snapshot(*dump);
    EXPECT_TRUE(s.notes.empty());
    EXPECT_EQ(s.os.family, real.family);
    EXPECT_EQ(s.os.build_lab, real.build_lab);
    EXPECT_EQ(s.crash_time, real.crash_time);
    EXPECT_EQ(s.uptime_seconds, real.uptime);
    EXPECT_EQ(s.cpus.size(), real.cpus);
    ASSERT_EQ(s.threads.size(), real.cpus);
    EXPECT_EQ(s.threads[0].id, real.thread_id);
    EXPECT_EQ(s.threads[0].process, "System");
    EXPECT_EQ(s.threads[0].stack_low, real.stack_low);
    EXPECT_EQ(s.threads[0].stack_high, real.stack_high);
    ASSERT_EQ(s.processes.size(), 1u);
    EXPECT_EQ(s.processes[0].id, 4u);
    for (const ThreadState& thread : s.threads) EXPECT_TRUE(thread.context) << thread.id;
  }
  auto dump = dump::open(folder + "triage_x64.dmp");
  Snapshot s = take_snapshot(*dump);
  ASSERT_TRUE(s.stop.exception);
  EXPECT_EQ(s.stop.exception->code, 0xC0000005u);
  EXPECT_EQ(s.stop.exception->address, 0xFFFFF8048B58334Cu);
  ASSERT_TRUE(s.stop.fault_context);
  EXPECT_EQ(s.stop.fault_context->get(kRip), 0xFFFFF8048B58334Cu);
  EXPECT_EQ(s.stop.fault_context->get(kRsp), 0xFFFF850429892120u);
  EXPECT_EQ(s.stop.fault_context_from, "bugcheck parameter 4");
}

} // namespace
} // namespace dumptriage::system
