// Recorded states of executed Alpha and Itanium code with their true frames: files NAME.jsonl.xz (a
// snapshot a line) and NAME.image.json (the program) of one folder.  The truth was kept by a shadow
// call stack while the code ran, so no unwinder took part in it.  What the fields mean is told in
// the README beside the files.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <vector>

namespace dumptriage::vectors {

using Bytes = std::vector<std::uint8_t>;
using Float = std::array<std::uint64_t, 2>; // low word (Itanium: the significand), high word

struct Piece {
  std::uint64_t address = 0;
  Bytes bytes;
  std::uint64_t end() const { return address + bytes.size(); }
};

struct Function {
  std::string name;
  std::uint64_t begin = 0, end = 0, prologue_end = 0; // of Itanium without the last
};

// Itanium: what .pdata and .xdata say, the header word as ELF writes it.
struct UnwindEntry {
  std::uint64_t begin = 0, end = 0, header = 0;
  Bytes descriptors;
};

struct Frame {
  std::string function;
  std::uint64_t pc = 0, sp = 0;
  // Preserved registers as the function had them when it called; the innermost frame has none here.
  bool caller = false;
  std::vector<std::uint64_t> alpha_s; // r9 ... r15
  std::vector<std::uint64_t> alpha_f; // f2 ... f9
  // Itanium.
  std::uint64_t bsp = 0, cfm = 0, gp = 0, pr = 0, lc = 0, unat = 0, fpsr = 0;
  std::vector<std::uint64_t> r4_7, b1_5, stacked;
  std::vector<Float> f; // f2 ... f5, f16 ... f31
};

struct Snapshot {
  int step = 0;
  std::string function;
  std::uint64_t pc = 0; // of Itanium with the slot in bits 3:2
  std::vector<std::uint64_t> r;
  std::vector<Float> f;
  std::vector<Piece> memory;
  // Itanium.
  std::vector<std::uint64_t> stacked, b;
  std::uint64_t pr = 0, cfm = 0, pfs = 0, bsp = 0, rnat = 0, unat = 0, lc = 0, ec = 0, fpsr = 0;
  Piece backing;
  std::vector<Frame> frames; // innermost first
};

struct Program {
  std::string name; // of the files
  bool itanium = false;
  std::vector<Piece> segments;
  std::vector<Function> functions;
  std::vector<UnwindEntry> unwind;
  std::vector<Snapshot> snapshots;
};

// The folder that DUMPTRIAGE_CPU_VECTORS names, or the shared one.
std::string folder();
// The names of all programs in it, sorted; empty when it is not there.
std::vector<std::string> programs();
std::expected<Program, std::string> read(const std::string& name);

// A second opinion on the same states: {pc, sp} of the frames by the number of the step.
struct Opinion {
  std::uint64_t pc = 0, sp = 0;
};
// Of NAME.gdb.json.xz; empty when there is none.
std::map<int, std::vector<Opinion>> read_gdb(const std::string& name);

} // namespace dumptriage::vectors
