#include <algorithm>

#include <fmt/format.h>

#include "evidence/extractors.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

std::string thread_title(const Input& input, std::size_t thread) {
  const std::string& id = input.snapshot.threads[thread].id;
  return id.starts_with("cpu ") ? "CPU " + id.substr(4) : "thread " + id;
}

void add_name(const stack::Frame& frame, std::uint64_t rva, Fact& fact) {
  if (!frame.symbol || frame.symbol->symbol.function.empty()) return;
  const symbols::Symbol& symbol = frame.symbol->symbol;
  fact.fields["function"] = symbol.function;
  // Counted to the address itself, as debuggers print it, not to the call before it.
  if (rva >= symbol.rva) fact.fields["offset"] = rva - symbol.rva;
  fact.fields["name_source"] = std::string(symbols::name_of(symbol.source));
  fact.fields["name_exact"] = frame.symbol->exact;
  fact.fields["name_far"] = symbol.far;
  fact.fields["name_bounded"] = symbol.bounded;
  fact.fields["name_origin"] = std::string(name_of(frame.symbol->origin));
}

Fact frame_fact(const Input& input, std::size_t thread, std::size_t index, bool top) {
  const system::ThreadState& state = input.snapshot.threads[thread];
  const stack::Stack& stack = input.stacks[thread];
  const stack::Frame& frame = stack.frames[index];
  Fact fact;
  fact.kind = "frame";
  fact.id = frame_id(input, thread, index);
  fact.refs.push_back(thread_id(input, thread));
  fact.where = Where::virtual_address(frame.pc);
  fact.trust = std::string(arch::name_of(frame.trust));
  fact.fields["thread"] = state.id;
  if (state.cpu) fact.fields["cpu"] = std::uint64_t{*state.cpu};
  fact.fields["crashed_thread"] = state.crashed;
  fact.fields["index"] = std::uint64_t{index};
  fact.fields["pc"] = Address{frame.pc};
  fact.fields["trust"] = fact.trust;
  fact.fields["sure"] = index < stack.sure_frames;
  fact.fields["origin"] = std::string(name_of(frame.origin));
  fact.fields["top"] = top;
  if (frame.module && *frame.module < input.snapshot.modules.size()) {
    const dump::Module& module = input.snapshot.modules[*frame.module];
    fact.refs.push_back(module_id(input, *frame.module));
    fact.fields["module"] = module_name(module);
    // A return address may stand just behind the end of its module; it still belongs to the call.
    const std::uint64_t rva = frame.pc - module.base;
    fact.fields["rva"] = rva;
    add_name(frame, rva, fact);
  }
  return fact;
}

// What keeps a "no" about one stack from being possible; empty when nothing does.
std::string gap_of(const Input& input, std::size_t thread) {
  const stack::Stack* stack = stack_of(input, thread);
  const std::string whose = thread_title(input, thread);
  if (!stack) return whose + "'s stack was not walked";
  if (!stack->whole) {
    const std::string& why = stack->sure_ended.empty() ? stack->ended : stack->sure_ended;
    return fmt::format("{}'s stack beyond frame {}{}{}", whose,
                       stack->sure_frames == 0 ? 0 : stack->sure_frames - 1,
                       why.empty() ? "" : ": ", why);
  }
  for (std::size_t i = 0; i < stack->sure_frames && i < stack->frames.size(); ++i) {
    const stack::Frame& frame = stack->frames[i];
    if (frame.origin == memory::Origin::sibling)
      return fmt::format("{}'s frame {} rests on a file that merely lies beside the dump", whose,
                         i);
    if (!frame.module || named_for_sure(frame)) continue;
    const std::string module = *frame.module < input.snapshot.modules.size()
                                   ? module_name(input.snapshot.modules[*frame.module])
                                   : "its module";
    return fmt::format("the name of {}'s frame {}: no exact symbols of {}", whose, i, module);
  }
  return {};
}

// The CPUs of a kernel dump that have no thread here, in words; empty when all have one.
std::string missing_cpus(const Input& input) {
  if (!input.snapshot.kernel) return {};
  const auto processors = input.snapshot.os.processors;
  if (!processors) return "the number of CPUs is not known";
  std::vector<std::uint32_t> seen;
  for (const system::ThreadState& thread : input.snapshot.threads) {
    if (thread.cpu && *thread.cpu < *processors) seen.push_back(*thread.cpu);
  }
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  if (seen.size() == *processors) return {};
  return fmt::format("{} of {} CPUs have no stack here", *processors - seen.size(), *processors);
}

// Does this thread count for "the whole machine" (kernel: running on a CPU; process: every thread)?
bool counts(const Input& input, std::size_t thread) {
  return !input.snapshot.kernel || input.snapshot.threads[thread].cpu ||
         input.snapshot.threads[thread].crashed;
}

