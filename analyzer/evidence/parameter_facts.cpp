#include <fmt/format.h>

#include "evidence/address_class.h"
#include "evidence/exceptions.h"
#include "evidence/extractors.h"
#include "evidence/parameters.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

using formats::ParameterRole;

constexpr std::uint64_t kPageOffset = 0xFFF;

// The value as characters in memory order: a whole pointer of them, or four with nothing above.
std::string text_of(const Input& input, std::uint64_t value) {
  const bool wide = arch::pointer_size_of(input.snapshot.machine) == 8 && value > UINT32_MAX;
  return text_in_address(wide ? input.snapshot.machine : arch::Machine::x86, value);
}

Fact parameter_fact(const Input& input, std::size_t index, std::uint64_t stored) {
  const ParameterRole role = role_of_parameter(input.snapshot, index);
  const std::uint64_t value = native(input, stored);
  Fact fact;
  fact.kind = "parameter";
  fact.id = fmt::format("parameter:{}", index + 1);
  fact.trust = "dump";
  fact.fields["number"] = std::uint64_t{index + 1};
  fact.fields["value"] = Address{stored};
  fact.fields["page_offset"] = value & kPageOffset;
  if (const auto name = formats::name_of(role); !name.empty())
    fact.fields["role"] = std::string(name);
  if (auto place = place_of(input, value)) {
    fact.fields["module"] = place->name;
    fact.fields["rva"] = place->rva;
    fact.refs.push_back(module_id(input, place->module));
  }
  if (role == ParameterRole::exception || role == ParameterRole::status) {
    const auto status = static_cast<std::uint32_t>(value);
    const ExceptionText text = describe_exception_code(Platform::windows, status);
    if (!text.name.empty()) fact.fields["status"] = std::string(text.name);
  }
  if (std::string text = text_of(input, value); !text.empty())
    fact.fields["text"] = std::move(text);
  return fact;
}

} // namespace

void extract_parameters(const Input& input, FactSet& set) {
  const system::Stop& stop = input.snapshot.stop;
  constexpr std::size_t kMost = 4;
  if (stop.kind != system::StopKind::bugcheck) {
    // A program's exception has none; of a kernel dump without a stop nothing is known.
    const bool none_there = stop.kind != system::StopKind::none || !input.snapshot.kernel;
    set.coverage.push_back({"parameter",
                            none_there ? Coverage::Extent::complete : Coverage::Extent::none, 0, 0,
                            none_there ? "" : "the dump's header carries no STOP code"});
    return;
  }
  const std::size_t count = std::min(stop.parameters.size(), kMost);
  for (std::size_t i = 0; i < count; ++i)
    set.facts.push_back(parameter_fact(input, i, stop.parameters[i]));
  const bool all = count == kMost;
  set.coverage.push_back({"parameter", all ? Coverage::Extent::complete : Coverage::Extent::partial,
                          count, kMost, all ? "" : "not all parameters are stored"});
}

} // namespace dumptriage::evidence
