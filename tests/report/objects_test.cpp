// Waits, IRPs, pool and equal stacks, as the text report shows them.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "report/document.h"
#include "report/documents.h"

namespace dumptriage::report {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

// Threads 100, 104, ... each hold a resource and wait for the next one's.
Document ring(int threads, bool closed) {
  Document d = full_document();
  d.waits = {};
  for (int i = 0; i < threads; ++i) {
    std::string id = std::to_string(100 + 4 * i);
    d.waits.nodes.push_back({"thread:" + id, "thread", "thread " + id + " of System", "", {}});
    d.waits.nodes.push_back(
        {"ERESOURCE@" + id, "resource", "ERESOURCE 0x" + id, "owned exclusive", {}, true});
  }
  for (int i = 0; i < threads; ++i) {
    std::size_t thread = 2 * i, own = 2 * i + 1, next = (2 * i + 3) % (2 * threads);
    d.waits.edges.push_back({own, thread, true, "exclusive", "", "read", ""});
    if (closed || i + 1 < threads)
      d.waits.edges.push_back({thread, next, false, "shared", "WrResource", "read", ""});
  }
  if (!closed) return d;
  WaitCycleRow cycle;
  for (int i = 0; i < threads; ++i) {
    cycle.nodes.push_back(2 * i);
    cycle.nodes.push_back((2 * i + 3) % (2 * threads));
  }
  cycle.trust = "read";
  d.waits.cycles.push_back(cycle);
  return d;
}

TEST(WaitText, CycleIsDrawnFirst) {
  std::string text = to_text(ring(2, true), {});
  EXPECT_TRUE(has(text, "Deadlock: 2 threads wait for each other\n"
                        "             thread 100 of System waits for ERESOURCE 0x104, shared\n"
                        "  -> held by thread 104 of System waits for ERESOURCE 0x100, shared\n"
                        "  -> held by thread 100 of System, where it began\n"))
      << text;
  EXPECT_LT(text.find("Deadlock"), text.find("  ERESOURCE 0x100: owned exclusive\n"));
  EXPECT_TRUE(has(text, "held by thread 100 of System (exclusive)\n"
                        "      wanted by thread 104 of System (shared)\n"))
      << text;
}

TEST(WaitText, FiftyThreadsStayReadable) {
  std::string text = to_text(ring(50, true), {});
  EXPECT_TRUE(has(text, "Deadlock: 50 threads"));
  EXPECT_EQ(count(text, "-> held by thread"), 50u);
  EXPECT_TRUE(has(text, "38 more locks (--locks)"));
  EXPECT_FALSE(has(text, "more, all in the JSON"));
  text = to_text(ring(200, true), {});
  EXPECT_TRUE(has(text, "... 140 more, all in the JSON report"));
  EXPECT_TRUE(has(text, "-> held by thread 896 of System"));
}

TEST(WaitText, WithoutCycleNoDeadlockWithoutWaitNothing) {
  std::string text = to_text(ring(3, false), {});
  EXPECT_FALSE(has(text, "Deadlock"));
  EXPECT_TRUE(has(text, "Who waits for whom"));
  Document none = ring(3, false);
  none.waits = {};
  EXPECT_FALSE(has(to_text(none, {}), "Who waits for whom"));
}

TEST(WaitText, HeldLocksOnlyWhenAsked) {
  Document d = ring(1, false);
  TextOptions options;
  EXPECT_TRUE(has(to_text(d, options), "1 more lock (--locks)"));
  EXPECT_FALSE(has(to_text(d, options), "held by thread 100"));
  options.locks = true;
  EXPECT_TRUE(has(to_text(d, options), "held by thread 100"));
}

TEST(WaitText, ExitsEventsAndDoubts) {
  Document d = ring(2, true);
  d.waits.cycles[0].timeout = true;
  d.waits.cycles[0].trust = "inferred";
  d.waits.nodes.push_back({"event@1", "event", "event 0x1", "", {}});
  d.waits.edges.push_back({0, 4, false, "", "Executive", "read", ""});
  std::string text = to_text(d, {});
  EXPECT_TRUE(has(text, "one of the waits ends by itself after some time; one of the waits is "
                        "inferred"))
      << text;
  EXPECT_TRUE(has(text, "Other waits, for what no thread is known to hold: 1 event (")) << text;
  d.waits.cycles[0].nodes = {0, 2, 1};
  text = to_text(d, {});
  EXPECT_TRUE(has(text, "thread 100 of System waits for the exit of\n"
                        "  ->         thread 104 of System waits for"))
      << text;
}

TEST(IrpText, OfTheStopAlwaysOthersWhenAsked) {
  Document d = full_document();
  std::string text = to_text(d, {});
  EXPECT_TRUE(has(text, "IRP 0xFFFFFADF00002000 (bugcheck parameter 1) of thread 36: completed "
                        "already"))
      << text;
  EXPECT_FALSE(has(text, "IrpList of thread 40"));
  TextOptions options;
  options.irps = true;
  text = to_text(d, options);
  EXPECT_TRUE(has(text, "IrpList of thread 40): at 1 of 2, pending"));
  EXPECT_TRUE(has(text, "-> 1 IRP_MJ_READ, \\Driver\\netbt, device 0xFFFFFADF00003000, completion "
                        "tcpip.sys+0x10"))
      << text;
}

TEST(PoolText, BlockItsNeighboursAndTheDamage) {
  std::string text = to_text(full_document(), {});
  EXPECT_TRUE(has(text, "Pool around 0xFFFFFADF00004050 (asked for)")) << text;
  EXPECT_TRUE(has(text, "-> 0xFFFFFADF00004040   0x60  NbtL  allocated, nonpaged")) << text;
  EXPECT_TRUE(has(text, "INCONSISTENT at 0xFFFFFADF000040A0: a block size of 0")) << text;
}

Document many_threads(int count) {
  Document d = full_document();
  for (int i = 0; i < count; ++i) {
    ThreadRow row;
    row.id = std::to_string(1000 + 4 * i);
    row.process = i % 2 ? "svchost.exe" : "System";
    row.state = "waiting";
    row.walked = true;
    row.sure_frames = 1;
    FrameRow frame;
    frame.pc = i == 7 ? 0xFFFFF80001000777 : 0xFFFFF80001000100;
    frame.sp = 0xFFFFFADF20000000 + 0x1000 * i;
    frame.module = "netbt.sys";
    frame.trust = "context";
    row.frames = {frame};
    d.threads.push_back(row);
  }
  return d;
}

TEST(ThreadText, EqualStacksAreShownOnce) {
  TextOptions options;
  options.threads = TextOptions::Threads::all;
  std::string text = to_text(many_threads(300), options);
  EXPECT_TRUE(has(text, "299 threads with the same stack"));
  EXPECT_EQ(count(text, "0xFFFFF80001000100"), 1u);
  EXPECT_TRUE(has(text, "Thread 1028 of svchost.exe, waiting"));
  EXPECT_TRUE(has(text, "1000, 1008, 1016"));
  EXPECT_TRUE(has(text, "of svchost.exe, waiting"));
}

} // namespace
} // namespace dumptriage::report
