// The 32-bit stacks of WoW64 threads.  They are walked like those of an x86 dump, over the modules
// that hold 32-bit code: ntdll.dll is in such a process twice, and until Windows 7 both lay below
// 4 GB.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "pipeline/parts.h"

namespace dumptriage::pipeline {
namespace {

constexpr std::uint64_t k4Gb = std::uint64_t{1} << 32;
// Images that are looked at because two modules have one name; a true list has a few such pairs.
constexpr int kMostLooks = 32;

// Modules of one name.
struct Namesakes {
  int count = 0;
  bool in_syswow64 = false; // some of them are recorded to lie there
};

bool in_syswow64(const dump::Module& module) {
  return lower(module.path).find("\\syswow64\\") != std::string::npos;
}

// Does the module hold 64-bit code?
bool is_wide(std::size_t index, const Namesakes& same, symbols::ModuleSet& modules, int& looks) {
  const dump::Module& module = modules.modules()[index];
  if (module.base >= k4Gb || module.size > k4Gb - module.base) return true;
  if (lower(module.name()).starts_with("wow64")) return true;
  if (same.count < 2) return false;
  const image::Image* image = looks-- > 0 ? modules.image_of(index) : nullptr;
  if (image != nullptr && image->machine != arch::Machine::unknown)
    return image->machine != arch::Machine::x86;
  return same.in_syswow64 && !in_syswow64(module);
}

// The same list, by the same indexes, in which other modules take up no room and have no name.
std::vector<dump::Module> narrow_modules(symbols::ModuleSet& modules) {
  std::vector<dump::Module> all = modules.modules();
  std::map<std::string, Namesakes> names;
  for (const dump::Module& module : all) {
    Namesakes& same = names[lower(module.name())];
    ++same.count;
    same.in_syswow64 |= in_syswow64(module);
  }
  int looks = kMostLooks;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (is_wide(i, names[lower(modules.modules()[i].name())], modules, looks)) all[i] = {};
  return all;
}

} // namespace

void walk_wow64(Walks& walks, const system::Snapshot& snapshot, symbols::ModuleSet& modules,
                symbols::Store* store) {
  walks.wow64.resize(snapshot.threads.size());
  const arch::Arch* x86 = arch::find(arch::Machine::x86);
  if (x86 == nullptr ||
      std::ranges::none_of(snapshot.threads, [](const auto& t) { return t.wow64.has_value(); }))
    return;
  symbols::ModuleSet narrow(narrow_modules(modules), snapshot.memory, arch::Machine::x86, store);
  std::size_t frames = 0, work = 0;
  for (std::size_t i = 0; i < snapshot.threads.size(); ++i) {
    const auto& side = snapshot.threads[i].wow64;
    if (!walks.walked[i] || !side) continue;
    if (frames >= kMostFrames || work >= kMostWork) break;
    stack::Stack& stack = walks.wow64[i];
    stack = stack::walk(side->context, *x86, narrow, side->stack_low, side->stack_high);
    stack::name_frames(stack, narrow);
    frames += stack.frames.size();
    work += stack.work;
    // The list of modules tells of what was looked for in the set of all.
    for (std::size_t f = 0; f < stack.sure_frames && f < stack.frames.size(); ++f)
      modules.name(stack.frames[f].lookup());
  }
}

} // namespace dumptriage::pipeline
