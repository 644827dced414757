// The module in the dump against the fixed file of an article: version, then link time, then size,
// and only inside one branch (OS family, service pack, Terminal Server Edition, CPU).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rules/rules.h"

namespace dumptriage::rules {

// yes: every fixed file is in place; no: one of them is older; cannot tell.
Finding judge_fix(const Fix& fix, const FactView& facts);
std::shared_ptr<const Condition> make_fix_check(const Fix& fix);

// "1999-09-29" or "1999-09-29 19:49" as seconds since 1970; the published clock is not known, which
// the margins of the comparison allow for.
std::optional<std::int64_t> parse_file_time(std::string_view text);

} // namespace dumptriage::rules
