// The fix of an article in words, as far as it is for the machine of the dump.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/rules.h"

namespace dumptriage::rules {

std::string article_of(const Rule& rule); // "Q242896", or the rule's id

// "Windows NT 4.0"; the word itself when it is none of ours.
std::string product_name(std::string_view family);
// Service packs of the fix for this system; all of them when the system is not known.
std::vector<std::string> service_packs_for(const Fix& fix, const FactView& facts);
// "nt4 SP4" -> "Service Pack 4 for Windows NT 4.0"; as written when it is none we know.
std::string service_pack_name(const std::string& written);
// Number of the first service pack that holds the fix; 0: none is named.
unsigned service_pack_number(const Fix& fix, const FactView& facts);
// The pack that the machine has; nothing when the dump does not prove it.
std::optional<unsigned> machine_service_pack(const FactView& facts);

// "sfmsrv.sys of 1999-09-29 19:49, 134,416 bytes (nt4, x86)", for this machine only.
std::vector<std::string> fixed_files_for(const Fix& fix, const FactView& facts);

} // namespace dumptriage::rules
