// convert_dump KIND IN OUT - makes another kind of kernel dump from a full one (IN may be packed).
//   full summary bitmap-full bitmap rdmp-8 rdmp-9 rdmp-a live triage header nt4
// With -kernel behind it (summary-kernel) only pages of the kernel half are kept, with -small only
// those of them that are not all zero.  Built as a helper of the tests.
#include <cstdio>
#include <fstream>
#include <string>

#include "synth/archives.h"
#include "synth/convert.h"

int main(int argc, char** argv) {
  using namespace dumptriage::synth;
  if (argc != 4) {
    std::fputs("usage: convert_dump KIND IN OUT\n", stderr);
    return 2;
  }
  auto bytes = unpacked_file(argv[2]);
  auto dump = bytes ? FullDump::open(*bytes) : std::nullopt;
  if (!dump) {
    std::fprintf(stderr, "%s: not a whole full kernel dump\n", argv[2]);
    return 1;
  }
  auto converted = convert(*dump, argv[1]);
  if (!converted) {
    std::fprintf(stderr, "%s: no kind of dump that can be made from this one\n", argv[1]);
    return 2;
  }
  std::ofstream out(argv[3], std::ios::binary);
  out.write(reinterpret_cast<const char*>(converted->data()),
            static_cast<std::streamsize>(converted->size()));
  return out.good() ? 0 : 1;
}
