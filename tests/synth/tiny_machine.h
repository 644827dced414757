// synth: a machine of a few page frames with page tables, debugger data, one module, one CPU and
// its thread, as a full dump; x64, x86 or x86 PAE.  For tests that need no executed code.
#pragma once

#include <map>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

enum class TinyPaging { x64, x86, pae };

// The frames lie in two runs, [1, 8) and [0x10, 0x28); the second frame of neighbouring virtual
// pages never follows the first one.
struct TinyMachine {
  explicit TinyMachine(TinyPaging paging);
  Bytes full_dump() const;

  TinyPaging paging;
  bool wide;
  std::uint64_t root = 0;        // DirectoryTableBase
  std::uint64_t kernel = 0;      // virtual address of its kernel pages
  std::uint64_t user = 0x400000; // one user page
  std::uint64_t user_frame = 0x1f;
  // By kernel page: 0 image header, 1 and 2 variables, 3 objects, 4 and 5 the stack, 6 only zeros.
  static constexpr std::uint64_t kFrames[] = {0x15, 0x14, 0x17, 0x16, 0x19, 0x18, 0x1a};
  std::uint64_t modules = 0, kdbg = 0, processors = 0, prcb = 0, thread = 0, process = 0,
                context = 0, stack_top = 0, stack_base = 0;

  void write(std::uint64_t address, std::uint64_t value, std::size_t size);

private:
  void map(std::uint64_t address, std::uint64_t frame);
  void fill();
  std::uint64_t next_table();
  std::map<std::uint64_t, Bytes> frames_;
  std::uint64_t table_ = 1;
};

} // namespace dumptriage::synth
