#include <algorithm>

#include <fmt/format.h>

#include "arch/address.h"
#include "evidence/extractors.h"

namespace dumptriage::evidence {

std::string thread_id(const Input& input, std::size_t thread) {
  return "thread:" + input.snapshot.threads[thread].id;
}

const stack::Stack* stack_of(const Input& input, std::size_t thread) {
  if (thread >= input.stacks.size() || input.stacks[thread].frames.empty()) return nullptr;
  return &input.stacks[thread];
}

std::optional<std::size_t> crashed_thread(const Input& input) {
  const auto& threads = input.snapshot.threads;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    if (threads[i].crashed) return i;
  }
  return std::nullopt;
}

bool starts_at_fault(const Input& input, std::size_t thread) {
  const system::Stop& stop = input.snapshot.stop;
  const arch::Arch* arch = arch::find(input.snapshot.machine);
  const stack::Stack* stack = stack_of(input, thread);
  if (!arch || !stack || !stop.fault_context || !input.snapshot.threads[thread].crashed)
    return false;
  const auto pc = arch::pc_of(*arch, *stop.fault_context);
  return pc && stack->frames[0].exact_pc && stack->frames[0].pc == *pc;
}

void extract_threads(const Input& input, FactSet& set) {
  const auto& threads = input.snapshot.threads;
  std::uint64_t walked = 0;
  for (std::size_t i = 0; i < std::min(threads.size(), kMostFacts); ++i) {
    Fact fact;
    fact.kind = "thread";
    fact.id = thread_id(input, i);
    fact.trust = "dump";
    fact.fields["thread"] = threads[i].id;
    fact.fields["crashed"] = threads[i].crashed;
    if (threads[i].cpu) {
      fact.fields["cpu"] = std::uint64_t{*threads[i].cpu};
      fact.refs.push_back(cpu_id(*threads[i].cpu));
    }
    if (const stack::Stack* stack = stack_of(input, i)) {
      ++walked;
      fact.fields["sure_frames"] = std::uint64_t{stack->sure_frames};
      fact.fields["whole"] = stack->whole;
    }
    set.facts.push_back(std::move(fact));
  }
  Coverage coverage{"thread", Coverage::Extent::complete, walked, threads.size(), ""};
  if (threads.empty()) {
    coverage.extent = Coverage::Extent::none;
    coverage.missing = "the dump lists no threads";
  } else if (input.snapshot.kernel) {
    // How far the stacks of threads that run on no CPU are known, nobody asks yet.
    const bool all = input.snapshot.threads_complete;
    coverage.extent = Coverage::Extent::partial;
    coverage.of = all ? threads.size() : 0;
    coverage.missing =
        all ? "the stacks of threads that run on no CPU may not be known to their end"
            : "not all threads of the machine can be read from this dump";
  } else if (walked < threads.size()) {
    coverage.extent = Coverage::Extent::partial;
    coverage.missing = fmt::format("{} of {} threads were walked", walked, threads.size());
  }
  set.coverage.push_back(std::move(coverage));
}

} // namespace dumptriage::evidence
