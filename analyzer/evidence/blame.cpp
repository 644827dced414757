#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "evidence/culprits.h"
#include "evidence/exceptions.h"
#include "evidence/extractors.h"
#include "evidence/fault_scene.h"
#include "evidence/parameters.h"
#include "evidence/places.h"
#include "evidence/trail.h"
#include "formats/bugchecks.h"

namespace dumptriage::evidence {

namespace {

constexpr std::size_t kRecursion = 3; // one return address so often is no accident

Blame nobody(std::string why) {
  Blame blame;
  blame.why = std::move(why);
  return blame;
}

const symbols::Symbol* name_of(const stack::Frame& frame) {
  if (!frame.symbol || frame.symbol->symbol.far || frame.symbol->symbol.function.empty())
    return nullptr;
  return &frame.symbol->symbol;
}

std::string module_of(const Input& input, const stack::Frame& frame) {
  if (!frame.module || *frame.module >= input.snapshot.modules.size()) return {};
  return module_name(input.snapshot.modules[*frame.module]);
}

Blame blame_frame(const Input& input, const stack::Frame& frame, std::string why) {
  Blame blame;
  blame.module = module_of(input, frame);
  blame.offset = frame.pc - input.snapshot.modules[*frame.module].base;
  if (const symbols::Symbol* name = name_of(frame)) blame.function = name->function;
  blame.why = std::move(why);
  blame.trust = std::string(arch::name_of(frame.trust));
  return blame;
}

// Why this frame is passed over; empty when it can be blamed.
std::string_view passed_over(const Input& input, const stack::Frame& frame) {
  const std::string module = module_of(input, frame);
  if (auto reason = bystander_module(module); !reason.empty()) return reason;
  if (const symbols::Symbol* name = name_of(frame))
    return bystander_function(module, name->function);
  return {};
}

// A fault inside of the pool's own routines: the pool was damaged before.
bool in_pool_routine(const Input& input, const stack::Frame& frame) {
  const symbols::Symbol* name = name_of(frame);
  if (!input.snapshot.kernel || !name || bystander_module(module_of(input, frame)).empty())
    return false;
  for (std::string_view pattern :
       {"Ex*Pool*", "ExpInterlocked*List*", "ExDeferredFree*", "Rtlp*Heap*", "RtlpHp*"}) {
    if (glob_match(pattern, name->function)) return true;
  }
  return false;
}

// The module whose code calls itself until the stack is full.
Blame blame_recursion(const Input& input, const stack::Stack& stack) {
  std::map<std::uint64_t, std::size_t> seen;
  for (std::size_t i = 0; i < stack.sure_frames && i < stack.frames.size(); ++i) {
    const stack::Frame& frame = stack.frames[i];
    if (module_of(input, frame).empty() || !passed_over(input, frame).empty()) continue;
    if (++seen[frame.pc] == kRecursion) {
      return blame_frame(
          input, frame,
          fmt::format("the stack is used up, and {} calls itself again and again there",
                      describe_code(input, frame.lookup())));
    }
  }
  return nobody("the stack is used up, but the proved part of it shows no code that calls itself");
}

bool is_stack_exhaustion(const Input& input) {
  const system::Stop& stop = input.snapshot.stop;
  if (stop.kind == system::StopKind::exception)
    return platform_of(input.snapshot) == Platform::windows && stop.code == 0xC00000FD;
  return stop.kind == system::StopKind::bugcheck &&
         formats::normalized_bugcheck(stop.code) == 0x7F && !stop.parameters.empty() &&
         stop.parameters[0] == 8;
}

// Why the walk along the stack found nobody.
std::string why_nobody(const Input& input, const Trail& trail, const stack::Stack& stack) {
  std::string why;
  if (trail.frames.empty())
    why = "no frame of the stack is proved";
  else
    why = fmt::format("the proved part of the stack ({} frame{}) holds only {}",
                      trail.frames.size(), trail.frames.size() == 1 ? "" : "s",
                      trail.only.empty() ? "code of the system" : trail.only);
  if (trail.interrupted) return why + "; what lies below was only interrupted by it";
  for (std::size_t i = stack.sure_frames; i < stack.frames.size(); ++i) {
    const stack::Frame& frame = stack.frames[i];
    const std::string module = module_of(input, frame);
    if (module.empty() || !bystander_module(module).empty()) continue;
    return why + fmt::format("; below, a guessed frame points at {}, which proves nothing", module);
  }
  return why;
}

std::string why_frame(const Input& input, const Trail& trail, std::size_t at) {
  const stack::Frame& frame = *trail.frames[at];
  const std::string place = describe_code(input, frame.lookup());
  if (at == 0) return fmt::format("the fault itself lies in it ({})", place);
  const stack::Frame& first = *trail.frames[0];
  const std::string module = module_of(input, first);
  if (module.empty())
    return fmt::format("it called or jumped to {}, where no known module lies",
                       address_text(input, first.pc));
  return fmt::format(
      "it is the first on the proved stack that is no bystander; {} above it is passed over: {}",
      module, passed_over(input, first));
}

Blame blame_along(const Input& input, const stack::Stack& stack) {
  Trail trail = find_trail(input, stack);
  if (!trail.frames.empty() && in_pool_routine(input, *trail.frames[0]))
    return nobody("the fault lies in the pool's own routines: the pool was damaged earlier, and "
                  "the stack shows who noticed");
  for (std::size_t i = 0; i < trail.frames.size(); ++i) {
    const stack::Frame& frame = *trail.frames[i];
    if (module_of(input, frame).empty()) {
      // Which code that is cannot be told when modules are missing from the list; nothing lies at
      // null.
      constexpr std::uint64_t kNullPages = 0x10000;
      if (!input.snapshot.modules_complete && frame.pc >= kNullPages)
        return nobody(
            "the proved stack runs through code in no known module, and the dump's module "
            "list is not complete");
      // Behind code in no module (a jump to garbage, generated code) only the next proved frame
      // counts.
      trail.only = "code outside of all modules and bystanders";
      continue;
    }
    if (!passed_over(input, frame).empty()) continue;
    return blame_frame(input, frame, why_frame(input, trail, i));
  }
  return nobody(why_nobody(input, trail, stack));
}

bool starts_at_parameter(const Input& input, const stack::Stack& stack) {
  const auto ip = bugcheck_parameter(input.snapshot, formats::ParameterRole::ip);
  const Trail trail = find_trail(input, stack);
  return ip && !trail.frames.empty() && trail.frames[0]->exact_pc &&
         trail.frames[0]->pc == native(input, *ip);
}

// A STOP may name the place itself: the instruction at fault, a pointer into the driver that hung.
std::optional<Blame> blame_parameter(const Input& input) {
  const auto ip = bugcheck_parameter(input.snapshot, formats::ParameterRole::ip);
  const std::uint64_t at = ip ? native(input, *ip) : 0;
  if (at == 0) return std::nullopt;
  const auto place = place_of(input, at);
  Blame blame;
  blame.trust = "bugcheck parameter";
  if (!place) {
    const dump::UnloadedModule* unloaded = unloaded_at(input, at);
    if (!unloaded) return std::nullopt;
    blame.module = lower(base_name(unloaded->name));
    blame.offset = at - unloaded->base;
    blame.why = fmt::format("the stop's parameter points into it, and it is unloaded ({})",
                            describe_code(input, at));
    return blame;
  }
  if (!bystander_module(place->name).empty()) return std::nullopt;
  auto named = input.modules.name(at);
  if (named && !named->symbol.far) {
    if (!bystander_function(place->name, named->symbol.function).empty()) return std::nullopt;
    blame.function = named->symbol.function;
  }
  blame.module = place->name;
  blame.offset = place->rva;
  blame.why = fmt::format("the stop's parameter points into it ({})", describe_code(input, at));
  return blame;
}

// The fault lies in a module that is gone: its callers kept a pointer into it, or it left too
// early.
std::optional<Blame> blame_unloaded(const Input& input) {
  const auto scene = find_fault_scene(input);
  if (!scene || place_of(input, scene->ip)) return std::nullopt;
  const dump::UnloadedModule* unloaded = unloaded_at(input, scene->ip);
  if (!unloaded) return std::nullopt;
  Blame blame;
  blame.module = lower(base_name(unloaded->name));
  blame.offset = scene->ip - unloaded->base;
  blame.why = fmt::format("code of it was to run after it was unloaded ({})",
                          describe_code(input, scene->ip));
  blame.trust = "context";
  return blame;
}

} // namespace

Blame find_blame(const Input& input) {
  if (auto reason = blameless_stop(input.snapshot); !reason.empty())
    return nobody(std::string(reason));
  const auto thread = crashed_thread(input);
  const stack::Stack* stack = thread ? stack_of(input, *thread) : nullptr;
  if (is_stack_exhaustion(input)) {
    return stack ? blame_recursion(input, *stack)
                 : nobody("the stack is used up, and it is not in the dump");
  }
  // A proved frame at the very place knows more than the parameter: its callers.
  const bool has_frame = stack && starts_at_parameter(input, *stack);
  if (auto blame = has_frame ? std::nullopt : blame_parameter(input)) return *blame;
  if (auto blame = blame_unloaded(input)) return *blame;
  if (!stack) return nobody("no stack of the crashed thread is in the dump");
  return blame_along(input, *stack);
}

} // namespace dumptriage::evidence
