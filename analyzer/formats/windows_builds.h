// What Windows a build number is, for one-line descriptions.
// Source: Microsoft's public lists of Windows versions and their builds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace dumptriage::formats {

// "Windows Server 2003"; by product type (1 workstation, 2 and 3 server) where client and server
// share a build, both names ("Windows 7 or Server 2008 R2") when it is not known.  Empty for builds
// that belong to no release.
std::string windows_of_build(std::uint32_t build, std::optional<std::uint32_t> product_type);

} // namespace dumptriage::formats
