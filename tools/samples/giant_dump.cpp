// giant_dump KIND GB IN OUT - a full dump of a small machine becomes a sparse one of GB gigabytes.
// KIND: full, bitmap.  Built as a helper of the tests and of bench/run.sh.
#include <cstdio>
#include <cstdlib>

#include "synth/archives.h"
#include "synth/giant.h"

int main(int argc, char** argv) {
  using namespace dumptriage::synth;
  const unsigned long gigabytes = argc == 5 ? std::strtoul(argv[2], nullptr, 10) : 0;
  if (gigabytes == 0 || gigabytes > 1024) {
    std::fputs("usage: giant_dump full|bitmap GB IN OUT\n", stderr);
    return 2;
  }
  auto bytes = unpacked_file(argv[3]);
  auto dump = bytes ? FullDump::open(*bytes) : std::nullopt;
  if (!dump) {
    std::fprintf(stderr, "%s: not a whole full kernel dump\n", argv[3]);
    return 1;
  }
  std::string wrong = write_giant(*dump, argv[1], gigabytes, argv[4]);
  if (!wrong.empty()) std::fprintf(stderr, "%s: %s\n", argv[4], wrong.c_str());
  return wrong.empty() ? 0 : 1;
}
