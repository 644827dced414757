// Dumps of Server 2003 SP2 for Itanium: the samples of dumps-samples with single bytes changed.
#pragma once

#include "matrix/matrix.h"

namespace dumptriage::matrix {

std::vector<Row> itanium_rows();

} // namespace dumptriage::matrix
