// Names in rules against names in facts.  Modules: without case, with or without extension, "nt"
// for every kernel image (ntoskrnl, ntkrnlmp, ntkrnlpa, ntkrpamp).  Functions: undecorated, with
// case.
// '*' stands for any run of characters in both.
#pragma once

#include <string>
#include <string_view>

namespace dumptriage::rules {

// "_name@8", "@name@8", "__imp__name@8" -> "name".
std::string_view plain_function(std::string_view name);

// ntoskrnl.exe, ntkrnlpa.exe, ..., and "nt" itself.
bool is_kernel_image(std::string_view name);

class ModulePattern {
public:
  ModulePattern() = default;
  explicit ModulePattern(std::string_view written);
  bool matches(std::string_view module) const;
  const std::string& written() const { return written_; }

private:
  std::string written_, pattern_;
  bool has_extension_ = false, kernel_ = false, wild_ = false;
};

// "module!function".
class FunctionPattern {
public:
  FunctionPattern() = default;
  explicit FunctionPattern(std::string_view written);
  bool matches(std::string_view module, std::string_view function) const;
  const ModulePattern& module() const { return module_; }
  const std::string& written() const { return written_; }
  // Enough of a name to tell one function from the others of its module: not "*", not "Nt*".
  bool names_a_function() const;
  // "module!function" with both parts there.
  static bool well_formed(std::string_view written);

private:
  std::string written_, function_;
  ModulePattern module_;
};

} // namespace dumptriage::rules
