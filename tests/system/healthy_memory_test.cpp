// Dumps in which no free list is damaged: real ones, of kernels that ran, and the samples.  What
// the readers of free memory, work queues and accounts tell of them must not be false.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "system/kernel_view.h"
#include "system/snapshot.h"

namespace dumptriage::system {
namespace {

std::vector<std::string> kernel_dumps(const std::string& folder) {
  std::vector<std::string> paths;
  if (!std::filesystem::exists(folder)) return paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(".dmp") || name.ends_with(".dmp.xz") || name.ends_with(".DMP.xz"))
      paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

void check(const std::string& path) {
  SCOPED_TRACE(path);
  auto dump = dump::open(path);
  if (!dump || !dump->kernel || !dump->memory) return;
  Snapshot snapshot = take_snapshot(*dump);
  if (!snapshot.basis) return;
  KernelView view = view_of(*dump, snapshot, snapshot.notes);
  FreeLists lists = read_free_lists(view, snapshot);
  for (const Damage& damage : lists.damage) ADD_FAILURE() << damage.how << ": " << damage.why;
  EXPECT_NE(lists.complete, !lists.missing.empty());
  for (const Irp& irp : irps_by_evidence(view, snapshot, lists)) {
    IrpState state = state_of(view, irp, lists);
    if (snapshot.stop.code != 0x44 && snapshot.stop.code != 0xC2) EXPECT_FALSE(state.twice);
  }
  // Their queues are not laid where these kernels' are: nothing may be found that is none.
  for (const WorkQueue& queue : read_work_queues(view, snapshot).queues)
    EXPECT_LE(queue.idle + queue.blocked, queue.workers.size());
  PoolUsage usage = read_pool_usage(view);
  EXPECT_NE(usage.complete, !usage.missing.empty());
}

TEST(HealthyMemory, KernelsThatRan) {
  auto paths = kernel_dumps(DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels");
  ASSERT_FALSE(paths.empty());
  for (const std::string& path : paths) check(path);
}

TEST(HealthyMemory, Samples) {
  auto paths = kernel_dumps(DUMPTRIAGE_SOURCE_DIR "/dumps-samples");
  ASSERT_FALSE(paths.empty());
  for (const std::string& path : paths)
    if (path.find("q242896") == std::string::npos) check(path);
}

TEST(HealthyMemory, RealDumps) {
  std::vector<std::string> paths;
  for (const char* folder : {"/corpus/kernel", "/corpus/malformed", "/oracles/kernel"})
    std::ranges::move(kernel_dumps(DUMPTRIAGE_SHARED_DIR + std::string(folder)),
                      std::back_inserter(paths));
  if (paths.empty()) GTEST_SKIP() << "skipped: the folder of real dumps is missing";
  for (const std::string& path : paths) check(path);
}

} // namespace
} // namespace dumptriage::system
