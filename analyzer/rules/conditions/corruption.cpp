// corruption: {what: [pool_freelist, irp_lookaside], how: doubled, block: IRP, tag: Irp}.  Such a
// list of free memory is damaged.  That a block was freed twice does not say by whom.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/pool_tags.h"

namespace dumptriage::rules {
namespace {

constexpr auto kLists =
    std::to_array<std::string_view>({"pool_freelist", "irp_lookaside", "lookaside"});
constexpr auto kWays =
    std::to_array<std::string_view>({"doubled", "looped", "broken_link", "allocated_entry"});
constexpr auto kBlocks = std::to_array<std::string_view>({"IRP"});

struct Wanted {
  std::vector<std::string> what, how, blocks, tags;
};

class Corruption : public Condition {
public:
  explicit Corruption(Wanted wanted) : wanted_(std::move(wanted)) {
    condition_ = "damaged " + (wanted_.what.empty() ? "list of free memory" : join(wanted_.what));
    if (!wanted_.how.empty()) condition_ += ", " + join(wanted_.how);
    if (!wanted_.blocks.empty()) condition_ += ", of an " + join(wanted_.blocks);
    if (!wanted_.tags.empty()) condition_ += ", of tag " + join(wanted_.tags);
  }

  Finding judge(const FactView& facts) const override {
    Search search;
    for (const evidence::Fact* damage : facts.of_kind("corruption")) {
      const std::string_view how = text_of(*damage, "how"), tag = text_of(*damage, "tag"),
                             what = text_of(*damage, "what");
      Keys keys;
      if (!wanted_.what.empty())
        keys.add(std::ranges::find(wanted_.what, what) != wanted_.what.end());
      if (!wanted_.how.empty()) keys.add(std::ranges::find(wanted_.how, how) != wanted_.how.end());
      if (!wanted_.blocks.empty()) {
        // What is no IRP has no type.
        const std::string_view type = text_of(*damage, "block_type");
        keys.add(std::ranges::find(wanted_.blocks, type) != wanted_.blocks.end());
      }
      if (!wanted_.tags.empty()) keys.add(!tag.empty(), matches_tag(wanted_.tags, tag));
      keys.doubt(doubt_about_fact(*damage));
      if (search.add(*damage, keys, [&] {
            return fmt::format("{} at {}: {}, entry {}", what,
                               address_in_words(damage->number("list").value_or(0)), how,
                               address_in_words(damage->number("entry").value_or(0)));
          }))
        break;
    }
    return std::move(search).result(condition_, facts, {"corruption"}, "no such list is damaged",
                                    "the tag of the damaged entry is not known");
  }

  void needs(Needs& needs) const override { needs.push_back({NeedKind::fact, {"corruption"}}); }
  unsigned weight() const override { return 4; }
  Half half() const override {
    return wanted_.blocks.empty() && wanted_.tags.empty() ? Half::none : Half::state;
  }

private:
  Wanted wanted_;
  std::string condition_;
};

} // namespace

ConditionPtr read_corruption(YamlReader& yaml, const RuleContext&) {
  Wanted wanted;
  auto what = [&] { read_words(yaml, wanted.what, kLists, "a list of free memory"); };
  if (yaml.kind() != YamlReader::Kind::map) {
    what();
  } else {
    yaml.fields(
        "corruption",
        {{"what", false, what},
         {"how", false, [&] { read_words(yaml, wanted.how, kWays, "a kind of damage"); }},
         {"block", false, [&] { read_words(yaml, wanted.blocks, kBlocks, "a type of block"); }},
         {"tag", false, [&] { read_tags(yaml, wanted.tags); }}});
  }
  if (wanted.what.empty() && wanted.how.empty() && wanted.blocks.empty() && wanted.tags.empty()) {
    if (yaml.kind() == YamlReader::Kind::map) yaml.error("corruption: expected at least one key");
    return nullptr;
  }
  return std::make_shared<Corruption>(std::move(wanted));
}

} // namespace dumptriage::rules
