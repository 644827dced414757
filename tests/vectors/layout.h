// Lays a recorded program out in memory as a Windows image would be: its code and data where they
// ran, and below them the function table and unwind information in the form of its CPU.
#pragma once

#include <string>

#include "arch/arch.h"
#include "vectors/snapshots.h"

namespace dumptriage::vectors {

struct LaidOut {
  arch::Machine machine = arch::Machine::unknown;
  std::uint64_t base = 0;
  std::uint32_t size = 0; // up to the end of the last piece
  // Rvas.  `free` has room for what else an image needs (headers are below kPdata).
  static constexpr std::uint32_t kPdata = 0x2000;
  std::uint32_t xdata = 0, free = 0;
  Bytes pdata_bytes, xdata_bytes;
  std::vector<Piece> segments; // those within reach of the base; the others are plain memory
  std::vector<Piece> elsewhere;
  std::vector<arch::FunctionEntry> entries; // sorted
};

// `machine`: ia64, alpha64 or alpha (addresses in the table cut to 32 bits).
LaidOut lay_out(const Program& program, arch::Machine machine);

// The table of one image; addresses outside it are unknown.
class LaidOutTable final : public arch::UnwindSource {
public:
  explicit LaidOutTable(const LaidOut& image) : image_(image) {}
  arch::FunctionLookup find(std::uint64_t pc, arch::FunctionEntry& entry) const override;

private:
  const LaidOut& image_;
};

} // namespace dumptriage::vectors
