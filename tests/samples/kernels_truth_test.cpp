// What the program says about the machines of tests/data/kernels, against what their kernels noted
// while they ran: modules, processes, threads, the frames of every CPU and every waiting thread,
// locks and cycles, IRPs, pool, unloaded drivers.
#include "samples/kernel_truth.h"

namespace dumptriage::samples {
namespace {

class KernelTruth : public testing::TestWithParam<MachineFile> {
protected:
  // One analysis a machine for all tests of it.
  const Analysed& machine() {
    static std::map<std::string, std::unique_ptr<Analysed>> done;
    auto& slot = done[GetParam().path];
    if (!slot) slot = std::make_unique<Analysed>(analyse(GetParam()));
    return *slot;
  }
};
INSTANTIATE_TEST_SUITE_P(Machines, KernelTruth, testing::ValuesIn(machine_files()),
                         [](const auto& info) { return info.param.name; });

TEST_P(KernelTruth, StopAndCpus) {
  const Analysed& m = machine();
  ASSERT_FALSE(m.document.error) << m.document.error->message();
  EXPECT_EQ(m.document.os.build, m.truth["build"].get<std::uint32_t>());
  EXPECT_EQ(m.document.crash.code, number(m.truth["stop"]["code"]));
  ASSERT_EQ(m.document.crash.parameters.size(), 4u);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(m.document.crash.parameters[i].value, number(m.truth["stop"]["parameters"][i]));
  EXPECT_EQ(m.document.crash.cpu, m.truth["stop"]["cpu"].get<std::uint32_t>());
  ASSERT_EQ(m.document.cpus.size(), 2u);
  for (const auto& cpu : m.truth["cpus"]) {
    const report::CpuRow& row = m.document.cpus[cpu["number"].get<std::size_t>()];
    EXPECT_EQ(row.number, cpu["number"].get<std::uint32_t>());
    EXPECT_EQ(row.current_thread, number(cpu["thread"]));
    EXPECT_EQ(row.crashed, cpu["crashed"].get<bool>());
    EXPECT_TRUE(row.pc) << row.context_from;
  }
}

TEST_P(KernelTruth, Modules) {
  const Analysed& m = machine();
  ASSERT_EQ(m.document.modules.size(), m.truth["modules"].size());
  for (std::size_t i = 0; i < m.document.modules.size(); ++i) {
    const report::ModuleRow& row = m.document.modules[i];
    const auto& module = m.truth["modules"][i];
    EXPECT_EQ(row.name, module["name"].get<std::string>());
    EXPECT_EQ(row.base, number(module["base"])) << row.name;
    EXPECT_EQ(row.size, number(module["size"])) << row.name;
    EXPECT_EQ(row.timestamp, number(module["timestamp"])) << row.name;
    EXPECT_EQ(row.checksum, number(module["checksum"])) << row.name;
    EXPECT_EQ(row.debug_id, module["debug_id"].get<std::string>()) << row.name;
  }
  ASSERT_EQ(m.document.unloaded_modules.size(), m.truth["kdbg"].is_null() ? 0 : 2u);
  for (const report::UnloadedRow& row : m.document.unloaded_modules) {
    bool known = false;
    for (const auto& driver : m.truth["unloaded"])
      known |= row.name == driver["name"].get<std::string>() &&
               row.base == number(driver["start"]) && row.base + row.size == number(driver["end"]);
    EXPECT_TRUE(known) << row.name;
  }
}

// The public names of the reasons that occur here.
const std::map<int, std::string> kWaitReasons = {{0, "Executive"},   {4, "DelayExecution"},
                                                 {6, "UserRequest"}, {15, "WrQueue"},
                                                 {27, "WrResource"}, {34, "WrFastMutex"}};

TEST_P(KernelTruth, ProcessesAndThreads) {
  const Analysed& m = machine();
  std::map<std::uint64_t, std::string> processes, noted;
  for (const auto& process : m.truth["processes"])
    noted[process["id"].get<std::uint64_t>()] = process["name"];
  for (const report::ProcessRow& row : m.document.processes) processes[row.id] = row.name;
  noted.erase(0), processes.erase(0); // the idle process is on no list
  EXPECT_EQ(processes, noted);
  for (const auto& thread : m.truth["threads"]) {
    const report::ThreadRow* row = m.thread(number(thread["object"]));
    ASSERT_NE(row, nullptr) << thread["name"];
    if (thread["id"] == 0) continue; // idle threads have none of the rest
    EXPECT_EQ(row->id, std::to_string(thread["id"].get<int>())) << thread["name"];
    EXPECT_EQ(row->state, thread["state"].get<std::string>()) << thread["name"];
    if (thread["state"] == "waiting") {
      EXPECT_EQ(row->wait, kWaitReasons.at(thread["wait_reason"].get<int>())) << thread["name"];
    }
  }
  EXPECT_EQ(m.document.threads.size(), m.truth["threads"].size());
}

std::string print(const report::ThreadRow& row) {
  std::string text;
  char line[300];
  for (const report::FrameRow& f : row.frames) {
    std::snprintf(line, sizeof line, "%2zu pc %llx sp %llx %s %s!%s\n", f.index,
                  static_cast<unsigned long long>(f.pc), static_cast<unsigned long long>(f.sp),
                  f.trust.c_str(), f.module.c_str(), f.function.c_str());
    text += line;
  }
  return text + "sure " + std::to_string(row.sure_frames) + "; " + row.sure_ended + "\n";
}

// The row without the inlined calls, which made no frame and noted nothing.
report::ThreadRow real_frames(report::ThreadRow row) {
  const std::size_t sure = std::min(row.sure_frames, row.frames.size());
  for (std::size_t i = 0; i < sure; ++i) row.sure_frames -= row.frames[i].is_inline;
  std::erase_if(row.frames, [](const report::FrameRow& frame) { return frame.is_inline; });
  return row;
}

// Every noted frame stands in the sure part, in order, at its place; none is there that was not
// noted.  Frames above the first noted one (the stop machinery above the fault) need not be there.
void check_stack(const Analysed& m, const report::ThreadRow& with_inlines,
                 const nlohmann::json& frames) {
  const report::ThreadRow row = real_frames(with_inlines);
  std::size_t at = 0, begin = 0;
  const auto pc_of = [&](std::size_t i) { return number(frames[i]["pc"]); };
  ASSERT_FALSE(row.frames.empty());
  // The stack may start at the context (above the newest note) or at any noted frame.
  for (std::size_t i = 0; i < frames.size(); ++i)
    if (pc_of(i) == row.frames[0].pc) begin = i;
  at = pc_of(begin) == row.frames[0].pc ? 0 : 1;
  for (std::size_t i = begin; i < frames.size(); ++i) {
    if (pc_of(i) == 0) continue;
    ASSERT_LT(at, row.sure_frames) << "missing " << frames[i].dump() << '\n' << print(row);
    const report::FrameRow& frame = row.frames[at++];
    ASSERT_EQ(frame.pc, pc_of(i)) << frames[i].dump() << '\n' << print(row);
    const std::uint64_t slot = number(frames[i]["slot"]);
    if (frames[i]["kind"] == "trap") {
      EXPECT_EQ(frame.sp, slot) << frames[i].dump() << '\n' << print(row);
    } else if (m.pointer_size == 8) {
      EXPECT_EQ(frame.sp, slot + 8) << frames[i].dump() << '\n' << print(row);
    } else { // callees remove their arguments or do not
      EXPECT_GE(frame.sp, slot + 4) << frames[i].dump() << '\n' << print(row);
      EXPECT_LE(frame.sp, slot + 4 + 9 * 4) << frames[i].dump() << '\n' << print(row);
    }
    EXPECT_EQ(frame.module, frames[i]["module"].get<std::string>());
    EXPECT_EQ(frame.function, frames[i]["function"].get<std::string>()) << print(row);
    EXPECT_EQ(frame.offset, frames[i]["offset"].get<std::uint64_t>()) << print(row);
  }
  EXPECT_EQ(row.sure_frames, at) << "sure frames behind the noted ones\n" << print(row);
}

TEST_P(KernelTruth, EveryFrameOfEveryCpu) {
  const Analysed& m = machine();
  for (const auto& cpu : m.truth["cpus"]) {
    SCOPED_TRACE("CPU " + cpu["number"].dump());
    const report::ThreadRow* row = m.thread(number(cpu["thread"]));
    ASSERT_NE(row, nullptr);
    check_stack(m, *row, cpu["frames"]);
  }
}

TEST_P(KernelTruth, EveryFrameOfEveryWaitingThread) {
  const Analysed& m = machine();
  std::size_t walked = 0;
  for (const auto& thread : m.truth["threads"]) {
    if (thread["state"] != "waiting") continue;
    SCOPED_TRACE(thread["name"].get<std::string>());
    const report::ThreadRow* row = m.thread(number(thread["object"]));
    ASSERT_NE(row, nullptr);
    nlohmann::json frames = thread["frames"];
    // An x86 switch frame leads to the caller of KiSwapContext.
    if (m.pointer_size == 4) frames.erase(0);
    check_stack(m, *row, frames);
    ++walked;
  }
  EXPECT_GE(walked, 14u);
}

// ---- waits ----
struct Graph {
  std::set<std::pair<std::uint64_t, std::string>> owners, waiters; // (lock, thread id)
};
Graph graph_of(const Analysed& m, const std::set<std::uint64_t>& locks) {
  Graph graph;
  const auto& waits = m.document.waits;
  for (const report::WaitEdgeRow& edge : waits.edges) {
    const report::WaitNodeRow &from = waits.nodes[edge.from], &to = waits.nodes[edge.to];
    if (edge.held_by && from.address && locks.contains(*from.address))
      graph.owners.insert({*from.address, to.id});
    if (!edge.held_by && to.address && locks.contains(*to.address))
      graph.waiters.insert({*to.address, from.id});
  }
  return graph;
}
std::string id_of(const Analysed& m, const nlohmann::json& object) {
  for (const auto& thread : m.truth["threads"])
    if (thread["object"] == object) return "thread:" + std::to_string(thread["id"].get<int>());
  return "?";
}

TEST_P(KernelTruth, Locks) {
  const Analysed& m = machine();
  std::set<std::uint64_t> locks;
  Graph noted;
  for (const auto& lock : m.truth["locks"]) {
    const std::uint64_t address = number(lock["address"]);
    locks.insert(address);
    for (const auto& who : lock["owners"]) noted.owners.insert({address, id_of(m, who["thread"])});
    for (const auto& who : lock["waiters"])
      noted.waiters.insert({address, id_of(m, who["thread"])});
  }
  const Graph read = graph_of(m, locks);
  EXPECT_EQ(read.owners, noted.owners);
  EXPECT_EQ(read.waiters, noted.waiters);
}

// Cycles as sets of thread ids, from the notes: each thread here wants one lock at most.
std::set<std::set<std::string>> noted_cycles(const Analysed& m) {
  std::map<std::string, std::string> next; // waiter -> exclusive owner
  for (const auto& lock : m.truth["locks"])
    for (const auto& waiter : lock["waiters"])
      for (const auto& owner : lock["owners"])
        next[id_of(m, waiter["thread"])] = id_of(m, owner["thread"]);
  std::set<std::set<std::string>> cycles;
  for (const auto& [start, _] : next) {
    std::set<std::string> seen;
    std::string at = start;
    while (next.contains(at) && seen.insert(at).second) at = next[at];
    if (at == start) cycles.insert(seen);
  }
  return cycles;
}

TEST_P(KernelTruth, Cycles) {
  const Analysed& m = machine();
  std::set<std::set<std::string>> found;
  for (const report::WaitCycleRow& cycle : m.document.waits.cycles) {
    std::set<std::string> threads;
    for (std::size_t node : cycle.nodes)
      if (m.document.waits.nodes[node].id.starts_with("thread:"))
        threads.insert(m.document.waits.nodes[node].id);
    found.insert(threads);
  }
  EXPECT_EQ(found, noted_cycles(m));
  const auto& options = m.truth["options"];
  const bool planted = std::find(options.begin(), options.end(), "deadlocks") != options.end();
  EXPECT_EQ(found.size(), planted ? 2u : 0u);
}

TEST_P(KernelTruth, TheRequestAndItsWay) {
  const Analysed& m = machine();
  const auto& noted = m.truth["irps"][0];
  const report::IrpRow* irp = nullptr;
  for (const report::IrpRow& row : m.document.irps)
    if (row.address == number(noted["address"])) irp = &row;
  ASSERT_NE(irp, nullptr);
  EXPECT_EQ(m.document.irps.size(), 1u);
  EXPECT_EQ(irp->thread, number(noted["thread"]));
  ASSERT_EQ(irp->locations.size(), 3u);
  const char* const drivers[] = {"\\Driver\\mup", "\\Driver\\rdr", "\\Driver\\sfmsrv"};
  for (std::size_t i = 0; i < 3; ++i) {
    const report::IrpLocationRow& row = irp->locations[i];
    EXPECT_EQ(row.number, 3 - i);
    EXPECT_EQ(row.device, number(noted["locations"][i]["device"]));
    EXPECT_EQ(row.completion, number(noted["locations"][i]["completion"]));
    EXPECT_EQ(row.driver, drivers[i]);
    EXPECT_EQ(row.major, "IRP_MJ_FILE_SYSTEM_CONTROL");
    EXPECT_EQ(row.current, i == 2);
  }
}

TEST_P(KernelTruth, PoolBlocks) {
  const Analysed& m = machine();
  const std::uint64_t header = m.pointer_size == 8 ? 16 : 8;
  for (const auto& block : m.truth["pool"]) {
    SCOPED_TRACE(block.dump());
    const std::uint64_t address = number(block["address"]);
    const report::PoolRow* finding = nullptr;
    for (const report::PoolRow& row : m.document.pool)
      if (row.asked == address) finding = &row;
    ASSERT_NE(finding, nullptr);
    if (block["state"] == "overwritten") {
      EXPECT_EQ(finding->inconsistent_at, address - header) << finding->diagnosis;
      continue;
    }
    const report::PoolBlockRow* row = nullptr;
    for (const report::PoolBlockRow& candidate : finding->blocks)
      if (candidate.address == address - header) row = &candidate;
    ASSERT_NE(row, nullptr) << finding->undecided;
    EXPECT_TRUE(row->asked);
    EXPECT_EQ(row->tag, block["tag"].get<std::string>());
    EXPECT_EQ(row->state, block["state"].get<std::string>());
  }
}

} // namespace
} // namespace dumptriage::samples
