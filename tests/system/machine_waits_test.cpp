// Locks, IRPs and pool of kernels of ours that ran in an emulator.  The truth is what their own
// drivers noted: who owns, who waits, where a request stands, which blocks are allocated.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "synth/archives.h"
#include "system/kernel_view.h"
#include "system/kernel_waits.h"

namespace dumptriage::system {
namespace {

namespace fs = std::filesystem;
const fs::path kMachines = DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels";

std::vector<std::string> machines() {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(kMachines, none))
    if (std::string file = entry.path().filename().string(); file.ends_with(".truth.json"))
      names.push_back(file.substr(0, file.size() - 11));
  std::ranges::sort(names);
  return names;
}

std::uint64_t number(const nlohmann::json& text) {
  return std::stoull(text.get<std::string>(), nullptr, 16);
}

struct MachineObjects : testing::TestWithParam<std::string> {
  nlohmann::json truth;
  synth::Bytes bytes;
  dump::Dump dump;
  Snapshot snapshot;
  Notes notes;

  void SetUp() override {
    std::ifstream in(kMachines / (GetParam() + ".truth.json"));
    truth = nlohmann::json::parse(in);
    auto unpacked = synth::unpacked_file((kMachines / (GetParam() + ".dmp.xz")).string());
    if (!unpacked) GTEST_SKIP() << "skipped: no xz in this libarchive";
    bytes = std::move(*unpacked);
    auto opened =
        dump::open(MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "MEMORY.DMP"));
    ASSERT_TRUE(opened) << opened.error().message();
    dump = std::move(*opened);
    snapshot = take_snapshot(dump);
    ASSERT_TRUE(snapshot.basis);
  }
  KernelView view() { return view_of(dump, snapshot, notes); }
  bool nt4() const { return snapshot.os.build == 1381; }
};
INSTANTIATE_TEST_SUITE_P(Kernels, MachineObjects, testing::ValuesIn(machines()),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

using Hold = std::pair<std::uint64_t, std::string>; // KTHREAD, mode

TEST_P(MachineObjects, OwnersAndWaitersOfEveryLock) {
  Waits waits;
  read_kernel_waits(view(), snapshot.threads, true, waits);
  std::set<std::uint64_t> known;
  for (const auto& lock : truth["locks"]) {
    std::uint64_t address = number(lock["address"]);
    known.insert(address);
    bool modes = lock["kind"] == "resource";
    std::set<Hold> owners, waiters, found_owners, found_waiters;
    for (const auto& owner : lock["owners"])
      owners.insert({number(owner["thread"]), owner["mode"].get<std::string>()});
    for (const auto& waiter : lock["waiters"])
      waiters.insert({number(waiter["thread"]), waiter["mode"].get<std::string>()});
    // Without a list of resources only those that somebody waits for can be found.
    if (nt4() && waiters.empty()) continue;
    if (!modes && waiters.empty()) continue; // mutexes are found by their waiters
    for (const WaitEdge& edge : waits.edges) {
      const WaitNode& from = waits.nodes[edge.from];
      const WaitNode& to = waits.nodes[edge.to];
      if (edge.relation == WaitRelation::held_by && from.address == address)
        found_owners.insert({to.address, std::string(name_of(edge.mode))});
      if (edge.relation == WaitRelation::waits_for && to.address == address)
        found_waiters.insert({from.address, std::string(name_of(edge.mode))});
    }
    EXPECT_EQ(found_owners, owners) << lock["name"];
    EXPECT_EQ(found_waiters, waiters) << lock["name"];
  }
  // Nothing else is held by anybody.
  for (const WaitEdge& edge : waits.edges)
    if (edge.relation == WaitRelation::held_by) {
      EXPECT_TRUE(known.contains(waits.nodes[edge.from].address)) << waits.nodes[edge.from].id;
      EXPECT_NE(edge.trust, WaitTrust::inferred) << edge.why;
    }
  EXPECT_TRUE(notes.empty()) << notes.front().message;
}

// Cycles of the noted locks, found by following each thread's only wait.
TEST_P(MachineObjects, Cycles) {
  std::map<std::uint64_t, std::vector<std::uint64_t>> next; // thread to owners it waits for
  for (const auto& lock : truth["locks"])
    for (const auto& waiter : lock["waiters"])
      for (const auto& owner : lock["owners"])
        next[number(waiter["thread"])].push_back(number(owner["thread"]));
  std::set<std::set<std::uint64_t>> expected;
  for (const auto& [start, unused] : next) {
    std::set<std::uint64_t> ring;
    std::uint64_t at = start;
    while (ring.insert(at).second && next.contains(at)) at = next[at].front();
    if (at == start) expected.insert(ring);
  }
  Waits waits;
  read_kernel_waits(view(), snapshot.threads, false, waits);
  std::set<std::set<std::uint64_t>> found;
  for (const WaitCycle& cycle : waits.cycles) {
    std::set<std::uint64_t> ring;
    for (std::size_t node : cycle.nodes)
      if (waits.nodes[node].kind == WaitKind::thread) ring.insert(waits.nodes[node].address);
    found.insert(ring);
  }
  EXPECT_EQ(found, expected);
  bool deadlock = GetParam().find("deadlock") != std::string::npos;
  if (deadlock) EXPECT_EQ(found.size(), 2u);
}

TEST_P(MachineObjects, WhatThreadsWaitFor) {
  Waits waits;
  read_kernel_waits(view(), snapshot.threads, false, waits);
  std::size_t checked = 0;
  for (const auto& thread : truth["threads"]) {
    if (!thread.contains("waits_on")) continue;
    const WaitEdge* edge = nullptr;
    for (const WaitEdge& candidate : waits.edges)
      if (candidate.relation == WaitRelation::waits_for &&
          waits.nodes[candidate.from].address == number(thread["object"]))
        edge = &candidate;
    for (const auto& object : thread["waits_on"]) {
      // A delay waits for the thread's own timer, which is no object of the graph.
      std::uint64_t own = number(object) - number(thread["object"]);
      if (own < 0x400) continue;
      EXPECT_TRUE(edge) << thread["name"];
      ++checked;
    }
  }
  EXPECT_GE(checked, 8u);
}

TEST_P(MachineObjects, Irps) {
  auto irps = irps_of_threads(view(), snapshot.threads);
  std::map<std::uint64_t, std::uint64_t> found, expected;
  for (const Irp& irp : irps) {
    found[irp.address] = irp.thread;
    EXPECT_FALSE(irp.completed);
    for (const IrpLocation& location : irp.locations) EXPECT_NE(location.driver, "");
  }
  for (const auto& irp : truth["irps"]) expected[number(irp["address"])] = number(irp["thread"]);
  EXPECT_EQ(found, expected);
  EXPECT_TRUE(notes.empty()) << notes.front().message;
}

// Blocks that a driver allocated, freed, or wrote over: the noted address is the data behind the
// header.
TEST_P(MachineObjects, Pool) {
  const std::uint64_t header = snapshot.machine == arch::Machine::x86 ? 8 : 16;
  std::map<std::uint64_t, std::uint64_t> broken; // page to header
  for (const auto& block : truth["pool"]) {
    std::uint64_t address = number(block["address"]) - header;
    if (block["state"] == "overwritten") broken[address / 0x1000] = address;
  }
  ASSERT_FALSE(truth["pool"].empty());
  for (const auto& block : truth["pool"]) {
    std::uint64_t address = number(block["address"]);
    PoolFinding finding = read_pool(view(), address, "asked for");
    auto damage = broken.find(address / 0x1000);
    if (damage == broken.end()) EXPECT_FALSE(finding.inconsistent_at) << finding.diagnosis;
    if (damage != broken.end()) {
      EXPECT_EQ(finding.inconsistent_at, damage->second);
      EXPECT_NE(finding.diagnosis.find("has tag 'AfpB' and ends here"), std::string::npos);
      if (address >= damage->second) continue;
    }
    auto asked = std::ranges::find_if(finding.blocks, &PoolBlock::asked);
    ASSERT_TRUE(asked != finding.blocks.end()) << finding.undecided << finding.diagnosis;
    EXPECT_EQ(asked->address, address - header);
    EXPECT_EQ(asked->tag, block["tag"].get<std::string>());
    EXPECT_EQ(asked->state, block["state"].get<std::string>());
  }
}

} // namespace
} // namespace dumptriage::system
