// What an image imports, by the slot that the loader fills.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "image/image.h"

namespace dumptriage::symbols {

struct Import {
  std::string module; // "KERNEL32.dll"
  std::string name;   // empty: by ordinal
  std::uint32_t ordinal = 0;
};

// The import whose address the loader writes to `slot`; nothing when that is no slot of the
// image's import directory.
std::optional<Import> import_at(const image::Image& image, std::uint32_t slot);

// The export that an import means; null when there is none.
const image::Export* find_export(const image::Image& image, const Import& import);
// "NTDLL.RtlEnterCriticalSection", "NTDLL.#12"
std::optional<Import> import_of_forwarder(std::string_view forwarder);

// Bytes of parameters in a decorated name of 32-bit x86 ("_Sleep@4", "__imp__Sleep@4").
std::optional<std::uint32_t> parameters_in_name(std::string_view decorated);

} // namespace dumptriage::symbols
