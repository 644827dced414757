// stack: registers + memory -> frames.  The walk loop with its end rules, scan as the last resort,
// naming, and the top of a CPU's stack.  A stack is cut into the sure part and the guessed part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "base/error.h"
#include "symbols/module_set.h"
#include "system/snapshot.h"

namespace dumptriage::stack {

struct Frame {
  std::uint64_t pc = 0; // the return address itself; the caller is looked up at pc - 1 unless exact
  std::uint64_t sp = 0;
  bool exact_pc = false; // context, or interrupted here (machine frame)
  arch::Trust trust = arch::Trust::scan;
  memory::Origin origin = memory::Origin::dump; // of the bytes this frame rests on
  std::optional<std::size_t> module;            // index in Snapshot::modules
  std::string module_name;                      // its name, as walk() found it
  std::optional<symbols::NamedSymbol> symbol;
  arch::Registers registers;
  // The address to look things up at.
  std::uint64_t lookup() const { return exact_pc || pc == 0 ? pc : pc - 1; }
};

struct Stack {
  std::vector<Frame> frames;
  std::size_t sure_frames = 0; // frames[0, sure_frames) are proved; the rest are guesses
  std::string ended;           // why the walk ended, for people
  std::string sure_ended;      // why the sure part ended; empty when it ended with the stack
  std::string settled;         // what the dump had to show before the walk, as Arch::settle says it
  std::size_t work = 0;        // words scanned and instructions followed, against a common budget
  bool stopped = false;        // the sure part ends where no image would carry it further
  bool whole = false;          // the sure part reaches the known end of the stack
};

struct WalkLimits {
  std::size_t frames = 1024;
  std::size_t scan_words = 1024;
  std::size_t guessed_frames = 64;
};

// Walks, cuts, does not name.  `other_stacks`: those that it may go over to, as a DPC's walk goes
// from the DPC stack to that of the thread below it.
Stack walk(const arch::Registers& start, const arch::Arch& arch, symbols::ModuleSet& modules,
           std::uint64_t stack_low, std::uint64_t stack_high, const WalkLimits& limits = {},
           std::vector<memory::AddressSpace::Range> other_stacks = {});
// Gives names to frames.
void name_frames(Stack& stack, symbols::ModuleSet& modules);

// Index of the frame that is the top of a CPU's stack: the fault context itself, or the first frame
// below the stop machinery (KeBugCheck*, exception dispatch, trap handlers, freeze IPI/NMI,
// debugger entry).  Nothing when the machinery cannot be told from the rest (no names: cannot
// tell), unless `is_fault_context`.
struct Top {
  std::optional<std::size_t> frame;
  std::string why_unknown; // when there is none
};
Top top_of_stack(const Stack& stack, bool is_fault_context);

} // namespace dumptriage::stack
