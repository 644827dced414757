// Q188315: sfmsrv.sys follows a pointer to a session that is gone.
//
// What the article says: NT Server 4.0 and its Terminal Server Edition, x86 and Alpha; a stop in
// Sfmsrv.sys when a client is dismounted while a message is sent to it; fixed in Service Pack 4.
// It names no code, no function, no file.  So the proof is that the fault touches the memory of a
// freed block; without that the module and its age make it likely at best.
#include <gtest/gtest.h>

#include "matrix/alpha.h"
#include "matrix/scenes.h"

namespace dumptriage::matrix {
namespace {

const char* const kKb = "Q188315";

const Table kX86 = {
    {State::affected,
     {"confirmed", "confirmed", "confirmed", "confirmed"},
     "the faulting operand was made of a pointer into a freed block, in a driver older than "
     "Service Pack 4; no name of a function is part of the article"},
    {State::fixed,
     {"refuted", "refuted", "refuted", "refuted"},
     "linked after Service Pack 4 came out"},
    {State::edition,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "Workstation has no file server for Macintosh, and the article names Server only"},
    {State::os,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "Windows 2000"},
    {State::other,
     {"possible|likely", "possible|likely", "possible|likely", "possible|likely"},
     "a wild write through a block in use: module and age fit, what the article describes is not "
     "shown"},
    {State::paged_out,
     {"possible|likely", "possible|likely", "possible|likely", "possible|likely"},
     "the page of the block is not there: whether it was free cannot be told"},
};

TEST(Matrix, Q188315) {
  std::vector<Row> rows;
  for (bool terminal_server : {false, true}) {
    const SessionScene scene{.terminal_server = terminal_server};
    rows.push_back({terminal_server ? "x86 Terminal Server" : "x86 Server", "full",
                    [scene](State state, Level level) { return make_q188315(scene, state, level); },
                    kX86});
  }
  rows.push_back({"Alpha Server", "full", alpha_q188315, kAlphaQ188315});
  run(kKb, rows);
}

TEST(Matrix, Q188315OtherStops) {
  for (std::uint32_t stop : {0x1Eu, 0x50u})
    EXPECT_EQ(judged(kKb, make_q188315({.stop = stop}, State::affected, Level::full)), "confirmed")
        << stop;
}

TEST(Matrix, Q188315ANullPointerIsLikelyAtMost) {
  const std::string verdict =
      judged(kKb, make_q188315({.touched = Touched::null}, State::affected, Level::full));
  EXPECT_TRUE(verdict == "likely" || verdict == "possible") << verdict;
}

} // namespace
} // namespace dumptriage::matrix
