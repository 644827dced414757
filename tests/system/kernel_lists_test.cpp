// What damage does to the snapshot of a machine: kernels that ran (tests/data/kernels), patched in
// place.
#include <algorithm>
#include <cstring>
#include <map>

#include <gtest/gtest.h>

#include "dump/kernel_samples.h"
#include "synth/full_dump.h"
#include "system/kernel_view.h"
#include "system/snapshot.h"

namespace dumptriage::system {
namespace {

using synth::Bytes;
using tests::has_note;

constexpr std::uint64_t kNowhere64 = 0xFFFFF90000000000;

// A full dump whose memory can be written at virtual addresses.
class Patched {
public:
  explicit Patched(const std::string& name) : bytes(whole(name)) {
    machine_ = synth::FullDump::open(bytes);
    EXPECT_TRUE(machine_);
  }
  std::uint64_t get(std::uint64_t address, std::size_t size) const {
    return machine_->number(address, size).value_or(0);
  }
  std::uint64_t pointer(std::uint64_t address) const { return get(address, width()); }
  void put(std::uint64_t address, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      auto at = machine_->physical(address + i);
      ASSERT_TRUE(at);
      const std::uint8_t* page = machine_->page(*at / 0x1000);
      ASSERT_TRUE(page);
      bytes[page - bytes.data() + *at % 0x1000] = static_cast<std::uint8_t>(value >> (8 * i));
    }
  }
  void put_pointer(std::uint64_t address, std::uint64_t value) { put(address, value, width()); }
  std::size_t width() const { return machine_->pointer_size(); }
  std::uint64_t modules() const { return width() == 8 ? header(0x20, 8) : header(0x18, 4); }
  std::uint64_t processes() const { return width() == 8 ? header(0x28, 8) : header(0x1C, 4); }
  std::uint64_t kdbg() const { return width() == 8 ? header(0x80, 8) : header(0x60, 4); }
  std::uint64_t header(std::size_t at, std::size_t size) const {
    return machine_->header(at, size);
  }

