// What conditions on frames share: which stacks they look at, frames in words, and how far a frame
// and its name can be trusted.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "rules/conditions/condition.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {

enum class On { crashing_thread, any_cpu, any_thread };
On read_on(YamlReader& yaml);
std::string_view in_words(On on); // "the crashing thread"

// Frames on these stacks, at least all those in one of the modules, until `look` returns true.
template <typename Look>
bool look_at_frames(const FactView& facts, On on, const ModuleNames& modules, Look look) {
  auto among = [&](FactView::Facts frames) {
    for (const evidence::Fact* frame : frames)
      if (look(*frame)) return true;
    return false;
  };
  if (on == On::crashing_thread) return among(facts.crashed_frames());
  if (on == On::any_cpu) return among(facts.cpu_frames());
  if (modules.stems().empty()) return among(facts.of_kind("frame"));
  for (const auto& stem : modules.stems())
    if (among(facts.frames_in(stem))) return true;
  return false;
}

// A condition on the names of single frames: a named function is proof.
class OfFunctions : public Condition {
public:
  explicit OfFunctions(FunctionNames functions) : functions_(std::move(functions)) {}
  bool discriminating() const override { return functions_.name_functions(); }
  void needs(Needs& needs) const override {
    functions_.modules().need(needs, NeedKind::frame_module);
  }
  unsigned weight() const override { return discriminating() ? 8 : 2; }

protected:
  FunctionNames functions_;
  std::string condition_; // in words
};

// Nothing was found on these stacks: "no" only where all of them are known to their end.
Finding no_frame(const std::string& condition, const FactView& facts, On on, std::string because);

// Why the place of a frame is no proof (found by a scan, unwound with a file that merely lay beside
// the dump); null when it is proved.
const char* doubt_about_place(const evidence::Fact& frame);
// The same of its name: place, then no exact match of the symbol file, a far public, a file beside.
const char* doubt_about_name(const evidence::Fact& frame);
// Of what a hit rests on; not for `none`.
const char* doubt_about(FunctionNames::Hit hit, const evidence::Fact& frame);

std::string_view frame_module(const evidence::Fact& frame);   // "" when not known
std::string_view frame_function(const evidence::Fact& frame); // "" when not known
// "netbt!NbtCopyToStartOfIndicate+0x1C"
std::string frame_in_words(const evidence::Fact& frame);
// "(unwind_data, pdb_public)"
std::string frame_sources(const evidence::Fact& frame);
// "on CPU 1", "on the crashing thread", "on thread 2A8"
std::string frame_stack(const evidence::Fact& frame);

} // namespace dumptriage::rules
