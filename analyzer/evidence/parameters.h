// What the parameters of a STOP or an exception mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "evidence/evidence.h"
#include "formats/bugchecks.h"

namespace dumptriage::evidence {

std::vector<ParameterMeaning> describe_bugcheck_parameters(const Input& input);
std::vector<ParameterMeaning> describe_exception_parameters(const Input& input);

// "read", "write", "execute" for an access parameter of a STOP; empty when its value is not
// documented. The same value means different things with different codes and releases.
std::string_view access_of_bugcheck(std::uint32_t normalized, std::uint64_t value);

// The role of a parameter of the STOP, counted from 0; none where what it holds depends on values
// that say otherwise here.
formats::ParameterRole role_of_parameter(const system::Snapshot& snapshot, std::size_t index);

// The first parameter of the STOP with this role; nothing when it has none or it is not stored.
std::optional<std::uint64_t> bugcheck_parameter(const system::Snapshot& snapshot,
                                                formats::ParameterRole role);

// "DISPATCH_LEVEL"; empty for levels without a name on this machine.
std::string_view irql_name(arch::Machine machine, std::uint64_t irql);

} // namespace dumptriage::evidence
