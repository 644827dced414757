// Conditions on waiting threads: wait_cycle, blocked_threads, work_queue, lock_held.
#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

Fact wait(const char* id, const char* of, const char* kind, std::uint64_t object,
          const char* module_name = "") {
  Fact made = fact("wait", id,
                   {{"thread", text(of)},
                    {"object", Address{object}},
                    {"object_kind", text(kind)},
                    {"trust", text("read")}});
  if (*module_name) made.fields["object_module"] = text(module_name);
  return made;
}
Fact hold(const char* id, const char* of, const char* kind, std::uint64_t object,
          const char* module_name = "") {
  Fact made = wait(id, of, kind, object, module_name);
  made.kind = "hold";
  return made;
}

// Thread 10 in mup.sys waits for a resource that 14, in rdr.sys, holds, and the other way round.
FactSet deadlock() {
  Fact cycle = fact("wait_cycle", "wait_cycle:1",
                    {{"threads", number(2)}, {"trust", text("read")}, {"timeout", false}});
  cycle.refs = {"thread:10", "thread:14", "wait:1", "hold:1", "wait:2", "hold:2"};
  return with(
      {thread("10", {{"session", number(1)}, {"state", text("waiting")}}),
       thread("14", {{"session", number(2)}, {"state", text("waiting")}}),
       thread("18", {{"state", text("running")}}), frame_of("10", 0, "mup.sys", "MupCreate"),
       frame_of("14", 0, "rdr.sys", "RdrCreate"), frame_of("18", 0, "mup.sys", "MupCreate"),
       wait("wait:1", "10", "resource", 0x8A000000), hold("hold:1", "14", "resource", 0x8A000000),
       wait("wait:2", "14", "mutant", 0x8A001000, "rdbss.sys"),
       hold("hold:2", "10", "mutant", 0x8A001000, "rdbss.sys"), cycle});
}

TEST(WaitCycle, EveryKey) {
  const FactSet set = deadlock();
  const std::pair<const char*, const char*> cases[] = {
      {"true", "yes"},
      {"{modules: [mup.sys, rdr.sys]}", "yes"},
      {"{modules: [mup.sys, rdr.sys, rdbss.sys]}", "yes"}, // a lock in its data
      {"{modules: [mup.sys, ntfs.sys]}", "no"},
      {"{at_least: 2}", "yes"},
      {"{at_least: 3}", "no"},
      {"{objects: [resource, mutant]}", "yes"},
      {"{objects: resource}", "no"},
      {"{sessions: distinct}", "yes"},
      {"{sessions: apart}", "yes"},
      {"{modules: [mup, rdr], at_least: 2, objects: [resource, mutant], sessions: distinct}",
       "yes"},
  };
  for (auto [keys, expected] : cases)
    EXPECT_EQ(answer(std::string("wait_cycle: ") + keys, set), expected) << keys;
  EXPECT_EQ(answer("wait_cycle: true", with({})), "no");
  EXPECT_EQ(answer("wait_cycle: true", seen_in_part({})), "cannot tell");
}

TEST(WaitCycle, WhatIsNotKnownIsNoNo) {
  FactSet set = deadlock();
  find(set, "thread:14").fields.erase("session");
  EXPECT_EQ(answer("wait_cycle: {sessions: distinct}", set), "cannot tell");
  EXPECT_EQ(answer("wait_cycle: {sessions: apart}", set), "cannot tell");
  find(set, "thread:10").fields["process_id"] = number(84);
  find(set, "thread:14").fields["process_id"] = number(92);
  EXPECT_EQ(answer("wait_cycle: {sessions: apart}", set), "yes");
  find(set, "thread:14").fields["process_id"] = number(84);
  EXPECT_EQ(answer("wait_cycle: {sessions: apart}", set), "no");
  find(set, "thread:14").fields["process_id"] = number(92);
  find(set, "thread:14").fields["session"] = number(1);
  EXPECT_EQ(answer("wait_cycle: {sessions: apart}", set), "no");
  EXPECT_EQ(answer("wait_cycle: {sessions: distinct}", set), "no");
  find(set, "thread:14").fields["whole"] = false;
  EXPECT_EQ(answer("wait_cycle: {modules: [mup.sys, ntfs.sys]}", set), "cannot tell");
  find(set, "wait:1").fields.erase("object_kind");
  EXPECT_EQ(answer("wait_cycle: {objects: [resource, mutant]}", set), "cannot tell");
  // A thread of the circle that is not among the facts.
  FactSet torn = deadlock();
  find(torn, "wait_cycle:1").refs[1] = "thread:99";
  EXPECT_EQ(answer("wait_cycle: {modules: [mup.sys, rdr.sys]}", torn), "cannot tell");
}

