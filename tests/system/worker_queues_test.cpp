#include "system/worker_queues.h"

#include <gtest/gtest.h>

#include "synth/free_memory.h"
#include "system/kernel_scene.h"

namespace dumptriage::system {
namespace {

using Build = synth::KernelBuild;
using Address = std::uint64_t;

// KTHREAD.Queue and QueueListEntry, from the published listings; KQUEUE as wdm.h's objects go.
struct Offsets {
  std::uint32_t of_thread, thread_entry, size, entries, current, maximum, threads, distance;
};
Offsets offsets(Build build) {
  switch (build) {
  case Build::nt4_x86: return {0xE0, 0x110, 0x28, 0x10, 0x18, 0x1C, 0x20, 0x28};
  case Build::ws2003sp2_x86: return {0x68, 0x108, 0x28, 0x10, 0x18, 0x1C, 0x20, 0x3C};
  default: return {0xB0, 0x1C8, 0x40, 0x18, 0x28, 0x2C, 0x30, 0x58};
  }
}

struct Machine {
  explicit Machine(Build build)
      : scene(build), o(scene.objects), memory(o), at(offsets(build)),
        first(memory.data(4 * at.distance)) {
    for (int i = 0; i < 3; ++i) lay(queue(i));
    dump::Module kernel;
    kernel.base = memory.kernel_base();
    kernel.size = synth::FreeMemory::kKernelSize;
    snapshot.modules.push_back(kernel);
  }
  Address queue(int i) const { return first + static_cast<unsigned>(i) * at.distance; }
  void lay(Address queue) {
    o.header(queue, 4, 0, static_cast<std::uint8_t>(at.size / 4));
    o.list_head(queue + at.entries);
    o.list_head(queue + at.threads);
    o.put(queue + at.maximum, 2, 4);
  }
  Address worker(const std::string& id, Address queue) {
    Address thread = scene.thread(id);
    scene.threads.back().start_address = memory.code(0x40);
    o.put_pointer(thread + at.of_thread, queue);
    o.append(queue + at.threads, thread + at.thread_entry);
    return thread;
  }
  void idle(const std::string& id, Address queue) {
    constexpr std::uint8_t kWrQueue = 15;
    o.wait(worker(id, queue), {queue}, kWrQueue);
  }
  void item(Address queue) {
    o.append(queue + at.entries, o.allocate(0x20));
    o.put(queue + 4, o.get(queue + 4, 4) + 1, 4);
  }
  WorkQueues read() {
    snapshot.threads = scene.threads;
    return read_work_queues(scene.view(), snapshot);
  }

