// The words for systems in rules: families, architectures, editions, service packs.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/facts.h"
#include "rules/conditions/arguments.h"
#include "rules/rules.h"
#include "rules/yaml_reader.h"

namespace dumptriage::rules {

std::span<const std::string_view> os_families(); // as the facts name them
std::span<const std::string_view> os_archs();
std::span<const std::string_view> os_editions();

// 2, SP2, SP6a (which reads as 6 in every dump) or none; one or a list.
void read_service_packs(YamlReader& yaml, std::vector<std::uint64_t>& to);

// By product type and suite mask.
Finding judge_edition(const evidence::Fact& os, const std::string& edition);
// "ws2003 SP2 on x64"
std::string describe_os(const evidence::Fact& os);

} // namespace dumptriage::rules
