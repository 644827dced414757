#include "system/waits.h"

#include <gtest/gtest.h>

#include "system/kernel_scene.h"
#include "system/wait_graph.h"

namespace dumptriage::system {
namespace {

using Build = synth::KernelBuild;
using Address = std::uint64_t;

std::vector<std::string> ids_of(const Waits& waits, const WaitCycle& cycle) {
  std::vector<std::string> ids;
  for (std::size_t node : cycle.nodes) ids.push_back(waits.nodes[node].id);
  return ids;
}

std::vector<std::string> threads_of(const Waits& waits, const WaitCycle& cycle) {
  std::vector<std::string> ids;
  for (std::size_t node : cycle.nodes)
    if (waits.nodes[node].kind == WaitKind::thread) ids.push_back(waits.nodes[node].id);
  return ids;
}

const WaitEdge* edge(const Waits& waits, std::string_view from, WaitRelation relation) {
  const std::size_t* node = waits.find(from);
  if (!node) return nullptr;
  for (const WaitEdge& edge : waits.edges)
    if (edge.from == *node && edge.relation == relation) return &edge;
  return nullptr;
}

class OnEveryBuild : public testing::TestWithParam<Build> {};
INSTANTIATE_TEST_SUITE_P(Waits, OnEveryBuild,
                         testing::Values(Build::nt4_x86, Build::ws2003sp2_x86, Build::win7sp1_x64,
                                         Build::win10_19041_x64),
                         [](const auto& info) {
                           switch (info.param) {
                           case Build::nt4_x86: return "nt4";
                           case Build::ws2003sp2_x86: return "ws2003";
                           case Build::win7sp1_x64: return "win7";
                           default: return "win10";
                           }
                         });

// `count` threads, each of which owns a resource and waits for that of the next one.
void lay_ring(KernelScene& scene, int count, bool closed) {
  std::vector<Address> threads, resources;
  for (int i = 0; i < count; ++i) {
    threads.push_back(scene.thread(std::to_string(100 + 4 * i)));
    resources.push_back(scene.objects.resource());
    scene.objects.own(resources[i], threads[i], true);
  }
  for (int i = 0; i < count; ++i)
    if (closed || i + 1 < count)
      scene.objects.wait_resource(threads[i], resources[(i + 1) % count], true);
}

class RingSize : public testing::TestWithParam<std::tuple<Build, int>> {};
INSTANTIATE_TEST_SUITE_P(Waits, RingSize,
                         testing::Combine(testing::Values(Build::nt4_x86, Build::ws2003sp2_x86,
                                                          Build::win7sp1_x64,
                                                          Build::win10_19041_x64),
                                          testing::Values(2, 3, 50)));

TEST_P(RingSize, CycleOfResourcesIsFoundAndNamed) {
  auto [build, count] = GetParam();
  KernelScene scene(build);
  lay_ring(scene, count, true);
  Waits waits = scene.waits();
  ASSERT_EQ(waits.cycles.size(), 1u);
  ASSERT_EQ(waits.cycles[0].nodes.size(), 2u * count);
  std::vector<std::string> expected;
  for (int i = 0; i < count; ++i) expected.push_back("thread:" + std::to_string(100 + 4 * i));
  EXPECT_EQ(threads_of(waits, waits.cycles[0]), expected);
  EXPECT_EQ(waits.cycles[0].trust, build == Build::nt4_x86           ? WaitTrust::self_checked
                                   : build == Build::win10_19041_x64 ? WaitTrust::self_checked
                                                                     : WaitTrust::read);
  EXPECT_TRUE(scene.notes.empty());
}

TEST_P(RingSize, SameGraphWithoutTheLastWaitHasNone) {
  auto [build, count] = GetParam();
  KernelScene scene(build);
  lay_ring(scene, count, false);
  Waits waits = scene.waits();
  EXPECT_TRUE(waits.cycles.empty());
  EXPECT_EQ(
      std::ranges::count_if(
          waits.edges, [](const WaitEdge& e) { return e.relation == WaitRelation::waits_for; }),
      count - 1);
}

TEST_P(OnEveryBuild, MixedLocksMakeOneCycle) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address a = scene.thread("8"), b = scene.thread("12"), c = scene.thread("9000");
  Address mutant = o.mutant(), fast = o.fast_mutex(), resource = o.resource();
  o.own_mutant(mutant, b, 3);
  o.own_fast(fast, c);
  o.own(resource, a, true, 2);
  o.wait(a, {mutant}, 6);
  o.wait_fast(b, fast);
  o.wait_resource(c, resource, false);
  Waits waits = scene.waits();
  ASSERT_EQ(waits.cycles.size(), 1u);
  EXPECT_EQ(threads_of(waits, waits.cycles[0]),
            (std::vector<std::string>{"thread:8", "thread:12", "thread:9000"}));
  auto ids = ids_of(waits, waits.cycles[0]);
  EXPECT_TRUE(ids[1].starts_with("mutant@")) << ids[1];
  EXPECT_TRUE(ids[3].starts_with("fast_mutex@")) << ids[3];
  EXPECT_TRUE(ids[5].starts_with("ERESOURCE@")) << ids[5];
  const WaitEdge* waits_for = edge(waits, "thread:9000", WaitRelation::waits_for);
  ASSERT_TRUE(waits_for);
  EXPECT_EQ(waits_for->mode, WaitMode::shared);
  EXPECT_TRUE(waits_for->timeout);
  const WaitEdge* mutant_owner = edge(waits, ids[1], WaitRelation::held_by);
  ASSERT_TRUE(mutant_owner);
  EXPECT_EQ(mutant_owner->count, 3u);
  EXPECT_EQ(edge(waits, ids[5], WaitRelation::held_by)->count, 2u);
  EXPECT_EQ(edge(waits, "thread:8", WaitRelation::waits_for)->reason, "UserRequest");
}

// Two threads, two locks: an ERESOURCE of one driver, and a lock of another kind of the other one.
// Whoever is to set an event is not known, so that with one there is no cycle.
TEST_P(OnEveryBuild, ResourceAndAnotherLock) {
  for (WaitKind kind : {WaitKind::mutant, WaitKind::fast_mutex, WaitKind::event}) {
    KernelScene scene(GetParam());
    auto& o = scene.objects;
    Address a = scene.thread("8"), b = scene.thread("12"), resource = o.resource();
    o.own(resource, a, true);
    o.wait_resource(b, resource, true);
    if (kind == WaitKind::mutant) {
      Address mutant = o.mutant();
      o.own_mutant(mutant, b);
      o.wait(a, {mutant}, 0);
    } else if (kind == WaitKind::fast_mutex) {
      Address mutex = o.fast_mutex();
      o.own_fast(mutex, b);
      o.wait_fast(a, mutex);
    } else {
      Address event = o.event();
      o.push(b, event); // it knows the event, which does not make it the one to set it
      o.wait(a, {event}, 0);
    }
    Waits waits = scene.waits();
    ASSERT_EQ(waits.cycles.size(), kind == WaitKind::event ? 0u : 1u) << name_of(kind);
    const WaitEdge* of_b = edge(waits, "thread:12", WaitRelation::waits_for);
    ASSERT_TRUE(of_b);
    EXPECT_EQ(waits.nodes[of_b->to].kind, WaitKind::resource);
    if (waits.cycles.empty()) continue;
    EXPECT_EQ(threads_of(waits, waits.cycles[0]),
              (std::vector<std::string>{"thread:8", "thread:12"}));
    EXPECT_NE(waits.cycles[0].trust, WaitTrust::inferred);
  }
}

// Shared owners keep an exclusive waiter out; one of them waits for what that waiter owns.
TEST_P(OnEveryBuild, SharedOwnerAndExclusiveWaiter) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address writer = scene.thread("4"), one = scene.thread("8"), two = scene.thread("12"),
          three = scene.thread("16"), late = scene.thread("20");
  Address resource = o.resource(), mutant = o.mutant();
  o.own(resource, one, false);
  o.own(resource, two, false);
  o.own(resource, three, false, 5);
  o.own_mutant(mutant, writer);
  o.wait_resource(writer, resource, true);
  o.wait_resource(late, resource, false);
  o.wait(three, {mutant}, 6);
  Waits waits = scene.waits();
  ASSERT_EQ(waits.cycles.size(), 1u);
  EXPECT_EQ(threads_of(waits, waits.cycles[0]),
            (std::vector<std::string>{"thread:4", "thread:16"}));
  std::string id = ids_of(waits, waits.cycles[0])[1];
  std::size_t node = *waits.find(id);
  std::vector<std::string> owners;
  for (const WaitEdge& e : waits.edges)
    if (e.from == node) {
      EXPECT_EQ(e.mode, WaitMode::shared);
      owners.push_back(waits.nodes[e.to].id);
    }
  EXPECT_EQ(owners, (std::vector<std::string>{"thread:8", "thread:12", "thread:16"}));
  EXPECT_EQ(waits.nodes[node].state, "owned shared by 3; waiting: 1 exclusive, 1 shared");
  EXPECT_EQ(edge(waits, "thread:20", WaitRelation::waits_for)->mode, WaitMode::shared);
}

