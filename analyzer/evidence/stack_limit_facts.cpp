// Whether the crashed thread's stack ran out.  The stack pointer must be that of the fault itself:
// a double fault and the stop machinery run on stacks of their own.
#include <fmt/format.h>

#include "arch/address.h"
#include "base/text.h"
#include "evidence/extractors.h"
#include "evidence/places.h"
#include "formats/bugchecks.h"

namespace dumptriage::evidence {

namespace {

// A stack pointer further below the stack than this has nothing to do with it.
constexpr std::uint64_t kReach = 0x4000;
// A trap frame and the first calls of the handler do not fit into less (x86: 0x8C bytes and more).
constexpr std::uint64_t kTrapRoom = 0x400, kPage = 0x1000;
constexpr std::uint32_t kPanicStackSwitch = 0x2B, kStackOverflow = 0xC00000FD;

struct Answer {
  std::optional<bool> exhausted;
  std::optional<std::uint64_t> left;
  std::string why, missing;
};

bool is_double_fault(const system::Stop& stop) {
  return stop.kind == system::StopKind::bugcheck &&
         formats::normalized_bugcheck(stop.code) == 0x7F && !stop.parameters.empty() &&
         stop.parameters[0] == 8;
}

std::optional<std::uint64_t> sp_of_fault(const Input& input, const system::ThreadState& thread) {
  const arch::Arch* arch = arch::find(input.snapshot.machine);
  const auto& fault = input.snapshot.stop.fault_context;
  if (!arch) return std::nullopt;
  if (fault) return arch::sp_of(*arch, *fault);
  // What the thread was saved with is not the fault of these.
  if (is_double_fault(input.snapshot.stop) || !thread.context) return std::nullopt;
  return arch::sp_of(*arch, *thread.context);
}

// The limits of a kernel thread's stack are its object's; captured stretches of memory, as dumps of
// programs and small dumps have them, end where somebody stopped to copy.
bool knows_limit(const system::ThreadState& thread) {
  return thread.own_stack_low != 0 && thread.own_stack_low < thread.own_stack_high;
}

Answer by_pointer(const Input& input, const system::ThreadState& thread) {
  Answer answer;
  const auto sp = sp_of_fault(input, thread);
  if (!sp || !knows_limit(thread)) {
    answer.missing = sp ? "where the stack of the crashed thread ends is not known"
                        : "the stack pointer of the fault is not known";
    return answer;
  }
  if (*sp >= thread.own_stack_high ||
      (*sp < thread.own_stack_low && thread.own_stack_low - *sp > kReach)) {
    answer.missing = "the fault's stack pointer does not lie in the thread's stack";
    return answer;
  }
  if (*sp < thread.own_stack_low) {
    answer = {true, 0, "the stack pointer lies below the end of the stack", ""};
    return answer;
  }
  answer.left = *sp - thread.own_stack_low;
  answer.why = fmt::format("{} bytes are left of the stack", *answer.left);
  if (input.snapshot.machine == arch::Machine::ia64)
    answer.missing = "the register stack may have run out instead";
  else if (!is_double_fault(input.snapshot.stop) || *answer.left >= kPage)
    answer.exhausted = false;
  else if (*answer.left < kTrapRoom)
    answer.exhausted = true;
  else
    answer.missing = "a double fault with little left of the stack may have used it up";
  return answer;
}

Answer find_answer(const Input& input, const system::ThreadState& thread) {
  const system::Stop& stop = input.snapshot.stop;
  const auto fault = describe_fault(input);
  if (fault && fault->address_class == "stack exhausted") {
    Answer answer = by_pointer(input, thread);
    answer.exhausted = true;
    answer.why = "the fault touched memory just below the stack";
    return answer;
  }
  if (stop.kind == system::StopKind::exception && stop.code == kStackOverflow)
    return {true, {}, "the exception is a stack overflow", ""};
  Answer answer = by_pointer(input, thread);
  // Microsoft's bug check reference: the kernel's stack was overrun.
  if (!answer.exhausted && stop.kind == system::StopKind::bugcheck &&
      formats::normalized_bugcheck(stop.code) == kPanicStackSwitch) {
    answer.exhausted = true;
    answer.why = "the stop is PANIC_STACK_SWITCH";
  }
  return answer;
}

} // namespace

void extract_stack_limit(const Input& input, FactSet& set) {
  const auto crashed = crashed_thread(input);
  if (!crashed) {
    set.coverage.push_back(
        {"stack_limit", Coverage::Extent::none, 0, 0, "no thread is known as the crashed one"});
    return;
  }
  const system::ThreadState& thread = input.snapshot.threads[*crashed];
  const Answer answer = find_answer(input, thread);
  if (!answer.exhausted && !answer.left) {
    set.coverage.push_back({"stack_limit", Coverage::Extent::none, 0, 1, answer.missing});
    return;
  }
  Fact fact;
  fact.kind = "stack_limit";
  fact.id = "stack_limit";
  fact.trust = "dump";
  fact.refs.push_back(thread_id(input, *crashed));
  if (thread.own_stack_low != 0) fact.where = Where::virtual_address(thread.own_stack_low);
  if (answer.exhausted) fact.fields["exhausted"] = *answer.exhausted;
  if (answer.left) fact.fields["left"] = *answer.left;
  if (!answer.why.empty()) fact.fields["why"] = answer.why;
  set.facts.push_back(std::move(fact));
  const bool told = answer.exhausted.has_value();
  set.coverage.push_back({"stack_limit",
                          told ? Coverage::Extent::complete : Coverage::Extent::partial, 1, 1,
                          told ? "" : answer.missing});
}

} // namespace dumptriage::evidence