  Snapshot snapshot() const {
    auto dump = tests::open_bytes(bytes);
    EXPECT_TRUE(dump);
    return take_snapshot(*dump);
  }
  Bytes bytes;

private:
  static const Bytes& whole(const std::string& name) {
    static std::map<std::string, Bytes> files;
    Bytes& bytes = files[name];
    if (bytes.empty()) {
      auto dump = dump::open(DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels/" + name + ".dmp.xz");
      EXPECT_TRUE(dump);
      ByteView view = dump->file->bytes();
      bytes.resize(view.size());
      std::memcpy(bytes.data(), view.data(), view.size());
    }
    return bytes;
  }
  std::optional<synth::FullDump> machine_;
};

const char* const k2003 = "s03-x86-fault";
const char* const k7 = "w7-x64-deadlock";
const char* const k10 = "w10-x64-deadlock";

TEST(KernelLists, ACircleOfProcessesEnds) {
  Patched d(k7);
  std::uint64_t first = d.pointer(d.processes()), last = d.pointer(d.processes() + 8);
  d.put_pointer(last, first);
  Snapshot s = d.snapshot();
  EXPECT_EQ(s.processes.size(), 3u);
  EXPECT_FALSE(s.processes_complete);
  EXPECT_FALSE(s.threads_complete);
  EXPECT_TRUE(has_note(s.notes, "process list: the links run in a circle"));
}

TEST(KernelLists, ATornListIsReadFromItsOtherEndToo) {
  for (const char* name : {k2003, k7}) {
    Patched d(name);
    std::uint64_t first = d.pointer(d.processes());
    d.put_pointer(first, d.width() == 8 ? kNowhere64 : 0xEEEE0000);
    Snapshot s = d.snapshot();
    ASSERT_EQ(s.processes.size(), 3u) << name;
    EXPECT_EQ(s.processes[0].name, "System");
    EXPECT_EQ(s.processes[2].name, "macfile.exe");
    EXPECT_FALSE(s.processes_complete);
    EXPECT_TRUE(has_note(s.notes, "process list: the next link"));
  }
}

TEST(KernelLists, ALinkThatDoesNotPointBackIsSaid) {
  Patched d(k7);
  std::uint64_t second = d.pointer(d.pointer(d.processes()));
  d.put_pointer(second + 8, kNowhere64);
  Snapshot s = d.snapshot();
  EXPECT_EQ(s.processes.size(), 3u);
  EXPECT_FALSE(s.processes_complete);
  EXPECT_TRUE(has_note(s.notes, "process list: a link's Blink does not point back"));
}

TEST(KernelLists, ModulesThatCannotBeAreLeftOut) {
  for (const char* name : {k2003, k7}) {
    Patched d(name);
    const bool wide = d.width() == 8;
    std::uint64_t third = d.pointer(d.pointer(d.pointer(d.modules())));
    d.put_pointer(third + (wide ? 0x30 : 0x18), 0x1234); // DllBase
    Snapshot s = d.snapshot();
    EXPECT_EQ(s.modules.size(), 5u) << name;
    EXPECT_FALSE(s.modules_complete);
    EXPECT_TRUE(has_note(s.notes, "module list: 1 entries cannot be read"));
  }
}

TEST(KernelLists, AModuleWithoutAReadableNameKeepsItsPlace) {
  Patched d(k7);
  std::uint64_t third = d.pointer(d.pointer(d.pointer(d.modules())));
  d.put(third + 0x48, 0xFFFEFFFE, 4); // FullDllName: both lengths
  d.put_pointer(third + 0x50, kNowhere64);
  d.put_pointer(third + 0x60, kNowhere64); // BaseDllName
  Snapshot s = d.snapshot();
  ASSERT_EQ(s.modules.size(), 6u);
  EXPECT_EQ(s.modules[2].path, "");
  EXPECT_NE(s.modules[2].debug.key(), ""); // the image itself still tells
}

// The image in memory is believed where it fits its entry, and nowhere else.
TEST(KernelLists, AnImageOfAnotherSizeTellsNothing) {
  Patched d(k7);
  std::uint64_t third = d.pointer(d.pointer(d.pointer(d.modules())));
  d.put(third + 0x40, 0x123000, 4); // SizeOfImage
  Snapshot s = d.snapshot();
  ASSERT_EQ(s.modules.size(), 6u);
  EXPECT_EQ(s.modules[2].size, 0x123000u);
  EXPECT_EQ(s.modules[2].debug.key(), "");
  EXPECT_EQ(s.modules[2].timestamp, 0u);
}

TEST(KernelLists, AnEntryThatIsNoThreadIsLeftOut) {
  Patched d(k7);
  Snapshot whole = d.snapshot();
  auto victim = std::ranges::find(whole.threads, "16", &ThreadState::id);
  ASSERT_NE(victim, whole.threads.end());
  d.put(victim->object, 0x55, 1); // DISPATCHER_HEADER.Type
  Snapshot s = d.snapshot();
  EXPECT_EQ(s.threads.size(), whole.threads.size() - 1);
  EXPECT_FALSE(s.threads_complete);
  EXPECT_TRUE(has_note(s.notes, "thread lists: 1 entries are no threads"));
}

// The kernel's own list of a process's threads serves where the executive's is torn.
TEST(KernelLists, ThreadsAreFoundByTheOtherListToo) {
  Patched d(k7);
  Snapshot whole = d.snapshot();
  std::uint64_t head = whole.processes[0].object + 0x308; // EPROCESS.ThreadListHead of 7601
  d.put_pointer(head, kNowhere64);
  d.put_pointer(head + 8, kNowhere64);
  Snapshot s = d.snapshot();
  EXPECT_EQ(s.threads.size(), whole.threads.size());
}

TEST(KernelLists, ObjectsThatDoNotFitTheLayoutAreUndecided) {
  Patched d(k7);
  Snapshot whole = d.snapshot();
  for (const Cpu& cpu : whole.cpus)
    for (std::uint64_t thread : {cpu.current_thread, cpu.idle_thread}) d.put(thread, 0, 1);
  Snapshot s = d.snapshot();
  EXPECT_EQ(s.cpus.size(), 2u);
  EXPECT_EQ(s.threads.size(), 2u); // the registers of the CPUs are known without
  EXPECT_TRUE(s.threads[0].crashed);
  EXPECT_EQ(s.threads[0].id, "cpu 0");
  EXPECT_TRUE(has_note(s.notes, "threads: undecided"));
  EXPECT_EQ(s.processes.size(), 3u);
}

TEST(KernelLists, ProcessesWithoutNamesAreUndecided) {
  Patched d(k7);
  Snapshot whole = d.snapshot();
  for (const Process& process : whole.processes) d.put(process.object + 0x2E0, 0x01, 1);
  Snapshot s = d.snapshot();
  EXPECT_TRUE(s.processes.empty());
  EXPECT_FALSE(s.processes_complete);
  EXPECT_TRUE(has_note(s.notes, "processes: undecided"));
}

TEST(KernelLists, ALayoutOfAnotherBuildIsNotUsed) {
  Patched d(k2003);
  synth::put32(d.bytes, 0xC, 2600); // XP's offsets do not fit 2003's objects
  Snapshot s = d.snapshot();
  EXPECT_TRUE(s.processes.empty());
  EXPECT_EQ(s.layout_trust == "sourced", false);
  EXPECT_TRUE(has_note(s.notes, "undecided"));
  EXPECT_EQ(s.modules.size(), 6u);
}

// An update that changed the sizes: the nearest tables serve when the dump proves them.
TEST(KernelLists, SizesOfNoTableAreProvedOnTheDump) {
  Patched d(k10);
  d.put(d.kdbg() + 0x2C0, 0x8A8, 2); // SizeEThread
  d.put(d.kdbg() + 0x2A8, 0xA80, 2); // SizeEProcess
  d.put(d.kdbg() + 0x34C, 0, 4);     // no OffsetEThreadIrpList: no distance to go by
  Snapshot s = d.snapshot();
  EXPECT_EQ(s.layout_trust, "self_checked");
  EXPECT_GE(s.layout_checks.size(), 3u);
  EXPECT_EQ(s.processes.size(), 3u);
  EXPECT_TRUE(s.threads_complete);
  EXPECT_TRUE(has_note(s.notes, "this dump proves it"));

  Snapshot whole = Patched(k10).snapshot();
  for (const Cpu& cpu : whole.cpus) d.put(cpu.current_thread, 0, 1); // one check fails
  s = d.snapshot();
  EXPECT_NE(s.layout_trust, "self_checked");
  EXPECT_TRUE(has_note(s.notes, "undecided"));
}

TEST(DebuggerData, IsFoundInTheKernelsDataWhenTheHeaderDoesNotTell) {
  for (const char* name : {k2003, k7, k10}) {
    Patched d(name);
    Snapshot whole = d.snapshot();
    if (d.width() == 8)
      synth::put64(d.bytes, 0x80, 0);
    else
      synth::put32(d.bytes, 0x60, 0);
    Snapshot s = d.snapshot();
    ASSERT_TRUE(s.basis->kdbg.valid()) << name;
    EXPECT_EQ(s.cpus.size(), whole.cpus.size());
    EXPECT_EQ(s.os.build_lab, whole.os.build_lab);
  }
}

TEST(DebuggerData, OfAnotherKernelAreNotUsed) {
  Patched d(k7);
  d.put_pointer(d.kdbg() + 0x48, kNowhere64); // PsLoadedModuleList
  Snapshot s = d.snapshot();
  EXPECT_FALSE(s.basis->kdbg.valid());
  EXPECT_TRUE(has_note(s.notes, "debugger data: what was found does not fit"));
  EXPECT_EQ(s.modules.size(), 6u); // the header knows their list
}

TEST(DebuggerData, EncodedTheyAreSaidToBe) {
  Patched d(k10);
  for (std::uint64_t at = 0; at < 0x380; at += 8)
    d.put(d.kdbg() + at, d.get(d.kdbg() + at, 8) ^ 0x123456789ABCDEF1, 8);
  Snapshot s = d.snapshot();
  EXPECT_FALSE(s.basis->kdbg.valid());
  EXPECT_TRUE(has_note(s.notes, "debugger data: encoded"));
}

TEST(KernelLists, CutAnywhereASnapshotIsTaken) {
  const Bytes bytes = Patched(k7).bytes;
  for (std::size_t length = 0x2000; length < bytes.size(); length += 0x3000) {
    auto dump = tests::open_bytes(ByteView(bytes.data(), length));
    ASSERT_TRUE(dump) << length;
    Snapshot s = take_snapshot(*dump);
    ASSERT_EQ(s.stop.code, 0xE2u) << length;
    ASSERT_LE(s.threads.size(), 20u);
  }
}

} // namespace
} // namespace dumptriage::system
