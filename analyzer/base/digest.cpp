#include "base/digest.h"

#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/BLAKE3.h>

namespace dumptriage {

std::string blake3_hex(ByteView bytes) {
  llvm::BLAKE3 hasher;
  hasher.update(llvm::StringRef(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  auto digest = hasher.final();
  return llvm::toHex(digest, /*LowerCase=*/true);
}

} // namespace dumptriage
