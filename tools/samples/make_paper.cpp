// Writes the x86 samples of the first four articles: the scenarios of tests/matrix, each affected,
// with full symbols, as dumps of machines on paper.
#include <cstdio>
#include <string>

#include "matrix/scenes.h"
#include "recorded.h"

using namespace dumptriage;
using namespace dumptriage::matrix;

namespace {

struct Sample {
  const char *name, *folder; // of its symbols
  Made made;
};

void write(const Sample& sample, const std::string& samples) {
  samples::write_file(samples + "/" + sample.name + ".dmp", sample.made.dump);
  samples::write_file(samples + "/truth/" + sample.name + ".json", sample.made.truth);
  for (const auto& [name, bytes] : sample.made.symbols)
    if (!name.ends_with(".exe") && !name.ends_with(".sys")) // the dumps hold the images
      samples::write_file(samples + "/symbols/" + sample.folder + "/" + name, bytes);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_paper SAMPLES_FOLDER\n");
    return 2;
  }
  const Level full = Level::full;
  const State affected = State::affected;
  write({"kernel-x86-nt4-q188315", "nt4/q188315", make_q188315({}, affected, full)}, argv[1]);
  write({"kernel-x86-nt4-q242896", "nt4/q242896", make_q242896({}, affected, full)}, argv[1]);
  write({"kernel-x86-nt4tse-q260752", "nt4/q260752", make_q260752(affected, full)}, argv[1]);
  write({"kernel-x86-ws2003sp2-kb961799", "ws2003",
         make_kb961799({.system = NtSystem::ws2003sp2_x86}, affected, full)},
        argv[1]);
  return 0;
}
