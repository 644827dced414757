// The module in the dump against the fixed file of an article: version, then link time, then size,
// and only inside one branch (OS family, service pack, Terminal Server Edition, CPU).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "rules/rules.h"

namespace dumptriage::rules {

// yes: every fixed file that is loaded is in place; no: one of them is older; cannot tell.
Finding judge_fix(const Fix& fix, const FactView& facts);
std::shared_ptr<const Condition> make_fix_check(const Fix& fix);

// Could this be a file for the machine of the dump: system, CPU, edition and service pack do not
// speak against it.
bool is_for_machine(const FixFile& row, const FactView& facts);

// Bounds and family of `fixed_in` ("nt4 SP4"), from service_packs.def.  Call it when all other
// keys of the file are read; false: no such service pack is known.
bool apply_fixed_in(FixFile& file);

// A point that a module may be older than, for conditions: a service pack ("ws2003 SP1"), a version
// ("5.2.3790.1830") or the date of a file ("1999-06-12").  Nothing when the text is none of these.
std::optional<FixFile> parse_fix_point(std::string_view text);
// Is this module (a fact of kind `module`) of that point or newer: yes, no = older, cannot tell.
// Family, CPU and edition that the point leaves open are those of the machine.
Finding judge_fix_point(const FixFile& point, const evidence::Fact& module, const FactView& facts);

// "1999-09-29" or "1999-09-29 19:49" as seconds since 1970; the published clock is not known, which
// the margins of the comparison allow for.
std::optional<std::int64_t> parse_file_time(std::string_view text);

} // namespace dumptriage::rules