  KernelScene scene;
  synth::KernelObjects& o;
  synth::FreeMemory memory;
  Offsets at;
  Address first;
  Snapshot snapshot;
};

class WorkQueuesOf : public testing::TestWithParam<Build> {};
INSTANTIATE_TEST_SUITE_P(Builds, WorkQueuesOf,
                         testing::Values(Build::nt4_x86, Build::ws2003sp2_x86, Build::win7sp1_x64));

TEST_P(WorkQueuesOf, AreFoundByTheirThreads) {
  Machine machine(GetParam());
  machine.idle("16", machine.queue(0));
  machine.o.wait(machine.worker("20", machine.queue(0)), {machine.o.event()}, 0);
  machine.worker("24", machine.queue(0)); // runs
  machine.o.wait(machine.worker("28", machine.queue(1)), {machine.o.event()}, 0);
  machine.idle("32", machine.queue(2));
  for (int i = 0; i < 5; ++i) machine.item(machine.queue(1));
  WorkQueues queues = machine.read();
  EXPECT_TRUE(queues.complete) << queues.missing;
  ASSERT_EQ(queues.queues.size(), 3u);
  EXPECT_EQ(queues.queues[0].name, "critical");
  EXPECT_EQ(queues.queues[0].address, machine.first);
  EXPECT_EQ(queues.queues[0].workers, (std::vector<std::string>{"16", "20", "24"}));
  EXPECT_EQ(queues.queues[0].idle, 1u);
  EXPECT_EQ(queues.queues[0].blocked, 1u);
  EXPECT_EQ(queues.queues[0].pending, 0u);
  EXPECT_EQ(queues.queues[1].name, "delayed");
  EXPECT_EQ(queues.queues[1].idle, 0u);
  EXPECT_EQ(queues.queues[1].blocked, 1u);
  EXPECT_EQ(queues.queues[1].pending, 5u);
  EXPECT_EQ(queues.queues[2].name, "hypercritical");
  EXPECT_EQ(queues.queues[2].workers.size(), 1u);
  EXPECT_EQ(queues.queues[2].trust, "self_checked");
}

// A completion port that programs wait on is no work queue, nor is one queue of the kernel's alone.
TEST_P(WorkQueuesOf, OtherQueuesAreNone) {
  Machine machine(GetParam());
  machine.idle("16", machine.queue(0));
  EXPECT_TRUE(machine.read().queues.empty());

  Machine elsewhere(GetParam());
  Address ports = elsewhere.o.allocate(4 * elsewhere.at.distance);
  for (unsigned i = 0; i < 3; ++i) {
    elsewhere.lay(ports + i * elsewhere.at.distance);
    elsewhere.idle("4" + std::to_string(i), ports + i * elsewhere.at.distance);
  }
  WorkQueues queues = elsewhere.read();
  EXPECT_TRUE(queues.queues.empty());
  EXPECT_FALSE(queues.complete);
  EXPECT_NE(queues.missing, "");
}

// Four in a row: which three they are cannot be told.
TEST_P(WorkQueuesOf, MoreThanOnePlaceIsUndecided) {
  Machine machine(GetParam());
  machine.lay(machine.queue(3));
  for (int i = 0; i < 4; ++i) machine.idle("1" + std::to_string(i), machine.queue(i));
  WorkQueues queues = machine.read();
  EXPECT_TRUE(queues.queues.empty());
  EXPECT_NE(queues.missing.find("more than one"), std::string::npos);
}

TEST_P(WorkQueuesOf, TornListsAreIncomplete) {
  Machine machine(GetParam());
  Address worker = 0;
  for (int i = 0; i < 3; ++i) {
    machine.idle("2" + std::to_string(i), machine.queue(i));
    worker = machine.worker("3" + std::to_string(i), machine.queue(i));
    machine.worker("4" + std::to_string(i), machine.queue(i));
  }
  machine.o.put_pointer(worker + machine.at.thread_entry + machine.o.at.pointer, worker);
  WorkQueues queues = machine.read();
  EXPECT_FALSE(queues.complete);
  ASSERT_EQ(queues.queues.size(), 3u);
  EXPECT_EQ(queues.queues[0].workers.size(), 3u);
  EXPECT_LT(queues.queues[2].workers.size(), 3u);
}

// Links that run in a circle, threads that are none.
TEST_P(WorkQueuesOf, ListsThatLie) {
  Machine machine(GetParam());
  for (int i = 0; i < 3; ++i) machine.idle("2" + std::to_string(i), machine.queue(i));
  Address item = machine.o.allocate(0x20), other = machine.o.allocate(0x20);
  Address head = machine.queue(0) + machine.at.entries;
  machine.o.append(head, item);
  machine.o.append(head, other);
  machine.o.put_pointer(other, item); // the end goes back to the first
  WorkQueues queues = machine.read();
  EXPECT_FALSE(queues.complete);
  EXPECT_LE(queues.queues.empty() ? 0u : queues.queues[0].pending, 2u);
}

TEST(WorkQueuesLater, AreNotPublished) {
  KernelScene scene(Build::win10_19041_x64);
  WorkQueues queues = read_work_queues(scene.view(), {});
  EXPECT_TRUE(queues.queues.empty());
  EXPECT_NE(queues.missing.find("nodes"), std::string::npos);
}

} // namespace
} // namespace dumptriage::system
