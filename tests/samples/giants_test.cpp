// Dumps of 32 and 64 GB, sparse files whose pages are those of a small machine: the same report as
// the small one's, within little memory, from a small part of the file.
#include "samples/machines.h"

#include <fcntl.h>
#include <unistd.h>

#include "synth/giant.h"
#include "synth/page_cache.h"

namespace dumptriage::samples {
namespace {

constexpr double kMostMiB = 100, kMostShare = 0.001;

// The largest resident size of this process since it was last asked to start anew; 0: not known.
void restart_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  return 0;
}

// Under a sanitizer memory is counted with its own.
constexpr bool sanitized() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#elif defined(__has_feature)
  return __has_feature(address_sanitizer);
#else
  return false;
#endif
}

class Giants : public testing::TestWithParam<MachineFile> {
protected:
  Giants() : analyzer(rules::builtin_catalogue(), {{kMachines, memory::Origin::image}}) {}
  std::string report_of(const std::string& path) {
    pipeline::Options options;
    options.peer_bytes = 0; // the one search that costs by the size of the memory
    nlohmann::json document =
        nlohmann::json::parse(report::to_json(analyzer.analyze(path, options)));
    EXPECT_FALSE(document.contains("error")) << document["error"].dump();
    document.erase("dump");
    return document.dump();
  }
  void compare(const std::string& kind, std::uint64_t gigabytes);

  pipeline::Analyzer analyzer;
};

void Giants::compare(const std::string& kind, std::uint64_t gigabytes) {
  LoadedMachine machine = load(GetParam());
  if (!machine.dump) GTEST_SKIP() << "skipped: " << GetParam().name << " is no full dump";
  // More frames than 32-bit page tables without PAE can name would be no machine.
  if (!machine.dump->is64() && machine.dump->header(0x5c, 1) != 1) gigabytes = 4;
  TemporaryFolder folder;
  folder.add("small.dmp", machine.file);
  const std::string path = folder.path() + "/giant.dmp";
  std::string wrong = synth::write_giant(*machine.dump, kind, gigabytes, path);
  if (!wrong.empty()) GTEST_SKIP() << "skipped: no sparse file of this size: " << wrong;
  const std::string small = report_of(folder.path() + "/small.dmp");

  int file = open(path.c_str(), O_RDWR);
  ASSERT_GE(file, 0);
  const std::uint64_t size = std::filesystem::file_size(path);
  EXPECT_GT(size, (gigabytes - 1) << 30);
  synth::drop_from_page_cache(file);
  const std::uint64_t before = synth::pages_in_cache(file, size);
  machine = {};
  restart_peak();
  const std::string giant = report_of(path);
  const double peak = peak_mib();
  const std::uint64_t read = synth::pages_in_cache(file, size) - before;
  close(file);

  EXPECT_TRUE(giant == small) << "the report differs from the small dump's";
  EXPECT_LT(static_cast<double>(read * synth::kCachePage), kMostShare * static_cast<double>(size));
  EXPECT_GT(read + before, 0u);
  if (!sanitized()) EXPECT_LT(peak, kMostMiB);
}

TEST_P(Giants, BitmapDumpOf64GB) { compare("bitmap", 64); }
TEST_P(Giants, FullDumpOf32GB) { compare("full", 32); }

INSTANTIATE_TEST_SUITE_P(Machines, Giants, testing::ValuesIn(some_machines()),
                         [](const auto& info) { return info.param.name; });

} // namespace
} // namespace dumptriage::samples
