// Layouts of structures as a PDB's type records give them: for kernel structures the best source
// there is, when the PDB is the exact one of the kernel in the dump.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace dumptriage::symbols {

struct TypeField {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;               // bytes of its type; 0 = not known
  std::uint8_t first_bit = 0, bits = 0; // of a bit field; bits 0 = none
};

class MsfFile;

class PdbTypes {
public:
  // Lazily: reads what is asked for when it is asked for, so `msf` must outlive it.
  static Result<std::shared_ptr<const PdbTypes>> open(MsfFile& msf, bool lazily);
  // `pdb` is a whole PDB 7 file, kept by the caller until open() returns.
  static Result<std::shared_ptr<const PdbTypes>> open(ByteView pdb);
  ~PdbTypes();

  // "_KTHREAD", "WaitReason".  Members of nameless inner structures and unions count as members of
  // the outer one, as in C.  Nothing when the PDB has no such member.
  std::optional<TypeField> field(std::string_view structure, std::string_view name) const;
  std::optional<std::uint32_t> size(std::string_view structure) const;

private:
  PdbTypes();
  struct Records;
  std::unique_ptr<Records> records_;
};

} // namespace dumptriage::symbols
