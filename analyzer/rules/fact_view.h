// A set of facts as conditions look at it: by kind, by id, frames by thread.  Made once for each
// judged dump, so that a thousand conditions do not each search the whole set.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "evidence/facts.h"

namespace dumptriage::rules {

class FactView {
public:
  explicit FactView(const evidence::FactSet& set); // keeps a reference to `set`
  FactView(const FactView&) = delete;
  FactView& operator=(const FactView&) = delete;
  using Facts = std::span<const evidence::Fact* const>;

  Facts of_kind(std::string_view kind) const;               // in the order of the set
  const evidence::Fact* first(std::string_view kind) const; // null: none
  const evidence::Fact* by_id(std::string_view id) const;
  Facts frames_of(std::string_view thread) const;          // by the field `thread`, in stack order
  Facts crashed_frames() const { return crashed_frames_; } // of the crashing thread
  // Of the threads that run on a CPU; the crashing thread is one of them in every dump.
  Facts cpu_frames() const { return cpu_frames_; }
  // By the name of the module without extension, in lower case: "netbt".
  Facts frames_in(std::string_view module) const;
  Facts modules_named(std::string_view module) const;
  const evidence::Coverage* coverage_of(std::string_view kind) const;
  bool complete(std::string_view kind) const;
  const evidence::FactSet& set() const { return set_; }

private:
  using List = std::vector<const evidence::Fact*>;
  // Facts by the stem of a module's name; several spellings of a name share a list.
  struct ByModule {
    std::unordered_map<std::string_view, std::size_t> spelling, stem; // -> lists
    std::deque<std::string> stems;                                    // what `stem` refers to
    std::vector<List> lists;
    void add(std::string_view module, const evidence::Fact* fact);
    Facts find(std::string_view module) const;
  };
  void add_frame(const evidence::Fact& frame);

  const evidence::FactSet& set_;
  std::unordered_map<std::string_view, List> by_kind_, by_thread_;
  std::unordered_map<std::string_view, const evidence::Fact*> by_id_;
  std::unordered_map<std::string_view, const evidence::Coverage*> coverage_;
  List crashed_frames_, cpu_frames_;
  ByModule frames_in_, modules_;
};

} // namespace dumptriage::rules
