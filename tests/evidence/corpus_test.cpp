// Real dumps whose answers are known from the programs that made them (their sources, their makers'
// tests, Breakpad's file names).
#include <filesystem>

#include <gtest/gtest.h>

#include "dump/dump.h"
#include "evidence/evidence.h"

namespace {

using namespace dumptriage;

struct Row {
  const char* path; // below corpus/
  const char* access;
  std::optional<std::uint64_t> address;
  const char* address_class;
  const char* blamed;
};

const Row kRows[] = {
    {"user-breakpad/google+breakpad/src/processor/testdata/write_av_non_canonical.dmp", "write",
     0xFEFEFEFEFEFEFEFE, "non-canonical", "crash.exe"},
    {"user-breakpad/google+breakpad/src/processor/testdata/null_read_av.dmp", "read", 0, "null",
     "crashme.exe"},
    {"user-breakpad/google+breakpad/src/processor/testdata/null_write_av.dmp", "write", 0, "null",
     "crashme.exe"},
    {"user-breakpad/google+breakpad/src/processor/testdata/ascii_write_av.dmp", "write", 0x41414141,
     "wild", "crashme.exe"},
    {"user-breakpad/google+breakpad/src/processor/testdata/write_av_non_null.dmp", "write", 0x4E3C9,
     "wild", "crashme.exe"},
    {"user-breakpad/google+breakpad/src/processor/testdata/exec_av_on_stack.dmp", "execute",
     0x3DF944, "execute of non-code", ""},
    {"user-breakpad/google+breakpad/src/processor/testdata/linux_jmp_to_0.dmp", "execute", 0,
     "null", ""},
    {"user-breakpad/google+breakpad/src/processor/testdata/linux_write_to_under_4k.dmp", "write",
     0xF93, "null+offset", "driver1"},
    {"user-breakpad/google+breakpad/src/processor/testdata/minidump_32bit_crash_addr.dmp", "write",
     0x45, "null+offset", "test_app.exe"},
    {"user-sentry/getsentry+symbolicator/tests/fixtures/windows.dmp", "write", 0x45, "null+offset",
     "crash.exe"},
    {"user-sentry/getsentry+symbolicator/tests/fixtures/linux.dmp", "write", 0x45, "null+offset",
     "crash"},
    {"user-win/electron+node-minidump/test/fixtures/windows.dmp", "write", 0, "null",
     "electron.exe"},
};

TEST(Corpus, KnownFaults) {
  const std::filesystem::path corpus = std::filesystem::path(DUMPTRIAGE_SHARED_DIR) / "corpus";
  if (!std::filesystem::exists(corpus)) GTEST_SKIP() << "skipped: no folder of real dumps";
  for (const Row& row : kRows) {
    auto dump = dump::open((corpus / row.path).string());
    ASSERT_TRUE(dump) << row.path;
    const system::Snapshot snapshot = system::take_snapshot(*dump);
    symbols::ModuleSet modules(snapshot.modules, snapshot.memory, snapshot.machine, nullptr);
    // The fault alone: frame 0 is proved whatever lies below it.
    std::vector<stack::Stack> stacks(snapshot.threads.size());
    const arch::Arch* arch = arch::find(snapshot.machine);
    ASSERT_TRUE(arch && snapshot.stop.fault_context) << row.path;
    stacks[0] = stack::walk(*snapshot.stop.fault_context, *arch, modules,
                            snapshot.threads[0].stack_low, snapshot.threads[0].stack_high);
    const evidence::Input input{snapshot, stacks, modules};
    auto fault = evidence::describe_fault(input);
    ASSERT_TRUE(fault) << row.path;
    EXPECT_EQ(fault->access, row.access) << row.path;
    EXPECT_EQ(fault->address, row.address) << row.path;
    EXPECT_EQ(fault->address_class, row.address_class) << row.path;
    EXPECT_EQ(evidence::find_blame(input).module, row.blamed) << row.path;
  }
}

} // namespace