TEST(WaitCycle, GuessesAreWeak) {
  FactSet timed = deadlock();
  find(timed, "wait_cycle:1").fields["timeout"] = true;
  EXPECT_EQ(answer("wait_cycle: true", timed), "weak yes");
  FactSet inferred = deadlock();
  find(inferred, "wait_cycle:1").fields["trust"] = text("inferred");
  EXPECT_EQ(answer("wait_cycle: true", inferred), "weak yes");
  FactSet checked = deadlock();
  find(checked, "wait_cycle:1").fields["trust"] = text("self_checked");
  EXPECT_EQ(answer("wait_cycle: true", checked), "yes");
  FactSet scanned = deadlock();
  find(scanned, "frame:14:0").fields["trust"] = text("scan");
  EXPECT_EQ(answer("wait_cycle: {modules: [mup.sys, rdr.sys]}", scanned), "weak yes");
}

TEST(BlockedThreads, CountsThreads) {
  const FactSet set = deadlock();
  EXPECT_EQ(answer("blocked_threads: {at_least: 1, module: mup.sys}", set), "yes");
  EXPECT_EQ(answer("blocked_threads: {at_least: 2, module: mup.sys}", set), "no"); // 18 runs
  EXPECT_EQ(answer("blocked_threads: {at_least: 2, module: [mup.sys, rdr.sys]}", set), "yes");
  EXPECT_EQ(answer("blocked_threads: {at_least: 2, wait: [resource, mutant]}", set), "yes");
  EXPECT_EQ(answer("blocked_threads: {at_least: 2, wait: resource}", set), "no");
  EXPECT_EQ(answer("blocked_threads: {at_least: 1, module: mup.sys, wait: mutant}", set), "no");
  EXPECT_EQ(answer("blocked_threads: {at_least: 1, function: rdr!RdrCreate}", set), "yes");
  EXPECT_EQ(answer("blocked_threads: {at_least: 1, function: rdr!RdrClose}", set), "no");
  EXPECT_EQ(answer("blocked_threads: {at_least: 60%, wait: [resource, mutant]}", set), "yes");
  EXPECT_EQ(answer("blocked_threads: {at_least: 70%, wait: [resource, mutant]}", set), "no");
}

TEST(BlockedThreads, OpenAndWeak) {
  FactSet set = deadlock();
  cover(set, "thread", Extent::partial, "not all threads");
  EXPECT_EQ(answer("blocked_threads: {at_least: 2, module: mup.sys}", set), "cannot tell");
  EXPECT_EQ(answer("blocked_threads: {at_least: 1, module: mup.sys}", set), "yes");
  EXPECT_EQ(answer("blocked_threads: {at_least: 60%, wait: [resource, mutant]}", set), "weak yes");
  FactSet guess = deadlock();
  find(guess, "frame:10:0").fields["sure"] = false;
  EXPECT_EQ(answer("blocked_threads: {at_least: 1, module: mup.sys}", guess), "weak yes");
  FactSet blind = deadlock();
  find(blind, "frame:14:0").fields["name_exact"] = false;
  find(blind, "frame:14:0").fields["function"] = text("RdrOther");
  EXPECT_EQ(answer("blocked_threads: {at_least: 1, function: rdr!RdrCreate}", blind),
            "cannot tell");
  FactSet stateless = deadlock();
  find(stateless, "thread:18").fields.erase("state");
  EXPECT_EQ(answer("blocked_threads: {at_least: 2, module: mup.sys}", stateless), "no");
  cover(stateless, "wait", Extent::partial);
  EXPECT_EQ(answer("blocked_threads: {at_least: 2, module: mup.sys}", stateless), "cannot tell");
}

TEST(BlockedThreads, Sessions) {
  FactSet set = deadlock();
  const char* two = "blocked_threads: {at_least: 2, wait: [resource, mutant], among: sessions}";
  find(set, "thread:18").fields["session"] = number(0);
  EXPECT_EQ(answer(two, set), "yes");
  find(set, "thread:14").fields["session"] = number(1);
  EXPECT_EQ(answer(two, set), "no");
  find(set, "thread:14").fields.erase("session");
  EXPECT_EQ(answer(two, set), "cannot tell");
}