// The owner of a shared lock that asks for it exclusively waits for itself.
TEST_P(OnEveryBuild, UpgradeWaitsForItself) {
  KernelScene scene(GetParam());
  Address thread = scene.thread("8"), resource = scene.objects.resource();
  scene.objects.own(resource, thread, false);
  scene.objects.wait_resource(thread, resource, true);
  Waits waits = scene.waits();
  ASSERT_EQ(waits.cycles.size(), 1u);
  EXPECT_EQ(waits.cycles[0].nodes.size(), 2u);
}

TEST_P(OnEveryBuild, OwnerThatHasExitedIsANote) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address a = scene.thread("8"), b = scene.thread("12"), gone = scene.thread("16");
  Address mutant = o.mutant(), resource = o.resource();
  o.own_mutant(mutant, gone);
  o.own(resource, gone, true);
  o.wait(a, {mutant}, 6);
  o.wait_resource(b, resource, true);
  o.exit(gone);
  Waits waits = scene.waits(true);
  for (const WaitEdge& e : waits.edges) EXPECT_EQ(e.relation, WaitRelation::waits_for);
  EXPECT_TRUE(scene.noted("its owner has exited"));
  EXPECT_TRUE(edge(waits, "thread:8", WaitRelation::waits_for));
}

TEST_P(OnEveryBuild, OwnerThatIsNoThreadIsANote) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address a = scene.thread("8");
  Address mutant = o.mutant(), event = o.event();
  o.own_mutant(mutant, a);
  o.put_pointer(mutant + o.at.mutant_owner, event); // freed and used again
  o.wait(a, {mutant}, 6);
  Waits waits = scene.waits();
  for (const WaitEdge& e : waits.edges) EXPECT_EQ(e.relation, WaitRelation::waits_for);
  EXPECT_TRUE(scene.noted("its owner is no thread"));
}

