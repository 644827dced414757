// pool_usage: {tag: TMRL, pool: nonpaged, at_least: 25%}.  The tag has that share of the pool in
// use.  A tag with half of a pool is a leak; a quarter and more counts as proof of one.
#include <fmt/format.h>

#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/function_names.h"
#include "rules/conditions/pool_tags.h"

namespace dumptriage::rules {
namespace {

constexpr std::uint64_t kLeak = 25; // per cent

class PoolUsage : public Condition {
public:
  PoolUsage(std::vector<std::string> tags, std::string pool, const Range& range)
      : tags_(std::move(tags)), pool_(std::move(pool)), range_(range) {
    condition_ = fmt::format("pool tag {} with {} of the {}pool", join(tags_), in_words(range, "%"),
                             pool_.empty() ? "" : pool_ + " ");
  }

  Finding judge(const FactView& facts) const override {
    // "At most" holds of every pool; "at least" of one.
    Search search;
    for (const evidence::Fact* usage : facts.of_kind("pool_usage")) {
      const std::string_view pool = text_of(*usage, "pool");
      if (!matches_tag(tags_, text_of(*usage, "tag"))) continue;
      if (!pool_.empty() && !pool.empty() && pool != pool_) continue;
      const auto share = usage->number("share");
      auto words = [&] {
        return fmt::format("tag '{}' has {}% of the {} pool", text_of(*usage, "tag"),
                           share.value_or(0), pool);
      };
      const bool known = share && (pool_.empty() || !pool.empty());
      if (known && *share > range_.most) return no(condition_, words(), {usage->id});
      Keys keys;
      keys.add(known, share.value_or(0) >= range_.least);
      keys.doubt(doubt_about_fact(*usage));
      if (search.add(*usage, keys, words) && range_.least > 0) break;
    }
    return settle(std::move(search).result(condition_, facts, {"pool_usage"},
                                           "the tag has no such share",
                                           "how much the tag has is not known"),
                  facts);
  }

  bool discriminating() const override { return range_.least >= kLeak; }
  // With "at most" alone a tag that is nowhere holds.
  void needs(Needs& needs) const override {
    if (range_.least > 0) needs.push_back({NeedKind::fact, {"pool_usage"}});
  }
  unsigned weight() const override { return discriminating() ? 8 : 4; }

private:
  // A tag that is not among all tags has nothing; of some tags of which not all are known, "at
  // most" is open.
  Finding settle(Finding found, const FactView& facts) const {
    if (range_.least > 0) return found;
    if (found.answer == Answer::no) return yes(condition_, "no block bears the tag");
    if (found.answer == Answer::yes && !facts.complete("pool_usage"))
      return not_found(condition_, facts, "pool_usage", {});
    return found;
  }

  std::vector<std::string> tags_;
  std::string pool_;
  Range range_;
  std::string condition_;
};

} // namespace

ConditionPtr read_pool_usage(YamlReader& yaml, const RuleContext&) {
  std::vector<std::string> tags;
  std::string pool;
  Range range;
  auto bound = [&](std::uint64_t& to) { to = read_percent(yaml).value_or(to); };
  yaml.fields("pool_usage",
              {{"tag", true, [&] { read_tags(yaml, tags); }},
               {"pool", false, [&] { pool = read_word(yaml, {"paged", "nonpaged"}); }},
               {"at_least", false, [&] { bound(range.least); }},
               {"at_most", false, [&] { bound(range.most); }}});
  if (!acceptable(yaml, range, "pool_usage") || tags.empty()) return nullptr;
  return std::make_shared<PoolUsage>(std::move(tags), std::move(pool), range);
}

} // namespace dumptriage::rules