Coverage coverage_of_all(const Input& input) {
  Coverage coverage{"frame", Coverage::Extent::complete, 0, 0, ""};
  for (std::size_t i = 0; i < input.snapshot.threads.size(); ++i) {
    if (!counts(input, i)) continue;
    ++coverage.of;
    const std::string gap = gap_of(input, i);
    if (gap.empty())
      ++coverage.seen;
    else if (coverage.missing.empty())
      coverage.missing = gap;
  }
  if (coverage.missing.empty()) coverage.missing = missing_cpus(input);
  if (coverage.of == 0) {
    coverage.extent = Coverage::Extent::none;
    coverage.missing = "there is no stack";
  } else if (!coverage.missing.empty()) {
    coverage.extent = Coverage::Extent::partial;
  }
  return coverage;
}

Coverage coverage_of_crashed(const Input& input) {
  const auto thread = crashed_thread(input);
  if (!thread)
    return {"frame_crashed", Coverage::Extent::none, 0, 0, "no thread is known as the crashed one"};
  std::string gap = gap_of(input, *thread);
  if (gap.empty()) return {"frame_crashed", Coverage::Extent::complete, 1, 1, ""};
  const auto extent = stack_of(input, *thread) ? Coverage::Extent::partial : Coverage::Extent::none;
  return {"frame_crashed", extent, 0, 1, std::move(gap)};
}

// The tops of all stacks that stand for a CPU, and how many of them are known and named.
struct Tops {
  std::vector<std::optional<std::size_t>> frame; // by thread
  Coverage coverage{"top", Coverage::Extent::complete, 0, 0, ""};
};

bool stands_for_cpu(const Input& input, std::size_t thread) {
  const system::ThreadState& state = input.snapshot.threads[thread];
  return state.crashed || (input.snapshot.kernel && state.cpu);
}

std::string find_top(const Input& input, std::size_t thread, std::optional<std::size_t>& frame) {
  const stack::Stack* stack = stack_of(input, thread);
  const std::string whose = thread_title(input, thread);
  if (!stack) return whose + "'s stack was not walked";
  const stack::Top top = stack::top_of_stack(*stack, starts_at_fault(input, thread));
  if (!top.frame || *top.frame >= stack->frames.size())
    return fmt::format("the top of {}'s stack{}{}", whose, top.why_unknown.empty() ? "" : ": ",
                       top.why_unknown);
  frame = top.frame;
  if (*top.frame >= stack->sure_frames)
    return fmt::format("the top of {}'s stack is a guess", whose);
  if (!named_for_sure(stack->frames[*top.frame]))
    return fmt::format("the name of the top of {}'s stack", whose);
  return {};
}

Tops find_tops(const Input& input) {
  Tops tops;
  tops.frame.resize(input.snapshot.threads.size());
  for (std::size_t i = 0; i < input.snapshot.threads.size(); ++i) {
    if (!stands_for_cpu(input, i)) continue;
    ++tops.coverage.of;
    const std::string gap = find_top(input, i, tops.frame[i]);
    if (gap.empty())
      ++tops.coverage.seen;
    else if (tops.coverage.missing.empty())
      tops.coverage.missing = gap;
  }
  if (tops.coverage.missing.empty()) tops.coverage.missing = missing_cpus(input);
  if (tops.coverage.of == 0) {
    tops.coverage.extent = Coverage::Extent::none;
    tops.coverage.missing = "there is no stack of a CPU";
  } else if (!tops.coverage.missing.empty()) {
    tops.coverage.extent = Coverage::Extent::partial;
  }
  return tops;
}

} // namespace

std::string frame_id(const Input& input, std::size_t thread, std::size_t frame) {
  return fmt::format("frame:{}:{}", input.snapshot.threads[thread].id, frame);
}

bool named_for_sure(const stack::Frame& frame) {
  if (!frame.symbol || frame.symbol->symbol.function.empty()) return false;
  const symbols::Symbol& symbol = frame.symbol->symbol;
  if (!frame.symbol->exact || symbol.far || frame.symbol->origin == memory::Origin::sibling)
    return false;
  switch (symbol.source) {
  case symbols::NameSource::pdb:
  case symbols::NameSource::pdb_public:
  case symbols::NameSource::codeview:
  case symbols::NameSource::codeview_public:
  case symbols::NameSource::breakpad: return true;
  default: return false;
  }
}

void extract_frames(const Input& input, FactSet& set) {
  const std::size_t threads = std::min(input.snapshot.threads.size(), input.stacks.size());
  Tops tops = find_tops(input);
  std::size_t made = 0;
  bool cut = false;
  for (std::size_t t = 0; t < threads && !cut; ++t) {
    for (std::size_t i = 0; i < input.stacks[t].frames.size(); ++i) {
      cut = ++made > kMostFacts;
      if (cut) break;
      set.facts.push_back(frame_fact(input, t, i, tops.frame[t] == i));
    }
  }
  Coverage all = coverage_of_all(input);
  if (cut && all.extent == Coverage::Extent::complete) {
    all.extent = Coverage::Extent::partial;
    all.missing = fmt::format("only the first {} frames are kept", kMostFacts);
  }
  set.coverage.push_back(std::move(all));
  set.coverage.push_back(coverage_of_crashed(input));
  set.coverage.push_back(std::move(tops.coverage));
}

} // namespace dumptriage::evidence
