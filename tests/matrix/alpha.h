// Dumps of NT 4.0 for Alpha: the samples of dumps-samples with single bytes changed, and a machine
// on paper for Q260752.
//
// What such a dump cannot tell, whatever happened: the edition (no source says where Alpha has the
// page that the kernel shares with programs), the form of pool headers, the layout of threads.  So
// no article is more than likely here.
#pragma once

#include "matrix/matrix.h"

namespace dumptriage::matrix {

Made alpha_q188315(State state, Level level);
Made alpha_q242896(State state, Level level);
Made alpha_q260752(State state, Level level);
extern const Table kAlphaQ188315, kAlphaQ242896, kAlphaQ260752;

} // namespace dumptriage::matrix
