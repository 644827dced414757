// The only seam where an llvm::Error becomes ours.
#pragma once

#include <string>

#include <llvm/Support/Error.h>

#include "base/error.h"

namespace dumptriage {

inline std::unexpected<Error> fail_llvm(Code code, std::string what, llvm::Error error,
                                        Where where = {}) {
  return fail(code, std::move(what), llvm::toString(std::move(error)), where);
}

} // namespace dumptriage
