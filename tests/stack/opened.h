// A dump with its symbols, walked and printed, for the tests on real dumps.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "dump/dump.h"
#include "stack/stack.h"

namespace dumptriage::stack {

// Keeps what the stacks point into.
struct Opened {
  dump::Dump dump;
  symbols::Store store;
  system::Snapshot snapshot;
  symbols::ModuleSet modules;
  Opened(dump::Dump d, std::vector<symbols::SearchRoot> roots)
      : dump(std::move(d)), store(std::move(roots)), snapshot(system::take_snapshot(dump)),
        modules(snapshot.modules, snapshot.memory, snapshot.machine, &store) {}
  Stack walk_from(const arch::Registers& start, const system::ThreadState& thread) {
    Stack stack =
        walk(start, *arch::find(snapshot.machine), modules, thread.stack_low, thread.stack_high);
    name_frames(stack, modules);
    return stack;
  }
  Stack walk_thread(const system::ThreadState& thread) {
    return walk_from(*thread.context, thread);
  }
};

inline std::string print(const Stack& stack) {
  std::string text;
  for (std::size_t i = 0; i < stack.frames.size() && i < 80; ++i) {
    const Frame& f = stack.frames[i];
    text += fmt::format(
        "{}{:2} pc {:X} sp {:X} {} {}!{}+{:X}\n", i == stack.sure_frames ? "--- guessed\n" : "", i,
        f.pc, f.sp, arch::name_of(f.trust), f.module_name,
        f.symbol ? f.symbol->symbol.function : "?", f.symbol ? f.symbol->symbol.offset : 0);
  }
  return text + "sure " + std::to_string(stack.sure_frames) + (stack.whole ? " whole" : "") +
         ", sure ended: " + stack.sure_ended + ", ended: " + stack.ended + "\n";
}

} // namespace dumptriage::stack
