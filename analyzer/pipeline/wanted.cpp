// What somebody could supply so that the next run says more.  Only modules on the sure part of a
// walked stack: what lies below it is a guess, and so would be the wish.
#include "pipeline/parts.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace dumptriage::pipeline {
namespace {

struct Place {
  std::size_t frame = 0;
  std::string thread;
  bool crashed = false;
  bool last_sure = false; // the sure part of the stack ends in this module
};

// Modules by first appearance, crashed thread first (threads are in that order).
std::vector<std::pair<std::size_t, Place>> modules_on_stacks(const Analysis& analysis) {
  std::vector<std::pair<std::size_t, Place>> found;
  std::map<std::size_t, std::size_t> places; // module to its place in `found`
  auto add_stack = [&](const stack::Stack& stack, const system::ThreadState& thread) {
    std::size_t sure = std::min(stack.sure_frames, stack.frames.size());
    for (std::size_t f = 0; f < sure; ++f) {
      if (!stack.frames[f].module) continue;
      std::size_t module = *stack.frames[f].module;
      bool last = f + 1 == sure && !stack.whole && !stack.stopped;
      auto [place, is_new] = places.emplace(module, found.size());
      if (is_new)
        found.push_back({module, {f, thread.id, thread.crashed, last}});
      else
        found[place->second].second.last_sure |= last;
    }
  };
  for (std::size_t t = 0; t < analysis.walks.stacks.size(); ++t) {
    add_stack(analysis.walks.stacks[t], analysis.snapshot.threads[t]);
    add_stack(analysis.walks.wow64[t], analysis.snapshot.threads[t]);
  }
  return found;
}

// Images carry the unwind data, or the code that is followed, of every CPU that is walked.
bool unwinds_by_image(arch::Machine machine) { return arch::find(machine) != nullptr; }

bool windows(const system::Os& os) { return os.family != "linux" && os.family != "macos"; }

void want_image(report::Document& document, const dump::Module& module, const Place& place,
                const symbols::ModuleSet::Status& status) {
  if (status.image.result == symbols::SearchResult::found || module.timestamp == 0) return;
  if (module.name().empty()) return; // nobody can look for it
  if (status.image_in_memory && !place.last_sure) return;
  std::string why = place.last_sure ? "the sure part of a stack ends in it" : "on a stack";
  if (status.image.result == symbols::SearchResult::mismatched)
    why = "the file at hand does not match: " + status.image.why;
  else if (status.image.result == symbols::SearchResult::unreadable)
    why = "the file at hand cannot be read: " + status.image.why;
  document.wanted.push_back({"image", std::string(module.name()), image_key(module), why});
}

void want_symbols(report::Document& document, const dump::Module& module,
                  const symbols::ModuleSet::Status& status, bool pdb) {
  if (status.symbols.result == symbols::SearchResult::found) return;
  std::string key = module.debug.key();
  std::string name(base_name(module.debug.file));
  if (key.empty() && status.image.image) {
    key = status.image.image->debug_id().key();
    name = base_name(status.image.image->debug_id().file);
  }
  if (key.empty()) return;
  if (name.empty()) name = module.name();
  std::string why = "names of its functions";
  if (status.symbols.result == symbols::SearchResult::mismatched)
    why = "the file at hand does not match: " + status.symbols.why;
  else if (status.symbols.result == symbols::SearchResult::unreadable)
    why = "the file at hand cannot be read: " + status.symbols.why;
  document.wanted.push_back({pdb ? "pdb" : "sym", pdb ? name : name + ".sym", key, why});
}

void want_kernel(report::Document& document, const Analysis& analysis) {
  const system::Os& os = analysis.snapshot.os;
  if (!analysis.snapshot.kernel || os.service_pack_proved || (os.build != 3790 && os.build != 2600))
    return;
  auto kernel = kernel_module(analysis.snapshot.modules);
  if (!kernel || analysis.snapshot.modules[*kernel].timestamp == 0) return;
  const dump::Module& module = analysis.snapshot.modules[*kernel];
  for (report::Wanted& row : document.wanted)
    if (row.kind == "image" && row.name == module.name()) {
      row.why += "; its version proves the service pack";
      return;
    }
  document.wanted.push_back({"image", std::string(module.name()), image_key(module),
                             "its version proves the service pack"});
}

} // namespace

void list_wanted(report::Document& document, const Analysis& analysis) {
  bool pdb = windows(analysis.snapshot.os);
  auto places = modules_on_stacks(analysis);
  // What ends a stack comes first: it brings frames, names only make them readable.
  std::stable_sort(places.begin(), places.end(), [](const auto& a, const auto& b) {
    return a.second.last_sure > b.second.last_sure;
  });
  for (const auto& [index, place] : places) {
    const dump::Module& module = analysis.snapshot.modules[index];
    const symbols::ModuleSet::Status& status = analysis.modules.status(index);
    if (pdb && unwinds_by_image(analysis.snapshot.machine))
      want_image(document, module, place, status);
  }
  for (const auto& [index, place] : places)
    want_symbols(document, analysis.snapshot.modules[index], analysis.modules.status(index), pdb);
  want_kernel(document, analysis);
}

} // namespace dumptriage::pipeline
