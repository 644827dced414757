// Names of modules and functions, and choices, as conditions take them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/facts.h"
#include "rules/fact_view.h"
#include "rules/names.h"
#include "rules/needs.h"
#include "rules/yaml_reader.h"

namespace dumptriage::rules {

// One module name or several, any of which may fit.
class ModuleNames {
public:
  void read(YamlReader& yaml);     // a name or a list
  bool add(std::string_view name); // false: no name of a module
  bool empty() const { return patterns_.empty(); }
  bool match(std::string_view module) const;
  // A module that some driver object names: "\Driver\sfmsrv" is sfmsrv.sys.
  bool match_driver(std::string_view driver) const;
  // None of the names has a '*' in it.
  bool literal() const;
  const std::vector<ModulePattern>& patterns() const { return patterns_; }
  std::string written() const; // "a.sys or b.sys"
  // What to look up in a FactView: names without extension, in lower case, the kernel's under all
  // its names; empty where a '*' asks for a search.
  const std::vector<std::string>& stems() const { return stems_; }
  // That one of them is there; nothing when a '*' or the kernel is among them, which every kernel
  // dump has.
  void need(Needs& needs, NeedKind kind) const;

private:
  std::vector<ModulePattern> patterns_;
  std::vector<std::string> stems_;
  bool wildcard_ = false, kernel_ = false;
};

// Facts of loaded modules that bear one of the names, until `look` returns true.
template <typename Look>
bool look_at_modules(const FactView& facts, const ModuleNames& modules, Look look) {
  auto among = [&](FactView::Facts some) {
    for (const evidence::Fact* fact : some) {
      const std::string* name = fact->text("name");
      if (name && modules.match(*name) && look(*fact)) return true;
    }
    return false;
  };
  if (modules.stems().empty()) return among(facts.of_kind("module"));
  for (const auto& stem : modules.stems())
    if (among(facts.modules_named(stem))) return true;
  return false;
}

// One "module!function" or several, any of which may fit.  "module!*" is any place in the module,
// with or without a name.
class FunctionNames {
public:
  void read(YamlReader& yaml); // a name or a list
  bool empty() const { return patterns_.empty(); }
  enum class Hit { none, place, name }; // `place`: by the module alone, so that no name is at stake
  Hit match(const evidence::Fact& frame) const;
  // Each of them tells one function from the others of its module.
  bool name_functions() const;
  std::string written() const; // "a!b or c!d"
  const ModuleNames& modules() const { return modules_; }

private:
  std::vector<FunctionPattern> patterns_;
  std::vector<bool> place_only_;
  ModuleNames modules_;
};

// The index of one word of `choices`; 0 after an error.
std::size_t read_choice(YamlReader& yaml, std::initializer_list<std::string_view> choices);
// The word itself; "" after an error.
std::string read_word(YamlReader& yaml, std::initializer_list<std::string_view> choices);

} // namespace dumptriage::rules
