#include "rules/names.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace dumptriage::rules {
namespace {

constexpr std::array<std::string_view, 5> kKernelStems = {"nt", "ntoskrnl", "ntkrnlmp", "ntkrnlpa",
                                                          "ntkrpamp"};

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

bool is_kernel_image(std::string_view name) {
  if (name.size() > 4) {
    const std::string_view extension = name.substr(name.size() - 4);
    if (equals_no_case(extension, ".exe") || equals_no_case(extension, ".sys"))
      name.remove_suffix(extension.size());
  }
  return std::ranges::any_of(kKernelStems,
                             [&](std::string_view stem) { return equals_no_case(stem, name); });
}

std::string_view plain_function(std::string_view name) {
  if (name.starts_with("__imp_")) name.remove_prefix(6);
  // stdcall "_name@8" and fastcall "@name@8": the number of argument bytes proves the decoration.
  // A bare leading '_' may belong to the name and stays.
  std::size_t at = name.rfind('@');
  if (at != std::string_view::npos && at > 1 && all_digits(name.substr(at + 1)) &&
      (name[0] == '_' || name[0] == '@'))
    return name.substr(1, at - 1);
  return name;
}

ModulePattern::ModulePattern(std::string_view written)
    : written_(written), pattern_(lower(written)) {
  has_extension_ = pattern_.find('.') != std::string::npos;
  wild_ = pattern_.find('*') != std::string::npos;
  kernel_ = is_kernel_image(pattern_);
}

// Thousands of names are compared for each dump: nothing is copied where no '*' asks for it.
bool ModulePattern::matches(std::string_view module) const {
  if (pattern_.empty() || module.empty()) return false;
  if (kernel_) return is_kernel_image(module);
  if (!wild_) {
    if (equals_no_case(pattern_, module)) return true;
    return !has_extension_ && module.size() > pattern_.size() && module[pattern_.size()] == '.' &&
           module.rfind('.') == pattern_.size() &&
           equals_no_case(pattern_, module.substr(0, pattern_.size()));
  }
  const std::string name = lower(module);
  if (glob_match(pattern_, name)) return true;
  if (has_extension_) return false;
  const std::size_t dot = name.rfind('.');
  return dot != std::string::npos && glob_match(pattern_, std::string_view(name).substr(0, dot));
}

FunctionPattern::FunctionPattern(std::string_view written) : written_(written) {
  std::size_t bang = written.find('!');
  if (bang == std::string_view::npos) return;
  module_ = ModulePattern(written.substr(0, bang));
  function_ = plain_function(written.substr(bang + 1));
}

bool FunctionPattern::matches(std::string_view module, std::string_view function) const {
  return !function_.empty() && !function.empty() && module_.matches(module) &&
         glob_match(function_, plain_function(function));
}

bool FunctionPattern::names_a_function() const {
  constexpr std::ptrdiff_t kFewest = 5; // "Nt*", "xxx*" name families
  if (module_.written().empty() || module_.written().find('*') != std::string::npos) return false;
  return std::ranges::count_if(function_, [](char c) { return c != '*'; }) >= kFewest;
}

bool FunctionPattern::well_formed(std::string_view written) {
  std::size_t bang = written.find('!');
  return bang != std::string_view::npos && bang > 0 && bang + 1 < written.size() &&
         written.find(' ') == std::string_view::npos;
}

} // namespace dumptriage::rules
