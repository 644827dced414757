// tests/data/kernels: kernels of ours that ran in an emulator, with what they noted themselves
// (tools/samples/machine).  Here: the files are those of the manifest, and every truth file is
// whole and agrees with itself; nothing of the analyzer takes part.
#include <map>
#include <set>
#include <sstream>

#include "samples/kernel_truth.h"

namespace dumptriage::samples {
namespace {

struct Row {
  std::uintmax_t size = 0;
  std::string digest, inside;
};
std::map<std::string, Row> manifest() {
  std::map<std::string, Row> rows;
  std::ifstream in(std::string(kMachines) + "/MANIFEST.tsv");
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line, "file\tsize\tsha256\tsha256 unpacked");
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string name, size, digest, inside;
    std::getline(fields, name, '\t');
    std::getline(fields, size, '\t');
    std::getline(fields, digest, '\t');
    std::getline(fields, inside, '\t');
    EXPECT_EQ(digest.size(), 64u) << name;
    rows[name] = {std::stoull(size), digest, inside};
  }
  return rows;
}

TEST(KernelsData, TheManifestListsEveryFile) {
  const auto rows = manifest();
  std::size_t seen = 0;
  std::uintmax_t total = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kMachines)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().lexically_relative(kMachines).generic_string();
    if (name == "MANIFEST.tsv") continue;
    ASSERT_TRUE(rows.contains(name)) << name;
    EXPECT_EQ(rows.at(name).size, entry.file_size()) << name;
    if (name.ends_with(".xz")) {
      EXPECT_LT(entry.file_size(), 150'000u) << name;
    }
    total += entry.file_size();
    ++seen;
  }
  EXPECT_EQ(seen, rows.size());
  EXPECT_LT(total, 6u << 20) << "the machines are to stay small";
}

TEST(KernelsData, EveryDumpHasItsTruthAndItsImages) {
  const auto machines = machine_files();
  ASSERT_GE(machines.size(), 10u);
  std::set<std::string> kernels, spaces, stops;
  for (const MachineFile& machine : machines) {
    SCOPED_TRACE(machine.name);
    const nlohmann::json truth = truth_of(machine);
    kernels.insert(truth["kernel"]);
    spaces.insert(truth["address_space"]);
    stops.insert(truth["stop"]["how"]);
    for (const auto& module : truth["modules"])
      EXPECT_TRUE(
          std::filesystem::exists(images_of(truth) + "/" + module["name"].get<std::string>()));
  }
  EXPECT_EQ(kernels, (std::set<std::string>{"x64_19041", "x64_7601", "x86_1381", "x86_3790"}));
  EXPECT_EQ(spaces, (std::set<std::string>{"pae", "x64", "x86"}));
  EXPECT_EQ(stops, (std::set<std::string>{"call", "double-fault", "dpc", "exception", "fault",
                                          "pool", "second-cpu", "trap-frame"}));
}

// The notes were made by different code at different times; they must fit each other.
void check_truth(const nlohmann::json& truth) {
  std::set<std::string> threads, processes;
  for (const auto& process : truth["processes"]) processes.insert(process["object"]);
  for (const auto& thread : truth["threads"]) {
    EXPECT_TRUE(threads.insert(thread["object"]).second);
    EXPECT_TRUE(processes.contains(thread["process"]));
    if (thread["state"] != "waiting") continue;
    EXPECT_FALSE(thread["waits_on"].empty()) << thread["name"];
    EXPECT_GE(thread["frames"].size(), 5u) << thread["name"];
  }
  EXPECT_GE(threads.size(), 18u);
  ASSERT_EQ(truth["cpus"].size(), 2u);
  for (const auto& cpu : truth["cpus"]) {
    EXPECT_TRUE(threads.contains(cpu["thread"]));
    EXPECT_GE(cpu["frames"].size(), 4u);
  }
  EXPECT_GE(truth["locks"].size(), 7u);
  for (const auto& lock : truth["locks"])
    for (const char* part : {"owners", "waiters"})
      for (const auto& who : lock[part]) EXPECT_TRUE(threads.contains(who["thread"]));
  EXPECT_EQ(truth["irps"].size(), 1u);
  EXPECT_EQ(truth["irps"][0]["locations"].size(), 3u);
}

TEST(KernelsData, TheNotesFitEachOther) {
  for (const MachineFile& machine : machine_files()) {
    SCOPED_TRACE(machine.name);
    const nlohmann::json truth = truth_of(machine);
    check_truth(truth);
    std::uint64_t pages = 0;
    for (const auto& run : truth["runs"]) pages += run[1].get<std::uint64_t>();
    EXPECT_EQ(pages, truth["pages"].get<std::uint64_t>());
    const LoadedMachine loaded = load(machine);
    const std::uint64_t header = truth["address_space"] == "x64" ? 0x2000 : 0x1000;
    EXPECT_EQ(loaded.file.size(), header + pages * 0x1000);
  }
}

} // namespace
} // namespace dumptriage::samples
