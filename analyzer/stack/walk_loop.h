// The walk loop on the ground it needs, so that it can be tested without images and symbols.
#pragma once

#include <functional>

#include "stack/stack.h"
#include "stack/thread_starts.h"

namespace dumptriage::stack {

struct Ground {
  const arch::Arch& arch;
  const arch::UnwindSource& functions;
  const memory::AddressSpace& memory; // with image files laid over the holes
  std::function<std::optional<std::size_t>(std::uint64_t)> module_at;
  std::function<std::string(std::size_t)> module_name;
  // May the address be executed?  Nothing when no image tells.
  std::function<std::optional<bool>(std::uint64_t)> is_code;
  // Stacks that the walk may go over to: a DPC or an interrupt runs on a stack of its own.
  std::vector<memory::AddressSpace::Range> other_stacks = {};
  // Is this the frame of a function in which threads begin?  May be empty.
  std::function<std::optional<ThreadStart>(const Frame&)> thread_start = {};
};

Stack walk_on(const Ground& ground, const arch::Registers& start, std::uint64_t stack_low,
              std::uint64_t stack_high, const WalkLimits& limits);

} // namespace dumptriage::stack
