// session_leak: [Ussy], or one tag.  A session that ended left blocks with one of these tags
// behind (stop 0xAB).
#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/pool_tags.h"

namespace dumptriage::rules {
namespace {

class SessionLeak : public Condition {
public:
  explicit SessionLeak(std::vector<std::string> tags) : tags_(std::move(tags)) {
    condition_ = "a session left tag " + join(tags_);
  }

  Finding judge(const FactView& facts) const override {
    Search search;
    for (const evidence::Fact* leak : facts.of_kind("session_leak")) {
      Keys keys;
      keys.add(matches_tag(tags_, text_of(*leak, "tag")));
      keys.doubt(doubt_about_fact(*leak));
      if (search.add(*leak, keys, [&] {
            const auto blocks = leak->number("blocks");
            return fmt::format("the session left {}blocks with tag '{}'",
                               blocks ? std::to_string(*blocks) + " " : "", text_of(*leak, "tag"));
          }))
        break;
    }
    return std::move(search).result(condition_, facts, {"session_leak"},
                                    "the session left none of these tags", {});
  }

  bool discriminating() const override { return true; }
  void needs(Needs& needs) const override { needs.push_back({NeedKind::fact, {"session_leak"}}); }

private:
  std::vector<std::string> tags_;
  std::string condition_;
};

} // namespace

ConditionPtr read_session_leak(YamlReader& yaml, const RuleContext&) {
  std::vector<std::string> tags;
  read_tags(yaml, tags);
  if (tags.empty()) return nullptr;
  return std::make_shared<SessionLeak>(std::move(tags));
}

} // namespace dumptriage::rules
