// lock_held: {by: crashing_thread, in: ntfs.sys, kind: resource}.  The crashing thread, or any,
// holds a lock (of that kind, in that module's data) that another thread waits for.
#include <algorithm>

#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/waits.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

class LockHeld : public Condition {
public:
  LockHeld(bool crashing, ModuleNames modules, std::vector<std::string> kinds)
      : crashing_(crashing), modules_(std::move(modules)), kinds_(std::move(kinds)) {
    condition_ = fmt::format("{} holds {}", crashing ? "the crashing thread" : "a thread",
                             kinds_.empty() ? "a lock" : join(kinds_));
    if (!modules_.empty()) condition_ += " in " + modules_.written();
    condition_ += " that somebody waits for";
  }

  Finding judge(const FactView& facts) const override {
    const Fact* crashed = crashed_thread(facts);
    const std::string_view owner = crashed ? text_of(*crashed, "thread") : std::string_view();
    if (crashing_ && owner.empty())
      return cannot_tell(condition_, "the dump does not tell which thread crashed");
    Search search;
    for (const Fact* hold : facts.of_kind("hold")) {
      if (crashing_ && text_of(*hold, "thread") != owner) continue;
      Keys keys = judge_lock(facts, *hold);
      if (keys.answer() == Answer::no) continue;
      add_waiter(facts, *hold, keys);
      if (search.add(*hold, keys, [&] {
            return fmt::format("thread {} holds the {} at {}", text_of(*hold, "thread"),
                               text_of(*hold, "object_kind"),
                               address_in_words(hold->number("object").value_or(0)));
          }))
        break;
    }
    return std::move(search).result(condition_, facts, {"hold", "wait"}, "no such lock is held",
                                    "not all is known of the locks that are held");
  }

  void needs(Needs& needs) const override { needs.push_back({NeedKind::fact, {"hold"}}); }
  unsigned weight() const override { return 4; }

private:
  Keys judge_lock(const FactView& facts, const Fact& hold) const {
    Keys keys;
    const std::string_view kind = text_of(hold, "object_kind");
    if (!kinds_.empty()) keys.add(!kind.empty(), std::ranges::find(kinds_, kind) != kinds_.end());
    if (!modules_.empty()) {
      const std::string_view module = text_of(hold, "object_module");
      keys.add(!module.empty() || facts.complete("module"), modules_.match(module));
    }
    keys.doubt(doubt_about_fact(hold));
    return keys;
  }

  static void add_waiter(const FactView& facts, const Fact& hold, Keys& keys) {
    const auto object = hold.number("object");
    Answer answer = object && facts.complete("wait") ? Answer::no : Answer::cannot_tell;
    const char* doubt = nullptr;
    for (const Fact* wait : facts.of_kind("wait")) {
      if (!object || wait->number("object") != object) continue;
      if (text_of(*wait, "thread") == text_of(hold, "thread")) continue;
      doubt = doubt_about_fact(*wait);
      answer = Answer::yes;
      if (!doubt) break;
    }
    keys.add(answer);
    keys.doubt(doubt);
  }

  bool crashing_;
  ModuleNames modules_;
  std::vector<std::string> kinds_;
  std::string condition_;
};

} // namespace

ConditionPtr read_lock_held(YamlReader& yaml, const RuleContext&) {
  bool crashing = true;
  ModuleNames modules;
  std::vector<std::string> kinds;
  yaml.fields(
      "lock_held",
      {{"by", true, [&] { crashing = read_choice(yaml, {"crashing_thread", "any_thread"}) == 0; }},
       {"in", false, [&] { modules.read(yaml); }},
       {"kind", false, [&] { read_object_kinds(yaml, kinds); }}});
  if (yaml.kind() != YamlReader::Kind::map) return nullptr;
  return std::make_shared<LockHeld>(crashing, std::move(modules), std::move(kinds));
}

} // namespace dumptriage::rules
