// Q242896: sfmsrv.sys frees one IRP twice after a filter declined FastIoUnlockSingle.
//
// What the article says: NT Server 4.0 and its Enterprise Edition, x86 and Alpha; the completion
// routine frees the IRP and its allocator frees it again, which damages pool and lookaside lists
// (any stop, or a hang); fixed by the sfmsrv.sys of 1999-09-29 (x86 19:49, 134,416 bytes; Alpha
// 19:48, 241,744 bytes).  Terminal Server Edition is not named.  The files of Q241024 have the same
// sizes and are a day older, without this fix.
#include <gtest/gtest.h>

#include "matrix/alpha.h"
#include "matrix/scenes.h"

namespace dumptriage::matrix {
namespace {

const char* const kKb = "Q242896";

const Table kX86 = {
    {State::affected,
     {"confirmed", "confirmed", "confirmed", "confirmed"},
     "an IRP freed twice with its completion routine in sfmsrv.sys, which is older than the fix"},
    {State::fixed, {"refuted", "refuted", "refuted", "refuted"}, "the sfmsrv.sys of the article"},
    {State::edition,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "the article names Server and Enterprise Edition, not Terminal Server Edition"},
    {State::os,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "Windows 2000"},
    {State::other,
     {"possible|likely", "possible|likely", "possible|likely", "possible|likely"},
     "sfmsrv.sys frees something else, and no IRP was freed twice"},
    {State::paged_out,
     {"possible|likely", "possible|likely", "possible|likely", "possible|likely"},
     "the page of the IRP is not there: whether it was freed twice cannot be told"},
};

TEST(Matrix, Q242896) {
  run(kKb, {{"x86 Server", "full",
             [](State state, Level level) { return make_q242896({}, state, level); }, kX86},
            {"Alpha Server", "full", alpha_q242896, kAlphaQ242896}});
}

// The file of Q241024: a day older, the same size.
TEST(Matrix, Q242896TheFileOfADayBeforeIsNotFixed) {
  const IrpScene scene{.linked = day(1999, 9, 28)};
  const std::string verdict = judged(kKb, make_q242896(scene, State::affected, Level::full));
  EXPECT_EQ(verdict, "confirmed");
}

// Other stops, and a hang, with the same damage.
TEST(Matrix, Q242896OtherStops) {
  for (std::uint32_t stop : {0x19u, 0x1Eu, 0x50u, 0xE2u}) {
    const std::string verdict =
        judged(kKb, make_q242896({.stop = stop}, State::affected, Level::full));
    EXPECT_EQ(verdict, "confirmed") << std::hex << stop;
  }
}

} // namespace
} // namespace dumptriage::matrix
