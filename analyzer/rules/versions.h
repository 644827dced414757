// Versions of files as articles and modules print them, and the lines of fixes they belong to.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dumptriage::rules {

inline constexpr std::uint64_t kTerminalServerBit = 0x8000; // last number of NT 4 versions

using Version = std::array<std::uint64_t, 4>;

// Four numbers; nothing for other text and for 0.0.0.0.
std::optional<Version> parse_version(std::string_view text);
// The service-pack branch that the last number lies in, for the builds whose ranges are published.
std::optional<int> service_pack_branch(const Version& version);
// Versions compare only inside one line: build, service-pack branch, edition; from Vista on general
// distribution (below 20000) or limited (hotfixes).
bool same_line(const Version& a, const Version& b);

} // namespace dumptriage::rules
