#include "vectors/layout.h"

#include <algorithm>
#include <optional>

#include "synth/bytes_out.h"

namespace dumptriage::vectors {
namespace {

using synth::put16;
using synth::put32;
using synth::put64;

constexpr std::uint64_t kPage = 0x2000;
constexpr std::uint64_t round_up(std::uint64_t value) { return (value + kPage - 1) & ~(kPage - 1); }

// Of a row {begin, end, handler, handler data, end of the prologue}: 11_alpha.md section 4, five
// words of 32 bits [M] or, of Alpha64, of 64 [M].
void put_row(LaidOut& out, std::size_t index, unsigned width, std::uint64_t begin,
             std::uint64_t end, std::uint64_t last) {
  const std::size_t at = index * 5 * width;
  synth::put(out.pdata_bytes, at, begin, width);
  synth::put(out.pdata_bytes, at + width, end, width);
  synth::put(out.pdata_bytes, at + 2 * width, 0, width);
  synth::put(out.pdata_bytes, at + 3 * width, 0, width);
  synth::put(out.pdata_bytes, at + 4 * width, last, width);
}

// A function NAME_cold is a piece of NAME, cut off: a secondary entry, whose last word is the
// address of its primary's row (11_alpha.md section 4, "non-contiguous piece" [M]).
std::optional<std::size_t> primary_of(const Program& program, const Function& piece) {
  for (std::string_view ending : {"_cold", ".cold"}) {
    if (!piece.name.ends_with(ending)) continue;
    const std::string stem = piece.name.substr(0, piece.name.size() - ending.size());
    const auto found = std::ranges::find(program.functions, stem, &Function::name);
    if (found != program.functions.end())
      return static_cast<std::size_t>(found - program.functions.begin());
  }
  return std::nullopt;
}

void alpha_table(const Program& program, LaidOut& out) {
  const unsigned width = out.machine == arch::Machine::alpha ? 4 : 8, size = 5 * width;
  for (std::size_t i = 0; i < program.functions.size(); ++i) {
    const Function& f = program.functions[i];
    const std::optional<std::size_t> primary = primary_of(program, f);
    put_row(out, i, width, f.begin, f.end,
            primary ? out.base + LaidOut::kPdata + *primary * size : f.prologue_end);
    out.entries.push_back({out.base, static_cast<std::uint32_t>(f.begin - out.base),
                           static_cast<std::uint32_t>(f.end - out.base),
                           static_cast<std::uint32_t>(LaidOut::kPdata + i * size)});
  }
}

// 12_ia64.md section 4: rows {begin, end, unwind information} of rvas [M]; the header is version 3,
// flags, length in words of 8 bytes [M], and the same descriptors follow [M].
void itanium_table(const Program& program, LaidOut& out) {
  for (const UnwindEntry& entry : program.unwind) {
    const std::size_t at = out.xdata_bytes.size();
    put16(out.xdata_bytes, at, 3);
    put16(out.xdata_bytes, at + 2, entry.header >> 32);
    put32(out.xdata_bytes, at + 4, entry.header);
    synth::append(out.xdata_bytes, entry.descriptors);
    synth::align(out.xdata_bytes, 8);
    const std::uint32_t row[] = {static_cast<std::uint32_t>(entry.begin - out.base),
                                 static_cast<std::uint32_t>(entry.end - out.base),
                                 static_cast<std::uint32_t>(out.xdata + at)};
    for (std::uint32_t word : row) put32(out.pdata_bytes, out.pdata_bytes.size(), word);
    out.entries.push_back({out.base, row[0], row[1], row[2]});
  }
}

} // namespace

LaidOut lay_out(const Program& program, arch::Machine machine) {
  LaidOut out;
  out.machine = machine;
  constexpr std::uint64_t kReach = 0x40000000, kGranule = 0x10000;
  const std::uint64_t first = program.segments.front().address;
  // Room below the code: what lies behind it may be the stack.
  out.xdata = static_cast<std::uint32_t>(LaidOut::kPdata + round_up(40 * program.functions.size()));
  std::uint64_t room = 0;
  for (const UnwindEntry& entry : program.unwind) room += 16 + entry.descriptors.size();
  out.free = static_cast<std::uint32_t>(out.xdata + round_up(room));
  out.base = (first - (out.free + 8 * kPage)) & ~(kGranule - 1);
  for (const Piece& segment : program.segments) {
    const bool near = segment.end() - first < kReach;
    (near ? out.segments : out.elsewhere).push_back(segment);
    if (near) out.size = static_cast<std::uint32_t>(segment.end() - out.base);
  }
  machine == arch::Machine::ia64 ? itanium_table(program, out) : alpha_table(program, out);
  return out;
}

arch::FunctionLookup LaidOutTable::find(std::uint64_t pc, arch::FunctionEntry& entry) const {
  if (pc < image_.base || pc - image_.base >= image_.size) return arch::FunctionLookup::unknown;
  const std::uint64_t rva = pc - image_.base;
  auto after = std::ranges::upper_bound(image_.entries, rva, {}, &arch::FunctionEntry::begin);
  if (after == image_.entries.begin() || rva >= (--after)->end) return arch::FunctionLookup::leaf;
  entry = *after;
  return arch::FunctionLookup::found;
}

} // namespace dumptriage::vectors
