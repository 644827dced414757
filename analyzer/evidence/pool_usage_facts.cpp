#include <fmt/format.h>

#include "evidence/extractors.h"
#include "formats/bugchecks.h"

namespace dumptriage::evidence {

namespace {

constexpr std::uint32_t kSessionPool = 0xAB; // SESSION_HAS_VALID_POOL_ON_EXIT
constexpr std::string_view kSession = "session";

Fact usage_fact(const system::PoolUsage& usage, const system::PoolTagUsage& row) {
  Fact fact;
  fact.kind = "pool_usage";
  fact.id = fmt::format("pool_usage:{}:{}", row.pool, row.tag);
  fact.trust = "dump";
  fact.fields["tag"] = row.tag;
  fact.fields["pool"] = row.pool;
  fact.fields["bytes"] = row.bytes;
  fact.fields["blocks"] = row.blocks;
  fact.fields["share"] = std::uint64_t{row.share};
  if (!usage.from.empty()) fact.fields["tracked_by"] = usage.from;
  return fact;
}

Fact leak_fact(const system::PoolTagUsage& row) {
  Fact fact;
  fact.kind = "session_leak";
  fact.id = "session_leak:" + row.tag;
  fact.trust = "dump";
  fact.fields["tag"] = row.tag;
  fact.fields["bytes"] = row.bytes;
  fact.fields["blocks"] = row.blocks;
  return fact;
}

bool is_session_stop(const system::Stop& stop) {
  return stop.kind == system::StopKind::bugcheck &&
         formats::normalized_bugcheck(stop.code) == kSessionPool;
}

Coverage coverage_of(const Input& input, const char* kind, std::size_t seen) {
  const system::PoolUsage& usage = input.snapshot.pool_usage;
  if (!input.snapshot.kernel)
    return {kind, Coverage::Extent::none, 0, 0, "a process dump holds no kernel memory"};
  if (usage.complete && usage.tags.size() <= kMostFacts)
    return {kind, Coverage::Extent::complete, seen, seen, ""};
  return {kind, seen == 0 ? Coverage::Extent::none : Coverage::Extent::partial, seen, 0,
          usage.missing.empty() ? "not all of the pool's accounts could be read" : usage.missing};
}

} // namespace

void extract_pool_usage(const Input& input, FactSet& set) {
  const auto& tags = input.snapshot.pool_usage.tags;
  const bool leaks = is_session_stop(input.snapshot.stop);
  std::vector<Fact> left;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < std::min(tags.size(), kMostFacts); ++i) {
    if (tags[i].pool == kSession) {
      if (leaks && tags[i].blocks != 0) left.push_back(leak_fact(tags[i]));
      continue;
    }
    set.facts.push_back(usage_fact(input.snapshot.pool_usage, tags[i]));
    ++kept;
  }
  const std::size_t found = left.size();
  std::move(left.begin(), left.end(), std::back_inserter(set.facts));
  set.coverage.push_back(coverage_of(input, "pool_usage", kept));
  // No other stop is about a session that left something.
  if (input.snapshot.stop.kind != system::StopKind::none && !leaks) {
    set.coverage.push_back({"session_leak", Coverage::Extent::complete, 0, 0, ""});
    return;
  }
  Coverage session = coverage_of(input, "session_leak", found);
  if (found == 0) {
    session.extent = Coverage::Extent::none;
    if (session.missing.empty())
      session.missing = "the tags of the session's pool are not in the dump";
  }
  set.coverage.push_back(std::move(session));
}

} // namespace dumptriage::evidence
