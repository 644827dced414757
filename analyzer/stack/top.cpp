// The top of a CPU's stack: the first frame below the stop machinery.
//
// Only the leading run of sure frames that belong to the machinery is skipped.  The machinery lives
// in the kernel image, the HAL and, in user mode, ntdll; a frame of any other image ends the run,
// named or not.  A frame of those three without a dependable name could be machinery or not, and so
// could a guessed one: then the top is not known.
#include <array>

#include "base/text.h"
#include "stack/top.h"

namespace dumptriage::stack {
namespace {

enum class Home { other, any, kernel, hal, ntdll };

struct Row {
  Home home;
  std::string_view name;
  std::string_view reason;
};
constexpr Row kMachinery[] = {
#define STOP_MACHINERY(home, name, reason) {Home::home, name, reason},
#include "stack/stop_machinery.def"
#undef STOP_MACHINERY
};

// A frame that names no module of its own is judged by its function alone.
Home home_of(const Frame& frame) {
  if (!frame.module) return Home::other;
  if (frame.module_name.empty()) return Home::any;
  const std::string name = lower(frame.module_name);
  for (std::string_view kernel :
       {"nt", "ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe", "ntkrpamp.exe", "ntkrla57.exe"})
    if (name == kernel) return Home::kernel;
  if (name == "hal.dll" || name == "hal" || (name.starts_with("hal") && name.ends_with(".dll")))
    return Home::hal;
  return name == "ntdll.dll" ? Home::ntdll : Home::other;
}

bool is_machinery(Home home, std::string_view function) {
  for (const Row& row : kMachinery) {
    if (row.home != home && home != Home::any) continue;
    if (row.name.ends_with('*') ? function.starts_with(row.name.substr(0, row.name.size() - 1))
                                : function == row.name)
      return true;
  }
  return false;
}

enum class Answer { machinery, other, unknown };

Answer ask(const Frame& frame) {
  const Home home = home_of(frame);
  if (home == Home::other) return Answer::other;
  if (!frame.symbol || frame.symbol->symbol.far) return Answer::unknown;
  // A stranger's symbols must not decide what is skipped.
  if (!frame.symbol->exact || frame.symbol->origin == memory::Origin::sibling)
    return Answer::unknown;
  const symbols::Symbol& symbol = frame.symbol->symbol;
  if (is_machinery(home, symbol.function)) return Answer::machinery;
  // An export stands for everything up to the next export: it can name the machinery, not deny it.
  return symbol.source == symbols::NameSource::exports ? Answer::unknown : Answer::other;
}

} // namespace

bool is_kernel_or_hal(const Frame& frame) {
  const Home home = home_of(frame);
  return home == Home::kernel || home == Home::hal;
}

Top top_of_stack(const Stack& stack, bool is_fault_context) {
  if (stack.frames.empty()) return {std::nullopt, "the stack has no frames"};
  if (is_fault_context) return {0, ""};
  const std::size_t sure = std::min(stack.sure_frames, stack.frames.size());
  for (std::size_t i = 0; i < sure; ++i) {
    switch (ask(stack.frames[i])) {
    case Answer::other: return {i, ""};
    case Answer::unknown:
      return {std::nullopt, "frame " + std::to_string(i) +
                                " has no dependable name: it may belong to the stop machinery"};
    case Answer::machinery: break;
    }
  }
  return {std::nullopt, "the sure part of the stack ends inside the stop machinery" +
                            (stack.sure_ended.empty() ? "" : ": " + stack.sure_ended)};
}

} // namespace dumptriage::stack