TEST_P(OnEveryBuild, TornWaitListIsANoteAndNoEdge) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address a = scene.thread("8"), b = scene.thread("12"), mutant = o.mutant();
  o.own_mutant(mutant, b);
  o.wait(a, {mutant}, 6);
  o.put_pointer(mutant + 8 + o.at.pointer, mutant + 8); // the last link back is gone
  Waits waits = scene.waits();
  EXPECT_FALSE(edge(waits, "thread:8", WaitRelation::waits_for));
  EXPECT_TRUE(scene.noted("torn"));
}

TEST_P(OnEveryBuild, LoopOfPointersIsANote) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address a = scene.thread("8"), event = o.event(0), other = o.event(0);
  o.wait(a, {event, other}, 6);
  if (o.at.block_array) {
    // No ring here: the list of resources runs into itself.
    Address first = o.resource(), second = o.resource();
    o.put_pointer(second, first);
    o.put_pointer(first + o.at.pointer, second);
    scene.waits();
    EXPECT_TRUE(scene.noted("list of ERESOURCEs")) << scene.notes.size();
    return;
  }
  Address second = a + o.at.wait_block + o.at.block_size;
  o.put_pointer(second + o.at.block_next, second);
  Waits waits = scene.waits();
  EXPECT_TRUE(scene.noted("does not come back"));
}

