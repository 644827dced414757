// Q260752: Mup.sys and the redirector wait for each other.
//
// What the article says: NT Server 4.0, Terminal Server Edition, x86 and Alpha; the server hangs
// when clients of two sessions use Dfs shares at a time; Mup.sys and the redirector deadlock;
// fixed by the mup.sys of 1999-06-12 22:42 (69,168 bytes) for x86.  The proof is a cycle of waits
// through threads in both modules.
#include <gtest/gtest.h>

#include "matrix/alpha.h"
#include "matrix/scenes.h"

namespace dumptriage::matrix {
namespace {

const char* const kKb = "Q260752";

const Table kX86 = {
    {State::affected,
     {"confirmed", "confirmed", "confirmed", "confirmed"},
     "a cycle of two threads whose frames lie in both modules, and an older mup.sys; no name of a "
     "function is part of the article"},
    {State::fixed, {"refuted", "refuted", "refuted", "refuted"}, "the mup.sys of the article"},
    {State::edition,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "not the Terminal Server Edition, by the versions of its files"},
    {State::os,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "Windows 2000"},
    {State::other,
     {"possible|likely", "possible|likely", "possible|likely", "possible|likely"},
     "threads wait in both modules, but not for each other"},
    {State::paged_out,
     {"possible|likely|undecided", "possible|likely|undecided", "possible|likely|undecided",
      "possible|likely|undecided"},
     "the stacks of the waiting threads are not there"},
};

TEST(Matrix, Q260752) {
  run(kKb, {{"x86 Terminal Server", "full", make_q260752, kX86},
            {"Alpha Terminal Server", "full", alpha_q260752, kAlphaQ260752}});
}

} // namespace
} // namespace dumptriage::matrix
