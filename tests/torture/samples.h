// The samples of each run.
#pragma once

#include <string>
#include <vector>

#include "torture/mutate.h"

namespace dumptriage::torture {

// Every dump of a folder: cut at every byte, 100,000 random changes in all.
std::vector<Sample> dump_samples(const std::string& dir);
// Every kind of kernel dump that can be made from the full ones of a folder, and the user dump of
// NT 4: cut at every byte of its headers and every 4 KB after, 100,000 random changes each.
std::vector<Sample> kernel_dump_samples(const std::string& dir);

} // namespace dumptriage::torture
