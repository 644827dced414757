// The tables and the derivation rules against real dumps: what KDBG says must be what the table of
// the build has, and a build without a table must come to the same offsets from KDBG alone.
#include <cstddef>
#include <filesystem>

#include <gtest/gtest.h>

#include "dump/dump.h"
#include "formats/kdbg64.h"
#include "system/layout.h"

namespace dumptriage::system {
namespace {

using formats::KdDebuggerData64;

const std::string kFolder =
    std::string(DUMPTRIAGE_SHARED_DIR) + "/corpus/kernel/rizinorg+rizin-testbins/dmp/";
#define SKIP_WITHOUT_CORPUS()                                                                      \
  if (!std::filesystem::exists(kFolder))                                                           \
  GTEST_SKIP() << "skipped: the folder of real dumps is not here"

struct Real {
  const char* path;
  std::uint32_t build, tableless; // a build that has no table of its own
  std::uint64_t process_id, thread_id;
  std::size_t compared; // fields that both KDBG and the table know
};
const Real kReal[] = {{"triage_x64.dmp", 19041, 20348, 4, 264, 17},
                      {"triage_arm64.dmp", 22000, 22621, 4, 32, 17}};

struct Pair {
  const char *structure, *field;
  std::size_t at;
  bool wide; // 4 bytes in KDBG
};
#define AT(name) offsetof(KdDebuggerData64, name)
const Pair kPairs[] = {
    {"_KTHREAD", "Teb", AT(OffsetKThreadTeb), false},
    {"_KTHREAD", "KernelStack", AT(OffsetKThreadKernelStack), false},
    {"_KTHREAD", "InitialStack", AT(OffsetKThreadInitialStack), false},
    {"_KTHREAD", "State", AT(OffsetKThreadState), false},
    {"_KTHREAD", "StackLimit", AT(OffsetKThreadStackLimit), true},
    {"_KTHREAD", "StackBase", AT(OffsetKThreadStackBase), true},
    {"_KTHREAD", "WaitReason", AT(OffsetKThreadWaitReason), false},
    {"_ETHREAD", "IrpList", AT(OffsetEThreadIrpList), true},
    {"_EPROCESS", "(sizeof)", AT(SizeEProcess), false},
    {"_ETHREAD", "(sizeof)", AT(SizeEThread), false},
    {"_EPROCESS", "Peb", AT(OffsetEprocessPeb), false},
    {"_EPROCESS", "InheritedFromUniqueProcessId", AT(OffsetEprocessParentCID), false},
    {"_KPRCB", "(sizeof)", AT(SizePrcb), false},
    {"_KPRCB", "CurrentThread", AT(OffsetPrcbCurrentThread), false},
    {"_KPRCB", "Number", AT(OffsetPrcbNumber), false},
    {"_KPRCB", "Context", AT(OffsetPrcbContext), false},
    {"_KPCR", "Prcb", AT(OffsetPcrContainedPrcb), false},
};

TEST(CorpusLayout, TheTablesAreWhatTheKernelsSay) {
  SKIP_WITHOUT_CORPUS();
  for (const Real& real : kReal) {
    auto dump = dump::open(kFolder + real.path);
    ASSERT_TRUE(dump);
    dump::DebuggerData kdbg(dump->kernel->triage->debugger_data);
    Layout table = choose_layout(dump->machine, real.build, 0, {});
    std::size_t compared = 0;
    for (const Pair& pair : kPairs) {
      auto says = pair.wide ? kdbg.offset32(pair.at) : kdbg.offset16(pair.at);
      auto field = table.field(pair.structure, pair.field);
      ASSERT_TRUE(says) << pair.field;
      ASSERT_TRUE(field) << pair.field;
      EXPECT_EQ(field->from, "table");
      bool size = std::string_view(pair.field) == "(sizeof)";
      EXPECT_EQ(size ? field->size : field->offset, *says) << real.path << " " << pair.field;
      ++compared;
    }
    EXPECT_EQ(compared, real.compared);
  }
}

TEST(CorpusLayout, DerivedOffsetsHoldOnTheObjects) {
  SKIP_WITHOUT_CORPUS();
  for (const Real& real : kReal) {
    auto dump = dump::open(kFolder + real.path);
    ASSERT_TRUE(dump);
    const dump::Triage& triage = *dump->kernel->triage;
    dump::DebuggerData kdbg(triage.debugger_data);
    Layout derived = choose_layout(dump->machine, real.tableless, 0, kdbg);
    Layout table = choose_layout(dump->machine, real.build, 0, kdbg);
    for (auto [structure, name] : {std::pair{"_EPROCESS", "UniqueProcessId"},
                                   {"_EPROCESS", "ActiveProcessLinks"},
                                   {"_EPROCESS", "ImageFileName"},
                                   {"_EPROCESS", "ThreadListHead"},
                                   {"_ETHREAD", "Cid"},
                                   {"_ETHREAD", "StartAddress"},
                                   {"_ETHREAD", "Win32StartAddress"},
                                   {"_ETHREAD", "ThreadListEntry"}}) {
      auto field = derived.field(structure, name);
      ASSERT_TRUE(field) << name;
      EXPECT_EQ(field->from, "derived") << name;
      EXPECT_EQ(field->offset, table.offset(structure, name)) << real.path << " " << name;
    }
    std::uint32_t id = *derived.offset("_EPROCESS", "UniqueProcessId");
    std::uint32_t cid = *derived.offset("_ETHREAD", "Cid");
    EXPECT_EQ(triage.process.u64(id), real.process_id);
    EXPECT_EQ(triage.thread.u64(cid), real.process_id);
    EXPECT_EQ(triage.thread.u64(cid + 8), real.thread_id);
    EXPECT_EQ(triage.process.c_string(*derived.offset("_EPROCESS", "ImageFileName"), 15), "System");
  }
}

} // namespace
} // namespace dumptriage::system
