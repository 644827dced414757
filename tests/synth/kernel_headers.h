// synth: headers of kernel dumps, and dumps of a few page frames behind them, laid down by offset
// from the published tables; no analyzer/formats.  A header begins as filler all through, as
// Windows leaves it, so a field that a test does not set is one that nobody wrote.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

inline constexpr std::uint32_t kMachineX86 = 0x14C, kMachineX64 = 0x8664, kMachineArm64 = 0xAA64,
                               kMachineIa64 = 0x200, kMachineAlpha = 0x184;

Bytes page_filler(std::size_t size); // "PAGEPAGE..."

using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>; // {first frame, frames}

// What stands in every header: version, build, machine; the rest filler.
Bytes header64(std::uint32_t build, std::uint32_t machine = kMachineX64);
Bytes header32(std::uint32_t build, std::uint32_t machine = kMachineX86);
bool is_64(const Bytes& header);
void set_dump_type(Bytes& header, std::uint32_t type);
void set_runs(Bytes& header, const Runs& runs); // and their sum
void set_roots(Bytes& header, std::uint64_t directory_table_base, std::uint64_t module_list,
               std::uint64_t process_list);

// A few page frames, ascending; the bytes of each are a page long.
struct Frame {
  std::uint64_t number = 0;
  Bytes bytes;
};
using FrameList = std::vector<Frame>;

// Containers.  Each takes a header of its width and gives the whole file.
Bytes as_full(Bytes header, const FrameList& frames);
Bytes as_summary(Bytes header, const FrameList& frames, std::uint64_t bits);
// `first_page` 0: right behind the bits, aligned to nothing.
Bytes as_bitmap(Bytes header, const FrameList& frames, std::uint64_t bits, std::uint32_t type = 6,
                std::uint64_t first_page = 0);
Bytes as_rdmp(Bytes header, const FrameList& frames, std::uint32_t type);

// A kernel in as few frames as its page tables need.  One page of it is mapped: at its start a list
// head (the module list) with one entry, and an empty one (the processes).
enum class Tables { x86, pae, x64, la57, arm64 };
struct TinyKernel {
  std::uint64_t root = 0, page_address = 0, module_list = 0, process_list = 0;
  FrameList frames;
};
struct TinyOptions {
  std::uint64_t first_frame = 0x10; // of the root; the others follow
  bool self_map = true;
  std::uint32_t root_offset = 0; // PAE: where in its page the root stands
};
TinyKernel tiny_kernel(Tables tables, const TinyOptions& options = {});
// A header for it: roots and type set.
Bytes header_for(const TinyKernel& kernel, Tables tables, std::uint32_t build);

} // namespace dumptriage::synth
