// Pool blocks that the stop and the fault have to do with.  Where a header's page does not fit
// together, what the header says proves nothing: such a block is told only where the stop itself
// points there, and marked.
#include <fmt/format.h>

#include "evidence/extractors.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

const system::PoolBlock* asked_block(const system::PoolFinding& finding) {
  for (const system::PoolBlock& block : finding.blocks)
    if (block.asked) return &block;
  return nullptr;
}

// The block around the address, of a page whose headers all fit each other.
const system::PoolBlock* sound_block(const system::PoolFinding& finding) {
  return finding.inconsistent_at ? nullptr : asked_block(finding);
}

void describe_block(const system::PoolBlock& block, Fact& fact) {
  fact.fields["block"] = Address{block.address};
  fact.fields["tag"] = block.tag;
  if (!block.state.empty()) fact.fields["state"] = block.state;
  if (!block.pool.empty()) fact.fields["pool"] = block.pool;
}

// "p2" of "bugcheck parameter 2"; "asked" otherwise.
std::string asked_by(const system::PoolFinding& finding) {
  constexpr std::string_view kParameter = "bugcheck parameter ";
  if (!finding.from.starts_with(kParameter)) return "asked";
  return "p" + finding.from.substr(kParameter.size());
}
bool is_of_parameter(const system::PoolFinding& finding) { return asked_by(finding) != "asked"; }

void add_pool_block(const system::PoolFinding& finding, FactSet& set) {
  const system::PoolBlock* block = asked_block(finding);
  if (!block && !finding.inconsistent_at) return;
  Fact fact;
  fact.kind = "pool_block";
  fact.id = fmt::format("pool_block:{}@{:X}", asked_by(finding), finding.asked);
  fact.where = Where::virtual_address(finding.asked);
  fact.trust = finding.trust;
  fact.fields["asked_by"] = asked_by(finding);
  if (block) {
    describe_block(*block, fact);
    fact.fields["size"] = std::uint64_t{block->size};
  }
  fact.fields["damaged"] = finding.inconsistent_at.has_value();
  if (!finding.diagnosis.empty()) fact.fields["diagnosis"] = finding.diagnosis;
  set.facts.push_back(std::move(fact));
}

// Can this address lie in pool at all?  Modules do not, nor what programs own.
bool may_be_pool(const Input& input, std::uint64_t address) {
  constexpr std::uint64_t kWideKernel = 0xFFFF800000000000, kNarrowKernel = 0x80000000;
  const bool wide = arch::pointer_size_of(input.snapshot.machine) == 8;
  // Itanium's kernel and sessions lie in the upper regions.
  const std::uint64_t first = input.snapshot.machine == arch::Machine::ia64 ? std::uint64_t{1} << 61
                              : wide                                        ? kWideKernel
                                                                            : kNarrowKernel;
  return address >= first && !place_of(input, address);
}

bool is_known(const std::vector<system::PoolFinding>& findings, std::uint64_t address) {
  for (const system::PoolFinding& finding : findings)
    if (finding.asked == address && sound_block(finding)) return true;
  return false;
}

Coverage coverage_of_parameters(const Input& input) {
  const system::Stop& stop = input.snapshot.stop;
  if (!input.snapshot.kernel)
    return {"pool_block", Coverage::Extent::none, 0, 0, "a process dump holds no pool"};
  if (stop.kind != system::StopKind::bugcheck)
    return {"pool_block", Coverage::Extent::none, 0, 0, "no stop names an address"};
  Coverage coverage{"pool_block", Coverage::Extent::complete, 0, 0, ""};
  for (std::size_t i = 0; i < stop.parameters.size() && i < 4; ++i) {
    const std::uint64_t address = native(input, stop.parameters[i]);
    if (!may_be_pool(input, address)) continue;
    ++coverage.of;
    if (is_known(input.snapshot.pool, address) || is_known(input.snapshot.touched, address)) {
      ++coverage.seen;
    } else if (coverage.missing.empty()) {
      coverage.extent = Coverage::Extent::partial;
      coverage.missing =
          fmt::format("parameter {} lies in no page of pool that can be read", i + 1);
    }
  }
  return coverage;
}

Coverage coverage_of_touched(const Input& input, std::size_t found) {
  const char* kind = "touched_block";
  if (!input.snapshot.kernel)
    return {kind, Coverage::Extent::none, 0, 0, "a process dump holds no pool"};
  const auto touched = touched_pointers(input);
  if (!touched)
    return {kind, Coverage::Extent::none, 0, 0, "the dump tells of no address that was touched"};
  Coverage coverage{kind, Coverage::Extent::complete, found, 0, ""};
  for (const TouchedPointers::Pointer& pointer : touched->pointers) {
    const std::uint64_t address = native(input, pointer.value);
    if (!may_be_pool(input, address)) continue;
    ++coverage.of;
    if (!is_known(input.snapshot.touched, address) && coverage.missing.empty())
      coverage.missing = fmt::format("{} ({}) lies in no page of pool that can be read", pointer.of,
                                     address_text(input, address));
  }
  if (coverage.missing.empty() && !touched->complete)
    coverage.missing = "not every register is known that the address was made of";
  if (!coverage.missing.empty())
    coverage.extent = found == 0 ? Coverage::Extent::none : Coverage::Extent::partial;
  return coverage;
}

} // namespace

void extract_touched_blocks(const Input& input, FactSet& set) {
  std::size_t found = 0;
  for (const system::PoolFinding& finding : input.snapshot.touched) {
    const system::PoolBlock* block = sound_block(finding);
    if (!block || is_of_parameter(finding)) continue;
    Fact fact;
    fact.kind = "touched_block";
    fact.id = "touched_block:" + finding.from;
    fact.where = Where::virtual_address(finding.asked);
    fact.trust = finding.trust;
    fact.refs.push_back("fault");
    fact.fields["of"] = finding.from;
    fact.fields["pointer"] = Address{finding.asked};
    describe_block(*block, fact);
    set.facts.push_back(std::move(fact));
    ++found;
  }
  set.coverage.push_back(coverage_of_touched(input, found));
}

void extract_pool_blocks(const Input& input, FactSet& set) {
  for (const system::PoolFinding& finding : input.snapshot.pool) add_pool_block(finding, set);
  // Addresses among the parameters of any other stop count only where all fits.
  for (const system::PoolFinding& finding : input.snapshot.touched)
    if (is_of_parameter(finding) && sound_block(finding)) add_pool_block(finding, set);
  set.coverage.push_back(coverage_of_parameters(input));
}

} // namespace dumptriage::evidence
