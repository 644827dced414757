// The modules of one dump with their images and symbols, each looked for once, on first use.
// Gives the stack walker its function tables and its memory with image bytes laid over the holes,
// and gives names to frames.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "dump/records.h"
#include "image/image.h"
#include "memory/address_space.h"
#include "symbols/pdb_types.h"
#include "symbols/store.h"

namespace dumptriage::symbols {

struct NamedSymbol {
  Symbol symbol;
  std::vector<InlineCall> inlines; // innermost first
  memory::Origin origin = memory::Origin::dump;
  bool exact = false;
};

class ModuleSet final : public arch::UnwindSource {
public:
  ModuleSet(std::vector<dump::Module> modules, std::shared_ptr<const memory::AddressSpace> memory,
            arch::Machine machine, Store* store /*may be null*/);
  ~ModuleSet() override;

  const std::vector<dump::Module>& modules() const { return modules_; }
  std::optional<std::size_t> module_at(std::uint64_t address) const;
  // The image of a module: exact file from the store, else as captured in memory; null when
  // neither. A file that is an exact match is preferred, because memory images are mostly full of
  // holes.
  const image::Image* image_of(std::size_t module);
  std::optional<NamedSymbol> name(std::uint64_t address);
  // The structures that the module's PDB describes; null without an exactly matching PDB in a
  // folder that was named (one that merely lies beside the dump lays down no layout).
  std::shared_ptr<const PdbTypes> types_of(std::size_t module);

  // Does the address lie in a section that may be executed?  Nothing when no image tells.
  std::optional<bool> is_code(std::uint64_t address) const;

  arch::FunctionLookup find(std::uint64_t pc, arch::FunctionEntry& entry) const override;
  std::optional<arch::FrameData> frame_data(std::uint64_t pc) const override;
  std::optional<arch::CfiRules> cfi(std::uint64_t pc) const override;
  std::optional<std::uint64_t> function_start(std::uint64_t pc) const override;
  arch::ImportedFunction imported(std::uint64_t slot) const override;
  // The dump's memory; holes inside a module filled from its exactly matched image file: headers
  // and sections that are not writable, relocated, without import addresses.  Other pointers that
  // the loader writes into read-only sections (control-flow guard) are as in the file.
  const memory::AddressSpace& overlay() const;

  struct Status { // for `symbols DUMP` and the report's `wanted`
    bool asked = false;
    ImageFind image;
    SymbolFind symbols;
    bool image_in_memory = false;
  };
  const Status& status(std::size_t module) const;
  void search_all(); // for `symbols DUMP`

private:
  struct State;
  std::vector<dump::Module> modules_;
  std::unique_ptr<State> state_;
};

} // namespace dumptriage::symbols
