// Names for people and rules.  C decorations: "Decorated Names", learn.microsoft.com.
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <memory>

#include <llvm/Demangle/Demangle.h>

#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

// Beyond this MSVC hashes the name, and LLVM's demanglers recurse on their input.
constexpr std::size_t kLongestMangled = 4096;

struct Free {
  void operator()(char* p) const { std::free(p); }
};
using Text = std::unique_ptr<char, Free>;

bool all_digits(std::string_view text) {
  if (text.empty()) return false;
  for (unsigned char c : text)
    if (!std::isdigit(c)) return false;
  return true;
}

// References to earlier parts of a mangled name.  A name in which each part holds the one before
// twice doubles with every reference, so a short hostile one fills the memory.
std::size_t references(std::string_view name) {
  auto upper_or_digit = [](unsigned char c) { return std::isdigit(c) || std::isupper(c); };
  std::size_t count = 0;
  for (std::size_t i = 0; i + 1 < name.size(); ++i) {
    if (name[0] == '?') { // a digit in the place of a name or type
      count +=
          std::isdigit(static_cast<unsigned char>(name[i + 1])) &&
          (name[i] == '@' || name[i] == '?' || upper_or_digit(static_cast<unsigned char>(name[i])));
    } else if (name[i] == 'S' || name[i] == 'T') { // "S_", "S1A_", "T_", "T0_"
      std::size_t end = i + 1;
      while (end < name.size() && upper_or_digit(static_cast<unsigned char>(name[end]))) ++end;
      count += end < name.size() && name[end] == '_';
    }
  }
  return count;
}

// n references make at most 3^(n/3) copies (three to each part grows fastest).
bool may_explode(std::string_view name) {
  constexpr double kMostText = 16e6;
  return std::pow(3.0, static_cast<double>(references(name)) / 3) *
             static_cast<double>(name.size()) >
         kMostText;
}

std::string demangle_msvc(std::string_view name) {
  auto flags = static_cast<llvm::MSDemangleFlags>(
      llvm::MSDF_NoAccessSpecifier | llvm::MSDF_NoCallingConvention | llvm::MSDF_NoReturnType |
      llvm::MSDF_NoMemberType | llvm::MSDF_NoVariableType);
  int status = 0;
  Text text(llvm::microsoftDemangle(name, nullptr, &status, flags));
  if (!text || status != 0) return std::string(name);
  return without_arguments(text.get());
}

std::string demangle_itanium(std::string_view name) {
  std::string terminated(name);
  llvm::ItaniumPartialDemangler demangler;
  if (demangler.partialDemangle(terminated.c_str())) return terminated;
  std::size_t size = 0;
  Text text(demangler.isFunction() ? demangler.getFunctionName(nullptr, &size)
                                   : demangler.finishDemangle(nullptr, &size));
  return text ? std::string(text.get()) : terminated;
}

// "_name@8" (stdcall), "@name@8" (fastcall), "name@@8" (vectorcall).
std::string_view without_c_decoration(std::string_view name, arch::Machine machine) {
  auto at = name.rfind('@');
  if (at != std::string_view::npos && at > 0 && all_digits(name.substr(at + 1))) {
    std::string_view head = name.substr(0, at);
    if (head.ends_with('@') && head.size() > 1) return head.substr(0, head.size() - 1);
    if (head.size() > 1 && (head[0] == '_' || head[0] == '@')) return head.substr(1);
    // GNU tools export stdcall functions as "name@8".
    if (machine == arch::Machine::x86) return head;
    return name;
  }
  if (machine == arch::Machine::x86 && name.size() > 1 && name[0] == '_') return name.substr(1);
  return name;
}

} // namespace

std::string without_arguments(std::string_view text) {
  std::string_view rest = text;
  for (bool again = true; again;) {
    again = false;
    for (std::string_view tail : {" const", " volatile", " &", " &&", " __restrict", " noexcept"})
      if (rest.ends_with(tail)) {
        rest.remove_suffix(tail.size());
        again = true;
      }
  }
  if (!rest.ends_with(')')) return std::string(text);
  int depth = 0;
  for (std::size_t i = rest.size(); i-- > 0;) {
    if (rest[i] == ')') ++depth;
    if (rest[i] != '(' || --depth != 0) continue;
    std::string_view name = rest.substr(0, i);
    // "operator()" alone: the parentheses are its name.
    if (name.empty() || name.ends_with("operator")) return std::string(rest);
    return std::string(name);
  }
  return std::string(text);
}

std::string without_return_type(std::string_view text) {
  constexpr std::string_view kStatic = "static ";
  if (!text.starts_with(kStatic)) return std::string(text);
  text.remove_prefix(kStatic.size());
  // The name begins behind the last space that is in no bracket and no quotes, and before the word
  // "operator", whose own name may hold spaces.
  std::size_t start = 0;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '<' || c == '(' || c == '`') ++depth;
    if ((c == '>' || c == ')' || c == '\'') && depth > 0) --depth;
    if (text.substr(i).starts_with("operator") && depth == 0) break;
    if (c == ' ' && depth == 0) start = i + 1;
  }
  return std::string(text.substr(start));
}

std::string undecorate(std::string_view name, arch::Machine machine) {
  constexpr std::string_view kImport = "__imp_";
  if (name.size() > kLongestMangled) return std::string(name);
  if (name.starts_with(kImport) && name.size() > kImport.size())
    return std::string(kImport) + undecorate(name.substr(kImport.size()), machine);
  if (name.starts_with('?')) return may_explode(name) ? std::string(name) : demangle_msvc(name);
  // x86 puts an underscore before it.  C names may begin alike ("_ZwClose@4").
  if (name.starts_with("_Z") || name.starts_with("__Z")) {
    std::string_view mangled = name.substr(name[1] == '_' ? 1 : 0);
    if (may_explode(mangled)) return std::string(name);
    if (std::string text = demangle_itanium(mangled); text != mangled) return text;
  }
  return std::string(without_c_decoration(name, machine));
}

std::string_view name_of(NameSource source) {
  switch (source) {
  case NameSource::pdb: return "pdb";
  case NameSource::pdb_public: return "pdb_public";
  case NameSource::codeview: return "codeview";
  case NameSource::codeview_public: return "codeview_public";
  case NameSource::coff: return "coff";
  case NameSource::breakpad: return "breakpad";
  case NameSource::breakpad_public: return "breakpad_public";
  case NameSource::exports: return "exports";
  case NameSource::none: break;
  }
  return "";
}

} // namespace dumptriage::symbols
