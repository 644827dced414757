// The wait graph as facts: waits, holds, cycles, work queues.
#include "object_scene.h"

namespace {

using namespace dumptriage;
using namespace scene;
using testing::ElementsAre;

// Two threads that wait for each other's resource; the second lock lies in sfmsrv's data.
struct Deadlock : Kernel {
  Deadlock() {
    snapshot.threads_complete = true;
    for (const auto& [id, object] : {std::pair{"100", kThread}, std::pair{"200", kOther}}) {
      system::ThreadState& thread = crashed(id);
      thread.crashed = false;
      thread.object = object;
      thread.state = "waiting";
    }
    auto& waits = snapshot.waits;
    using enum system::WaitKind;
    waits.add({"thread:100", thread, kThread, "thread 100", ""});
    waits.add({"ERESOURCE@8A500000", resource, 0x8A500000, "", ""});
    waits.add({"thread:200", thread, kOther, "thread 200", ""});
    waits.add({"ERESOURCE@F1010000", resource, kSfmsrv + 0x10000, "", ""});
    waits.connect(
        {.from = 0, .to = 1, .mode = system::WaitMode::exclusive, .reason = "WrResource"});
    waits.connect({.from = 1,
                   .to = 2,
                   .relation = system::WaitRelation::held_by,
                   .mode = system::WaitMode::shared});
    waits.connect(
        {.from = 2, .to = 3, .mode = system::WaitMode::exclusive, .reason = "WrResource"});
    waits.connect({.from = 3,
                   .to = 0,
                   .relation = system::WaitRelation::held_by,
                   .mode = system::WaitMode::exclusive,
                   .trust = system::WaitTrust::self_checked});
    waits.cycles = {{{0, 1, 2, 3}, system::WaitTrust::self_checked, false}};
  }
};

TEST(WaitFacts, WaitsHoldsAndTheCycleOfThem) {
  Deadlock k;
  FactSet set = k.facts();
  const auto waits = set.of_kind("wait"), holds = set.of_kind("hold");
  ASSERT_EQ(waits.size(), 2u);
  ASSERT_EQ(holds.size(), 2u);
  EXPECT_EQ(text(*waits[1], "thread"), "200");
  EXPECT_EQ(waits[1]->number("object"), kSfmsrv + 0x10000);
  EXPECT_EQ(text(*waits[1], "object_module"), "sfmsrv.sys");
  EXPECT_EQ(text(*waits[1], "object_kind"), "resource");
  EXPECT_EQ(text(*waits[1], "reason"), "WrResource");
  EXPECT_EQ(text(*waits[0], "object_module"), "(none)");
  EXPECT_EQ(text(*holds[0], "thread"), "200");
  EXPECT_EQ(text(*holds[0], "mode"), "shared");
  EXPECT_EQ(text(*holds[1], "trust"), "self_checked");
  const Fact& cycle = only(set, "wait_cycle");
  EXPECT_EQ(cycle.number("threads"), 2u);
  EXPECT_THAT(cycle.refs, ElementsAre("thread:100", "thread:200", waits[0]->id, holds[0]->id,
                                      waits[1]->id, holds[1]->id));
  for (const char* kind : {"wait", "hold", "wait_cycle"})
    EXPECT_EQ(coverage(set, kind).extent, Extent::complete) << kind;
}

TEST(WaitFacts, WhatKeepsACycleFromBeingRuledOut) {
  {
    Deadlock k; // the list of threads is cut
    k.snapshot.threads_complete = false;
    EXPECT_EQ(coverage(k.facts(), "wait").extent, Extent::partial);
  }
  {
    Deadlock k; // a thread waits for something that could not be read
    k.crashed("300").crashed = false;
    k.snapshot.threads.back().state = "waiting";
    const FactSet set = k.facts();
    EXPECT_EQ(coverage(set, "wait").extent, Extent::partial);
    EXPECT_EQ(coverage(set, "wait_cycle").extent, Extent::partial);
  }
  {
    Deadlock k; // a lock nobody is known to hold
    k.snapshot.waits.edges.pop_back();
    const FactSet set = k.facts();
    EXPECT_EQ(coverage(set, "wait").extent, Extent::complete);
    EXPECT_EQ(coverage(set, "hold").extent, Extent::partial);
  }
  {
    Deadlock k; // an event: who sets it is in no structure
    k.snapshot.waits.nodes[1].kind = system::WaitKind::event;
    const FactSet set = k.facts();
    EXPECT_EQ(coverage(set, "hold").extent, Extent::complete);
    EXPECT_EQ(coverage(set, "wait_cycle").extent, Extent::partial);
  }
  Kernel empty;
  for (const char* kind : {"wait", "hold", "wait_cycle"})
    EXPECT_EQ(coverage(empty.facts(), kind).extent, Extent::none) << kind;
}

TEST(WaitFacts, HostileGraphsGiveNoFactsOfNothing) {
  Deadlock k;
  k.snapshot.waits.edges.push_back({.from = 77, .to = 1});
  k.snapshot.waits.edges.push_back({.from = 1, .to = 3}); // a lock that waits
  k.snapshot.waits.cycles.push_back({{99, 1}, system::WaitTrust::read, true});
  const FactSet set = k.facts();
  EXPECT_EQ(set.of_kind("wait").size(), 2u);
  EXPECT_EQ(set.of_kind("wait_cycle").size(), 2u);
}

TEST(WaitFacts, WorkQueuesAndTheirWorkers) {
  Deadlock k;
  k.snapshot.work_queues.queues = {{"critical", 0x80480000, {"200", "204"}, 0, 2, 5, "read"}};
  FactSet set = k.facts();
  const Fact& queue = only(set, "work_queue");
  EXPECT_EQ(text(queue, "queue"), "critical");
  EXPECT_EQ(queue.number("workers"), 2u);
  EXPECT_EQ(queue.number("idle"), 0u);
  EXPECT_EQ(queue.number("blocked"), 2u);
  EXPECT_EQ(queue.number("pending"), 5u);
  EXPECT_EQ(coverage(set, "work_queue").extent, Extent::partial);
  const auto threads = set.of_kind("thread");
  EXPECT_EQ(text(*threads[1], "system_worker"), "critical");
  EXPECT_EQ(text(*threads[0], "system_worker"), "(none)");
  k.snapshot.work_queues.complete = true;
  EXPECT_EQ(coverage(k.facts(), "work_queue").extent, Extent::complete);
}

} // namespace
