// symbols: a name and a line for an rva of one image.  One file per symbol format, all behind this
// one interface.  A name always says what it came from and whether its file is the exact match.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/arch.h"

namespace dumptriage::symbols {

// Better first.  `codeview`: PDB 2.00, and NB09/NB11 of an image or a .DBG file; `coff`: the COFF
// table of an image or a .DBG file.
enum class NameSource {
  pdb,
  pdb_public,
  codeview,
  codeview_public,
  coff,
  breakpad,
  breakpad_public,
  exports,
  none
};
std::string_view name_of(NameSource source); // "pdb", "pdb_public", "codeview", ..., ""

struct Symbol {
  std::string function;     // for people: demangled, without decoration ("_name@8" -> "name")
  std::string decorated;    // as stored
  std::uint32_t rva = 0;    // start of the function
  std::uint32_t offset = 0; // of the asked address in it
  std::uint32_t size = 0;   // 0 = not known (publics, exports)
  std::string file;         // as recorded by the compiler
  std::uint32_t line = 0;
  NameSource source = NameSource::none;
  // A public or export much nearer to nothing than to its neighbour: too far to be called by this
  // name.
  bool far = false;
  // The function's extent is known (its size, or the image's function table) and holds the address.
  bool bounded = false;
};

// A call that the compiler replaced by the body of the function.
struct InlineCall {
  std::string function; // for people
  std::string file;     // where in the inlined function the code stands
  std::uint32_t line = 0;
};

class PdbTypes;

class SymbolSource {
public:
  virtual ~SymbolSource() = default;
  virtual std::optional<Symbol> lookup(std::uint32_t rva) = 0;
  // The inlined calls around `rva`, innermost first; file and line of lookup() are then those of
  // the outermost call.
  virtual std::vector<InlineCall> inlines(std::uint32_t) { return {}; }
  // Breakpad STACK CFI that covers `rva`; `start` of the answer is an rva.
  virtual std::optional<arch::CfiRules> cfi(std::uint32_t) { return std::nullopt; }
  // 32-bit x86: the frame of the code at `rva`; `start` of the answer is an rva.
  virtual std::optional<arch::FrameData> frame_data(std::uint32_t) { return std::nullopt; }
  // Layouts of structures; null when it has none.  They live as long as the source.
  virtual const PdbTypes* types() { return nullptr; }
};

// MSVC and Itanium C++ names to "class::method" (no return type, no argument list), C decorations
// ("_name@8", "@name@8", "name@@8") removed; unknown forms come back as they are.  The underscore
// that x86 puts before every C name goes only when the machine is known to be x86: elsewhere it is
// part of the name.
std::string undecorate(std::string_view name, arch::Machine machine = arch::Machine::unknown);

} // namespace dumptriage::symbols
