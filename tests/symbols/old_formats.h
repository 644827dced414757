// What the tests of old symbol formats share: questions in one line, and reading at every
// truncation.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "symbols/sources.h"
#include "synth/bytes_out.h"

namespace dumptriage::symbols {

inline ByteView view_of(const synth::Bytes& bytes) { return ByteView(bytes.data(), bytes.size()); }

// "name+offset/size source", with " far" where it is, and " file:line" where there is one.
inline std::string at(SymbolSource& source, std::uint32_t rva) {
  auto symbol = source.lookup(rva);
  if (!symbol) return "";
  std::string out = fmt::format("{}+{:x}/{:x} {}", symbol->function, symbol->offset, symbol->size,
                                name_of(symbol->source));
  if (symbol->far) out += " far";
  if (symbol->line != 0) out += fmt::format(" {}:{}", symbol->file, symbol->line);
  return out;
}

// `read` is called with the first n bytes for every n; it must come back.
template <class Read> void at_every_length(const synth::Bytes& bytes, Read read) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A copy of its own, so that a read behind the end is one behind an allocation.
    const synth::Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    read(view_of(part));
  }
}

} // namespace dumptriage::symbols
