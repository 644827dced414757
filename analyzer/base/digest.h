// BLAKE3, as lower-case hex.
#pragma once

#include <string>

#include "base/bytes.h"

namespace dumptriage {

std::string blake3_hex(ByteView bytes);

} // namespace dumptriage