// Of several objects any one ends the wait, so that an owner who waits back makes no cycle; all of
// them are needed when the thread waits for all.
TEST_P(OnEveryBuild, AnyOfSeveralIsNoCycleAllIs) {
  for (bool all : {false, true}) {
    KernelScene scene(GetParam());
    auto& o = scene.objects;
    Address a = scene.thread("8"), b = scene.thread("12"), mutant = o.mutant(), second = o.mutant(),
            event = o.event();
    o.own_mutant(mutant, b);
    o.own_mutant(second, a);
    o.wait(a, {mutant, event}, 6, all);
    o.wait(b, {second}, 6);
    Waits waits = scene.waits();
    EXPECT_EQ(waits.cycles.size(), all ? 1u : 0u);
    EXPECT_EQ(edge(waits, "thread:8", WaitRelation::waits_for)->alternative, !all);
  }
}

TEST_P(OnEveryBuild, WaitingForAThreadToExitCloses) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address a = scene.thread("8"), b = scene.thread("12"), mutant = o.mutant();
  o.own_mutant(mutant, a);
  o.wait(a, {b}, 6);
  o.wait(b, {mutant}, 6);
  Waits waits = scene.waits();
  ASSERT_EQ(waits.cycles.size(), 1u);
  EXPECT_EQ(threads_of(waits, waits.cycles[0]),
            (std::vector<std::string>{"thread:8", "thread:12"}));
  EXPECT_EQ(waits.cycles[0].nodes.size(), 3u);
}

TEST_P(OnEveryBuild, RunningThreadsAndFreeLocksGiveNothing) {
  KernelScene scene(GetParam());
  scene.thread("8");
  scene.objects.resource();
  scene.objects.mutant();
  EXPECT_TRUE(scene.waits(true).empty());
  EXPECT_TRUE(scene.notes.empty());
}

TEST_P(OnEveryBuild, HeldLocksAreListedWhenAsked) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address a = scene.thread("8");
  Address held = o.resource();
  o.own(held, a, true);
  EXPECT_TRUE(KernelScene(GetParam()).waits(true).empty());
  Waits waits = scene.waits(true);
  // Without a list head (NT 4) only what a waiting thread leads to can be found.
  if (GetParam() == Build::nt4_x86) {
    EXPECT_TRUE(waits.empty());
    return;
  }
  ASSERT_EQ(waits.edges.size(), 1u);
  EXPECT_EQ(waits.nodes[waits.edges[0].to].id, "thread:8");
}

TEST_P(OnEveryBuild, OwnerTableThatLiesIsANote) {
  if (GetParam() == Build::nt4_x86) GTEST_SKIP() << "no list of resources: skipped";
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address resource = o.resource();
  for (const char* id : {"8", "12", "16"}) o.own(resource, scene.thread(id), false);
  o.put(o.pointer_at(resource + o.at.owner_table) + o.at.entry_value, 0x10000000, 4);
  Waits waits = scene.waits(true);
  EXPECT_TRUE(scene.noted("claims 268435456 slots"));
  EXPECT_FALSE(waits.edges.empty());
}

// A semaphore of its own, whose address happens to stand beside nothing like a resource.
TEST_P(OnEveryBuild, PlainObjectsEndTheChain) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  Address a = scene.thread("8"), b = scene.thread("12"), c = scene.thread("16");
  o.wait(a, {o.semaphore()}, 0);
  o.wait(b, {o.event(1)}, 0, false, true);
  o.wait(c, {o.event(0), o.event(4)}, 15);
  Waits waits = scene.waits();
  EXPECT_EQ(waits.edges.size(), 4u);
  for (const WaitEdge& e : waits.edges) {
    EXPECT_EQ(e.relation, WaitRelation::waits_for);
    EXPECT_EQ(e.trust, GetParam() == Build::nt4_x86 ? WaitTrust::self_checked : WaitTrust::read);
  }
  EXPECT_TRUE(edge(waits, "thread:12", WaitRelation::waits_for)->timeout);
  EXPECT_FALSE(edge(waits, "thread:8", WaitRelation::waits_for)->timeout);
  EXPECT_TRUE(scene.notes.empty());
}

