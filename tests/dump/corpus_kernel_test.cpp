// The kernel dumps of the folder of real dumps against facts taken from them by other means (the
// folder's manifest, and a script over the published layouts).  Skipped where the folder is
// missing.
#include <filesystem>
#include <map>

#include <gtest/gtest.h>

#include "dump/kernel_samples.h"
#include "formats/kdbg64.h"

namespace dumptriage::dump {
namespace {

using namespace tests;
using formats::KdDebuggerData64;

const std::string kCorpus = std::string(DUMPTRIAGE_SHARED_DIR) + "/corpus/";
bool missing() { return !std::filesystem::exists(kCorpus); }
#define SKIP_WITHOUT_CORPUS()                                                                      \
  if (missing()) GTEST_SKIP() << "skipped: the folder of real dumps is not here"

struct Expected {
  const char* path;
  std::uint32_t build, code, cpus;
  std::size_t drivers, stamped, unloaded, blobs, blocks;
  std::uint64_t kernel_base, process, thread, stack_base, first_sp;
  std::size_t context_size;
};
const Expected kReal[] = {
    {"kernel/rizinorg+rizin-testbins/dmp/triage_x64.dmp", 19041, 0x1000007E, 16, 151, 151, 4, 20,
     1831, 0xFFFFF8047BA00000, 0xFFFFC08BDCE94180, 0xFFFFC08BDE9E1640, 0xFFFF850429893000,
     0xFFFF850429890EE8, 0x4D0},
    {"kernel/rizinorg+rizin-testbins/dmp/triage_arm64.dmp", 22000, 0x1C8, 8, 245, 238, 11, 42, 679,
     0xFFFFF803F2E00000, 0xFFFFBB8EB1690080, 0xFFFFBB8EB1719180, 0xFFFFE00E0E4BD000,
     0xFFFFE00E0E4BC4A0, 0x390},
};

TEST(CorpusKernel, RealTriageDumpsAreReadWhole) {
  SKIP_WITHOUT_CORPUS();
  for (const Expected& real : kReal) {
    auto dump = open(kCorpus + real.path);
    ASSERT_TRUE(dump) << real.path;
    EXPECT_TRUE(dump->complete);
    EXPECT_TRUE(dump->notes.empty());
    const KernelHeader& header = dump->kernel->header;
    EXPECT_EQ(header.build, real.build);
    EXPECT_EQ(header.bugcheck_code, real.code);
    EXPECT_EQ(header.processors, real.cpus);
    const Triage& triage = *dump->kernel->triage;
    EXPECT_EQ(triage.drivers.size(), real.drivers);
    EXPECT_TRUE(triage.drivers_complete);
    EXPECT_EQ(triage.drivers[0].path, "\\SystemRoot\\system32\\ntoskrnl.exe");
    EXPECT_EQ(triage.drivers[0].base, real.kernel_base);
    std::map<std::uint64_t, std::uint64_t> by_base;
    std::size_t stamped = 0; // some drivers are linked without a time
    for (const Module& driver : triage.drivers) {
      EXPECT_FALSE(driver.path.empty());
      EXPECT_TRUE(driver.path.find('.') != std::string::npos) << driver.path;
      EXPECT_EQ(driver.base % 0x1000, 0u);
      EXPECT_NE(driver.size, 0u);
      stamped += driver.timestamp != 0;
      by_base[driver.base] = driver.base + driver.size;
    }
    EXPECT_EQ(by_base.size(), real.drivers);
    EXPECT_EQ(stamped, real.stamped);
    std::uint64_t end = 0; // no two overlap
    for (auto [base, limit] : by_base) {
      EXPECT_GE(base, end);
      end = limit;
    }
    EXPECT_EQ(triage.unloaded_drivers.size(), real.unloaded);
    EXPECT_EQ(triage.data_blocks.size(), real.blocks);
    EXPECT_EQ(dump->kernel->blobs.size(), real.blobs);
    EXPECT_EQ(triage.process_address, real.process);
    EXPECT_EQ(triage.thread_address, real.thread);
    EXPECT_EQ(triage.stack_start + triage.stack.size(), real.stack_base);
  }
}

TEST(CorpusKernel, DebuggerDataAgreeWithTheHeader) {
  SKIP_WITHOUT_CORPUS();
  for (const Expected& real : kReal) {
    auto dump = open(kCorpus + real.path);
    ASSERT_TRUE(dump);
    DebuggerData kdbg(dump->kernel->triage->debugger_data);
    ASSERT_TRUE(kdbg.valid());
    EXPECT_EQ(kdbg.size(), 0x380u);
    EXPECT_EQ(kdbg.address(offsetof(KdDebuggerData64, KernBase)), real.kernel_base);
    EXPECT_EQ(kdbg.address(offsetof(KdDebuggerData64, PsLoadedModuleList)),
              dump->kernel->header.ps_loaded_module_list);
    EXPECT_EQ(kdbg.address(offsetof(KdDebuggerData64, PsActiveProcessHead)),
              dump->kernel->header.ps_active_process_head);
    EXPECT_EQ(kdbg.offset16(offsetof(KdDebuggerData64, SizePrcb)),
              dump->kernel->triage->prcb.size());
  }
}

TEST(CorpusKernel, BlobsEndExactlyWhereTheFileEnds) {
  SKIP_WITHOUT_CORPUS();
  for (const Expected& real : kReal) {
    auto dump = open(kCorpus + real.path);
    ASSERT_TRUE(dump);
    EXPECT_EQ(dump->kernel->blobs.back().guid, "2b88b710-1c93-4f7c-b06c-655ecc50decc");
    // The walk notes anything that is left over or missing.
    EXPECT_TRUE(dump->notes.empty());
    std::uint64_t end = dump->kernel->blobs.back().offset + dump->kernel->blobs.back().size;
    EXPECT_LE(dump->file->bytes().size() - end, 8u);
  }
}

struct Degenerate {
  const char* path;
  const char* description;
  std::uint32_t code;
  std::uint64_t p1;
  const char* note;
};
const Degenerate kDegenerate[] = {
    {"7nani4u+bsod-analyzer/tests/sample_dumps/CRITICAL_PROCESS_DIED.dmp",
     "64-bit kernel triage dump of Windows 11 (build 26100), x64, cut short at 8 KB: only its "
     "header is "
     "there",
     0xEF, 0xFFFF808001234567, "no driver, stack or memory"},
    {"7nani4u+bsod-analyzer/tests/sample_dumps/DRIVER_IRQL_NOT_LESS_OR_EQUAL.dmp",
     "64-bit kernel triage dump of Windows 11 (build 22621), x64, cut short at 8 KB: only its "
     "header is "
     "there",
     0xD1, 0xFFFF808001234567, "no driver, stack or memory"},
    {"7nani4u+bsod-analyzer/tests/sample_dumps/IRQL_NOT_LESS_OR_EQUAL.dmp",
     "64-bit kernel triage dump of Windows 11 (build 22621), x64, cut short at 8 KB: only its "
     "header is "
     "there",
     0xA, 0xFFFF808001234567, "no driver, stack or memory"},
    {"7nani4u+bsod-analyzer/tests/sample_dumps/MEMORY_MANAGEMENT.dmp",
     "64-bit kernel triage dump of Windows 11 (build 22000), x64, cut short at 8 KB: only its "
     "header is "
     "there",
     0x1A, 0x41790, "no driver, stack or memory"},
    {"7nani4u+bsod-analyzer/tests/sample_dumps/PAGE_FAULT_IN_NONPAGED_AREA.dmp",
     "64-bit kernel triage dump of Windows 10 (build 19045), x64, cut short at 8 KB: only its "
     "header is "
     "there",
     0x50, 0xFFFF808001234567, "no driver, stack or memory"},
    {"7nani4u+bsod-analyzer/tests/sample_dumps/IRQL_32bit.dmp",
     "32-bit kernel triage dump of Windows 7 or Server 2008 R2 (build 7601), x86, cut short at 4 "
     "KB: "
     "only its header is there",
     0xA, 0xC0000005, "no driver, stack or memory"},
    {"WerWolv+ImHex-Patterns/tests/patterns/test_data/dmp64.hexpat.bin",
     "64-bit kernel full dump (taken live) of Windows 10 (build 19045), x64, cut short at 16 KB of "
     "2 GB",
     0x5454414D, 0x4E4F4F4D, "cut short, 2 of 523910 pages are there"},
};

TEST(CorpusKernel, DegenerateDumpsArePartialAndSaySo) {
  SKIP_WITHOUT_CORPUS();
  for (const Degenerate& one : kDegenerate) {
    auto dump = open(kCorpus + "malformed/" + one.path);
    ASSERT_TRUE(dump) << one.path;
    EXPECT_EQ(dump->description, one.description);
    EXPECT_FALSE(dump->complete) << one.path;
    EXPECT_EQ(dump->kernel->header.bugcheck_code, one.code);
    EXPECT_EQ(dump->kernel->header.bugcheck_parameters[0], one.p1);
    EXPECT_TRUE(has_note(dump->notes, one.note)) << one.path;
    EXPECT_FALSE(dump->kernel->triage);
    ASSERT_TRUE(dump->memory);
    bool error = false;
    for (const Note& note : dump->notes) error |= note.severity == Severity::error;
    EXPECT_TRUE(error) << one.path;
  }
}

// Every file of the folder of malformed files: a sentence, and a dump or an error.
TEST(CorpusKernel, EveryFileHasASentence) {
  SKIP_WITHOUT_CORPUS();
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kCorpus + "malformed")) {
    if (!entry.is_regular_file()) continue;
    ++files;
    auto file = MappedFile::open(entry.path());
    ASSERT_TRUE(file);
    Identity identity = identify((*file)->bytes());
    EXPECT_FALSE(identity.description.empty());
    auto dump = open(*file);
    EXPECT_TRUE(identity.readable || !dump) << entry.path();
    EXPECT_TRUE(dump || !dump.error().why.empty());
  }
  EXPECT_GT(files, 50);
}

} // namespace
} // namespace dumptriage::dump
