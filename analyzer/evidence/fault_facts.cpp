#include "evidence/extractors.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

// Frame 0 of the crashed thread, when it is the fault itself.
std::string frame_of_fault(const Input& input, const Fault& fault) {
  const auto thread = crashed_thread(input);
  if (!thread) return {};
  const stack::Stack* stack = stack_of(input, *thread);
  if (!stack) return {};
  for (std::size_t i = 0; i < stack->frames.size() && i < stack->sure_frames; ++i) {
    if (stack->frames[i].exact_pc && stack->frames[i].pc == fault.ip)
      return frame_id(input, *thread, i);
  }
  return {};
}

Coverage coverage_of(const Fault& fault) {
  Coverage coverage{"fault", Coverage::Extent::complete, 1, 1, ""};
  if (fault.instruction.empty())
    coverage.missing = "the instruction's bytes";
  else if (!fault.access.empty() && !fault.address)
    coverage.missing = "the address it touched";
  if (!coverage.missing.empty()) coverage.extent = Coverage::Extent::partial;
  return coverage;
}

} // namespace

void extract_fault(const Input& input, FactSet& set) {
  const auto fault = describe_fault(input);
  if (!fault) {
    set.coverage.push_back(
        {"fault", Coverage::Extent::none, 0, 0, "the dump tells of no faulting instruction"});
    return;
  }
  Fact fact;
  fact.kind = "fault";
  fact.id = "fault";
  fact.trust = fault->origin == memory::Origin::sibling ? "sibling" : "dump";
  fact.where = Where::virtual_address(fault->ip);
  fact.fields["ip"] = Address{fault->ip};
  if (auto place = place_of(input, fault->ip)) {
    fact.fields["module"] = place->name;
    fact.fields["rva"] = place->rva;
    fact.refs.push_back(module_id(input, place->module));
  }
  if (!fault->instruction.empty()) fact.fields["instruction"] = fault->instruction;
  if (!fault->access.empty()) fact.fields["access"] = fault->access;
  if (!fault->address_class.empty()) fact.fields["address_class"] = fault->address_class;
  if (fault->address) fact.fields["address"] = Address{*fault->address};
  if (std::string frame = frame_of_fault(input, *fault); !frame.empty())
    fact.refs.push_back(std::move(frame));
  set.facts.push_back(std::move(fact));
  set.coverage.push_back(coverage_of(*fault));
}

} // namespace dumptriage::evidence
