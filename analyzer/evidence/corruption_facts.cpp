#include <fmt/format.h>

#include "evidence/extractors.h"

namespace dumptriage::evidence {

namespace {

Coverage coverage_of(const system::Snapshot& snapshot) {
  const system::FreeLists& lists = snapshot.free_lists;
  if (!snapshot.kernel)
    return {"corruption", Coverage::Extent::none, 0, 0, "a process dump holds no kernel memory"};
  if (lists.complete && lists.damage.size() <= kMostFacts)
    return {"corruption", Coverage::Extent::complete, lists.seen, lists.seen, ""};
  const std::string missing =
      lists.missing.empty() ? "not every list of free memory was read" : lists.missing;
  const bool some = lists.seen != 0 || !lists.damage.empty();
  return {"corruption", some ? Coverage::Extent::partial : Coverage::Extent::none, lists.seen, 0,
          missing};
}

} // namespace

void extract_corruptions(const Input& input, FactSet& set) {
  const auto& damage = input.snapshot.free_lists.damage;
  for (std::size_t i = 0; i < std::min(damage.size(), kMostFacts); ++i) {
    const system::Damage& row = damage[i];
    Fact fact;
    fact.kind = "corruption";
    fact.id = fmt::format("corruption:{}@{:X}", row.how, row.entry != 0 ? row.entry : row.list);
    fact.where = Where::virtual_address(row.entry != 0 ? row.entry : row.list);
    fact.trust = row.trust;
    fact.fields["what"] = row.what;
    fact.fields["how"] = row.how;
    if (row.list != 0) fact.fields["list"] = Address{row.list};
    if (row.entry != 0) fact.fields["entry"] = Address{row.entry};
    if (!row.tag.empty()) fact.fields["tag"] = row.tag;
    if (!row.block_type.empty()) fact.fields["block_type"] = row.block_type;
    set.facts.push_back(std::move(fact));
  }
  set.coverage.push_back(coverage_of(input.snapshot));
}

} // namespace dumptriage::evidence
