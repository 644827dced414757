// The code that certainly belongs to the 32-bit x86 function at an address.
//
// x86 images have no function table, and symbols without sizes (publics, exports) leave open where
// a function ends and an unnamed one begins.  So the code is followed from the start, but not where
// it may go over into another function:
//   - by a jump that finds the stack pointer as the entry left it: a tail call looks the same;
//     a conditional one is believed unless its target is aligned as functions are;
//   - through padding behind a call, which may never return;
//   - through a jump table, whose end nothing tells.
#include <deque>
#include <set>

#include "arch/tables.h"
#include "arch/x86_follow.h"

namespace dumptriage::arch {
namespace {

using namespace x86;

constexpr std::uint32_t kFunctionAlignment = 16;
// Instructions followed.
constexpr std::size_t kEffort = 20000;

struct NoHints final : UnwindSource {
  FunctionLookup find(std::uint64_t, FunctionEntry&) const override {
    return FunctionLookup::unknown;
  }
};

class Reach {
public:
  Reach(const Followed& followed, std::uint32_t start) : steps_(followed.steps()), todo_{start} {
    while (!todo_.empty()) {
      const std::uint32_t address = todo_.front();
      todo_.pop_front();
      const auto step = steps_.find(address);
      if (step == steps_.end() || !step->second.decoded || !reached_.insert(address).second)
        continue;
      State before = step->second.before;
      go_on(address, step->second.instruction,
            followed.settle(before.registers[kEsp]).is_entry(kEsp));
    }
  }

  std::vector<memory::AddressSpace::Range> ranges() const {
    std::vector<memory::AddressSpace::Range> ranges;
    for (const std::uint32_t address : reached_) {
      const std::uint64_t end = std::uint64_t{address} + steps_.at(address).instruction.length;
      if (!ranges.empty() && ranges.back().end == address)
        ranges.back().end = end;
      else
        ranges.push_back({address, end});
    }
    return ranges;
  }

private:
  void go_on(std::uint32_t address, const Instruction& in, bool stack_as_at_entry) {
    const std::uint32_t next = address + in.length;
    switch (in.flow) {
    case Flow::call:
      behind_call_.insert(next);
      todo_.push_back(next);
      break;
    case Flow::next:
      if (in.is_nop && behind_call_.contains(address)) {
        if (next % kFunctionAlignment == 0) break;
        behind_call_.insert(next);
      }
      todo_.push_back(next);
      break;
    case Flow::branch:
      todo_.push_back(next);
      if (!stack_as_at_entry || in.target % kFunctionAlignment != 0) todo_.push_back(in.target);
      break;
    case Flow::jump:
      if (!stack_as_at_entry) todo_.push_back(in.target);
      break;
    default: break;
    }
  }

  const std::map<std::uint32_t, Step>& steps_;
  std::deque<std::uint32_t> todo_;
  std::set<std::uint32_t> reached_, behind_call_;
};

} // namespace

std::vector<memory::AddressSpace::Range> reached_code_x86(const memory::AddressSpace& memory,
                                                          std::uint64_t start) {
  if (start > UINT32_MAX) return {};
  const Registers none;
  const NoHints hints;
  std::size_t effort = kEffort;
  UnwindInput input{none, memory, hints};
  input.effort = &effort;
  CodeReader code(input);
  const auto start32 = static_cast<std::uint32_t>(start);
  const Followed followed = Followed::from_entry(code, start32);
  // What leaves with another stack than it found has run on into something else.
  if (followed.unbalanced) return {};
  return Reach(followed, start32).ranges();
}

} // namespace dumptriage::arch