// Builds that no listing covers: threads by what their neighbours agree on, locks as wdm.h has
// them.
TEST(Waits, BuildsWithoutATable) {
  for (std::uint32_t build : {20348u, 22000u, 22621u, 25398u}) {
    KernelScene scene(Build::win10_19041_x64);
    scene.build_number = build;
    lay_ring(scene, 3, true);
    Waits waits = scene.waits();
    ASSERT_EQ(waits.cycles.size(), 1u) << build;
    EXPECT_EQ(waits.cycles[0].nodes.size(), 6u);
  }
}

// What is wrong with thousands of objects is told of a few.
TEST_P(OnEveryBuild, NotesAreFew) {
  KernelScene scene(GetParam());
  auto& o = scene.objects;
  for (int i = 0; i < 200; ++i) {
    Address thread = scene.thread(std::to_string(4 * i)), event = o.event(0);
    o.wait(thread, {event}, 6);
    o.put_pointer(event + 8 + o.at.pointer, event + 8);
  }
  EXPECT_TRUE(scene.waits().edges.empty());
  EXPECT_EQ(scene.notes.size(), 33u);
  EXPECT_TRUE(scene.noted("168 more notes"));
}

TEST(WaitGraph, EmptyGraphHasNoCycle) {
  Waits waits;
  find_cycles(waits);
  EXPECT_TRUE(waits.cycles.empty());
}

TEST(WaitGraph, TwoCyclesThroughOneThread) {
  Waits waits;
  auto thread = [&](int id) {
    return waits.add({"thread:" + std::to_string(id), WaitKind::thread, 0, "", ""});
  };
  auto lock = [&](int id) {
    return waits.add({"mutant@" + std::to_string(id), WaitKind::mutant, 0, "", ""});
  };
  auto waits_for = [&](std::size_t a, std::size_t b) {
    waits.connect(
        {a, b, WaitRelation::waits_for, WaitMode::none, "", false, false, 0, WaitTrust::read, ""});
  };
  auto held_by = [&](std::size_t a, std::size_t b, WaitTrust trust = WaitTrust::read) {
    waits.connect({a, b, WaitRelation::held_by, WaitMode::none, "", false, false, 0, trust, ""});
  };
  waits_for(thread(10), lock(1));
  held_by(lock(1), thread(9));
  held_by(lock(1), thread(30));
  waits_for(thread(9), lock(2));
  waits_for(thread(30), lock(2));
  held_by(lock(2), thread(10));
  waits_for(thread(50), lock(5));
  held_by(lock(5), thread(60), WaitTrust::inferred);
  waits_for(thread(60), lock(6));
  held_by(lock(6), thread(50));
  find_cycles(waits);
  ASSERT_EQ(waits.cycles.size(), 2u);
  EXPECT_EQ(threads_of(waits, waits.cycles[0]),
            (std::vector<std::string>{"thread:9", "thread:10"}));
  EXPECT_EQ(threads_of(waits, waits.cycles[1]),
            (std::vector<std::string>{"thread:10", "thread:30"}));
}

// No recursion: a chain as long as memory allows.
TEST(WaitGraph, VeryLongChain) {
  Waits waits;
  constexpr int kLength = 200'000;
  for (int i = 0; i < kLength; ++i)
    waits.add({"thread:" + std::to_string(i), WaitKind::thread, 0, "", ""});
  for (std::size_t i = 0; i < kLength; ++i)
    waits.connect({i, (i + 1) % kLength, WaitRelation::waits_for, WaitMode::none, "", false, false,
                   0, WaitTrust::read, ""});
  find_cycles(waits);
  ASSERT_EQ(waits.cycles.size(), 1u);
  EXPECT_EQ(waits.cycles[0].nodes.size(), static_cast<std::size_t>(kLength));
}

} // namespace
} // namespace dumptriage::system
