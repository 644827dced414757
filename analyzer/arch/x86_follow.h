// Follows the code of one function along all its paths.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "arch/x86_code.h"
#include "arch/x86_state.h"

namespace dumptriage::arch::x86 {

struct Step {
  Instruction instruction;
  bool decoded = false;
  State before;
};

class Followed {
public:
  // From the entry of a function, everything relative to the registers there.
  static Followed from_entry(CodeReader& code, std::uint32_t start);
  // On from pc with the registers as numbers, to where the function returns.
  static Followed from_here(CodeReader& code, std::uint32_t pc, const State& state, ReadStack read);

  // Registers just before the instruction at `address`; null when no path leads there.
  const State* before(std::uint32_t address) const;
  // Registers just before the call that returns to `address`.
  const State* before_call(std::uint32_t address) const;

  struct Exit {
    std::uint32_t address = 0;
    std::uint16_t pops = 0;
    State state;
  };
  const std::vector<Exit>& exits() const { return exits_; }
  // The only way out, when that is a jump through a pointer: the operand.
  std::optional<Operand> only_tail() const;
  // Parameters that every way out takes off the stack; nothing when they differ or none was found.
  std::optional<std::uint32_t> pops() const;

  Value settle(Value value) const { return unknowns_.settle(value); }
  // The stack pointer behind a call that the code itself does not tell: the call's address.
  std::optional<std::uint32_t> open_call(Value value) const;
  bool settle_call(std::uint32_t call, std::uint32_t pops);
  // Every call whose parameters were worked out from what must be equal.
  std::vector<std::uint32_t> calls_worked_out() const;
  const std::map<std::uint32_t, Step>& steps() const { return steps_; }

  bool whole = true;      // every path could be followed to its end
  bool cut_short = false; // the bounds of following were met
  bool interrupt = false; // ends by iret: no function that was called
  // A way out was found, and the stack and the preserved registers there are as at the entry.
  bool balanced = false;
  bool unbalanced = false; // and one where they are not
  memory::Origin origin = memory::Origin::dump;

private:
  Followed(CodeReader& code, std::uint32_t start, ReadStack read)
      : code_(&code), start_(start), read_(std::move(read)) {}
  void run(const State& initial);
  void run_once(const State& initial);
  void step(std::uint32_t address);
  void go(std::uint32_t to, const State& state);
  void fall(const Step& from, std::uint32_t to, const State& state);
  void call(std::uint32_t address, const Step& step, State state);
  void jump(std::uint32_t from, std::uint32_t to, const State& state);
  void table(std::uint32_t at, const State& state);
  void leave(std::uint32_t address, const State& state);
  bool cut_calls_that_never_return();
  void meet_exits();
  void weigh_exits();

  CodeReader* code_; // only while following
  std::uint32_t start_;
  ReadStack read_;
  bool entry_ = true;
  std::map<std::uint32_t, Step> steps_;
  std::map<std::uint32_t, std::uint32_t> calls_; // by return address
  std::deque<std::uint32_t> todo_;
  std::set<std::uint32_t> waiting_;
  std::set<std::uint32_t> no_return_;
  std::vector<Exit> exits_;
  std::set<std::uint32_t> returns_, tails_; // addresses of the ways out
  Unknowns unknowns_;
  std::size_t taken_ = 0;
};

// Runs a small function without calls, such as __SEH_prolog or __chkstk, from just before the call
// of it at `address`: the registers behind the call.  Nothing when it is no such function.
std::optional<State> run_helper(CodeReader& code, std::uint32_t target,
                                std::uint32_t return_address, const State& before);

} // namespace dumptriage::arch::x86
