#include "vectors/moved.h"

#include <algorithm>
#include <cstring>

#include "synth/bytes_out.h"

namespace dumptriage::vectors {
namespace {

constexpr std::uint64_t kUp = 0x80000000, kSigns = 0xFFFFFFFF00000000;

std::uint64_t end_of(const Program& program) {
  std::uint64_t end = 0;
  for (const Piece& segment : program.segments) end = std::max(end, segment.end());
  for (const Snapshot& snapshot : program.snapshots)
    for (const Piece& piece : snapshot.memory) end = std::max(end, piece.end());
  return end;
}

class Mover {
public:
  explicit Mover(const Program& program)
      : low_(program.segments.front().address), high_(end_of(program)) {}
  void value(std::uint64_t& word) const {
    if (word >= low_ && word <= high_) word = (word + kUp) | kSigns;
  }
  void values(std::vector<std::uint64_t>& words) const {
    for (std::uint64_t& word : words) value(word);
  }
  void words(Piece& piece) const {
    for (std::size_t at = -piece.address & 7; at + 8 <= piece.bytes.size(); at += 8) {
      std::uint64_t word = 0;
      for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{piece.bytes[at + i]} << 8 * i;
      value(word);
      synth::put64(piece.bytes, at, word);
    }
  }

private:
  std::uint64_t low_, high_;
};

} // namespace

bool fits_32_bits(const Program& program) { return end_of(program) <= kUp; }

Program in_upper_half(Program program) {
  const Mover move(program);
  program.name += ", upper half";
  for (Piece& segment : program.segments) segment.address += kUp;
  for (Function& f : program.functions) f.begin += kUp, f.end += kUp, f.prologue_end += kUp;
  for (Snapshot& snapshot : program.snapshots) {
    move.value(snapshot.pc);
    move.values(snapshot.r);
    for (Float& f : snapshot.f) move.value(f[0]);
    for (Piece& piece : snapshot.memory) {
      move.words(piece);
      piece.address += kUp;
    }
    for (Frame& frame : snapshot.frames) {
      move.value(frame.pc);
      move.value(frame.sp);
      move.values(frame.alpha_s);
      move.values(frame.alpha_f);
    }
  }
  return program;
}

} // namespace dumptriage::vectors