FactSet starving_workers() {
  FactSet set = with({});
  for (const char* id : {"20", "24", "28", "2C"}) {
    const bool stuck = std::string(id) != "2C";
    set.facts.push_back(
        thread(id, {{"system_worker", text("critical")}, {"state", text("waiting")}}));
    set.facts.push_back(frame_of(id, 0, stuck ? "mup.sys" : "ntoskrnl.exe", "SomeFunction"));
    const std::string wait_id = std::string("wait:") + id;
    set.facts.push_back(wait(wait_id.c_str(), id, stuck ? "resource" : "queue", 0x8A002000));
  }
  set.facts.push_back(fact("work_queue", "work_queue:critical",
                           {{"queue", text("critical")},
                            {"workers", number(4)},
                            {"idle", number(1)},
                            {"pending", number(7)}}));
  // The stacks of other threads are not known; those of the workers are.
  cover(set, "thread", Extent::partial, "not all threads");
  return set;
}

TEST(BlockedThreads, WorkersAreCountedByTheirQueue) {
  FactSet set = starving_workers();
  const char* most = "blocked_threads: {at_least: 75%, module: mup.sys, among: critical_workers}";
  const char* all = "blocked_threads: {at_least: 80%, module: mup.sys, among: critical_workers}";
  EXPECT_EQ(answer(most, set), "yes");
  EXPECT_EQ(answer(all, set), "no");
  EXPECT_EQ(answer("blocked_threads: {at_least: 1, module: mup.sys, among: delayed_workers}", set),
            "cannot tell");
  find(set, "work_queue:critical").fields["workers"] = number(9);
  EXPECT_EQ(answer(most, set), "weak yes");
  EXPECT_EQ(answer(all, set), "cannot tell");
}

TEST(WorkQueue, IdleAndPending) {
  FactSet set = starving_workers();
  EXPECT_EQ(answer("work_queue: {queue: critical, idle_at_most: 1}", set), "yes");
  EXPECT_EQ(answer("work_queue: {queue: critical, idle_at_most: 0}", set), "no");
  EXPECT_EQ(answer("work_queue: {queue: critical, pending_at_least: 7}", set), "yes");
  EXPECT_EQ(answer("work_queue: {queue: critical, pending_at_least: 8}", set), "no");
  EXPECT_EQ(answer("work_queue: {queue: delayed, idle_at_most: 0}", set), "no");
  cover(set, "work_queue", Extent::partial);
  EXPECT_EQ(answer("work_queue: {queue: delayed, idle_at_most: 0}", set), "cannot tell");
  find(set, "work_queue:critical").fields["workers"] = number(0);
  EXPECT_EQ(answer("work_queue: {queue: critical, idle_at_most: 1}", set), "cannot tell");
  find(set, "work_queue:critical").trust = "inferred";
  EXPECT_EQ(answer("work_queue: {queue: critical, pending_at_least: 7}", set), "weak yes");
}

TEST(LockHeld, ByWhomAndWhere) {
  FactSet set = deadlock();
  EXPECT_EQ(answer("lock_held: {by: any_thread}", set), "yes");
  EXPECT_EQ(answer("lock_held: {by: any_thread, kind: mutant, in: rdbss.sys}", set), "yes");
  EXPECT_EQ(answer("lock_held: {by: any_thread, kind: resource, in: rdbss.sys}", set), "no");
  EXPECT_EQ(answer("lock_held: {by: crashing_thread}", set), "cannot tell");
  find(set, "thread:14").fields["crashed"] = true;
  EXPECT_EQ(answer("lock_held: {by: crashing_thread, kind: resource}", set), "yes");
  EXPECT_EQ(answer("lock_held: {by: crashing_thread, kind: mutant}", set), "no");
  find(set, "hold:1").fields["trust"] = text("inferred");
  EXPECT_EQ(answer("lock_held: {by: crashing_thread, kind: resource}", set), "weak yes");
  // Nobody waits for it.
  find(set, "wait:1").fields["object"] = Address{0x8A009000};
  EXPECT_EQ(answer("lock_held: {by: crashing_thread}", set), "no");
  cover(set, "wait", Extent::partial);
  EXPECT_EQ(answer("lock_held: {by: crashing_thread}", set), "cannot tell");
}

} // namespace
} // namespace dumptriage::rules::test
