// wait_cycle: {modules: [mup.sys, rdr.sys], at_least: 2, objects: [resource, mutant, event],
// sessions: distinct}.  Threads wait for each other in a circle, which goes through all of these
// modules: for each of them a thread of the circle has a sure frame in it, or one of its locks lies
// in the module's data.  `sessions: apart` is for systems that keep the session of a process
// nowhere that is published (NT 4): where sessions are not told, threads of two processes will do.
#include <algorithm>

#include <fmt/format.h>

#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/waits.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

struct Wanted {
  std::vector<ModuleNames> modules; // one name each
  std::vector<std::string> objects;
  std::uint64_t least = 0;
  enum class Sessions { any, distinct, apart } sessions = Sessions::any;
};

struct Circle {
  std::vector<const Fact*> threads, waits, locks; // locks: waits and holds
  bool whole = true;                              // every fact it refers to is there
};

Circle circle_of(const FactView& facts, const Fact& cycle) {
  Circle circle;
  for (const std::string& id : cycle.refs) {
    const Fact* fact = facts.by_id(id);
    if (!fact) {
      circle.whole = false;
    } else if (fact->kind == "thread") {
      circle.threads.push_back(fact);
    } else if (fact->kind == "wait" || fact->kind == "hold") {
      if (fact->kind == "wait") circle.waits.push_back(fact);
      circle.locks.push_back(fact);
    }
  }
  const auto count = cycle.number("threads");
  circle.whole = circle.whole && count && circle.threads.size() >= *count;
  return circle;
}

class WaitCycle : public Condition {
public:
  explicit WaitCycle(Wanted wanted) : wanted_(std::move(wanted)) {
    condition_ = "wait_cycle";
    if (!wanted_.modules.empty()) {
      std::vector<std::string> words;
      for (const auto& module : wanted_.modules) words.push_back(module.written());
      condition_ += " through " + join(words, "and");
    }
    if (wanted_.least > 0) condition_ += fmt::format(" of at least {} threads", wanted_.least);
    if (!wanted_.objects.empty()) condition_ += " over " + join(wanted_.objects);
    if (wanted_.sessions == Wanted::Sessions::distinct) condition_ += " in several sessions";
    if (wanted_.sessions == Wanted::Sessions::apart)
      condition_ += " in several sessions, as far as they are told";
  }

  Finding judge(const FactView& facts) const override {
    Search search;
    for (const Fact* cycle : facts.of_kind("wait_cycle"))
      if (search.add(*cycle, judge_cycle(facts, *cycle), [&] { return described(facts, *cycle); }))
        break;
    return std::move(search).result(
        condition_, facts, {"wait_cycle"}, "no such circle of waiting threads was found",
        "there is a circle of waiting threads, but not all that was asked is known of it");
  }

  bool discriminating() const override {
    return wanted_.modules.size() >= 2 &&
           std::ranges::all_of(wanted_.modules, &ModuleNames::literal);
  }
  void needs(Needs& needs) const override { needs.push_back({NeedKind::fact, {"wait_cycle"}}); }
  unsigned weight() const override { return wanted_.modules.empty() ? 4 : 8; }

private:
  Keys judge_cycle(const FactView& facts, const Fact& cycle) const {
    Keys keys;
    const Circle circle = circle_of(facts, cycle);
    if (wanted_.least > 0) {
      const auto threads = cycle.number("threads");
      keys.add(threads.has_value(), threads.value_or(0) >= wanted_.least);
    }
    for (const auto& module : wanted_.modules) add_module(facts, circle, module, keys);
    if (!wanted_.objects.empty()) keys.add(objects_fit(circle));
    if (wanted_.sessions != Wanted::Sessions::any) {
      Answer differ = values_differ(circle, "session");
      if (differ == Answer::cannot_tell && wanted_.sessions == Wanted::Sessions::apart)
        differ = values_differ(circle, "process_id");
      keys.add(differ);
    }
    if (cycle.flag("timeout")) keys.doubt("a wait in the circle ends by itself");
    keys.doubt(doubt_about_fact(cycle));
    return keys;
  }

  static void add_module(const FactView& facts, const Circle& circle, const ModuleNames& module,
                         Keys& keys) {
    for (const Fact* lock : circle.locks)
      if (module.match(text_of(*lock, "object_module"))) return;
    PlaceOnStack best{circle.whole ? Answer::no : Answer::cannot_tell, nullptr, nullptr};
    for (const Fact* thread : circle.threads) {
      const PlaceOnStack here = find_on_stack(facts, *thread, module);
      if (here.answer > best.answer || (here.answer == Answer::yes && !here.doubt)) best = here;
    }
    // A lock without a module lies in pool or on a stack, where every module's data may lie: the
    // modules of the circle are told by its frames then.
    keys.add(best.answer);
    if (best.answer == Answer::yes) keys.doubt(best.doubt);
  }

  Answer objects_fit(const Circle& circle) const {
    Answer answer = circle.whole && !circle.waits.empty() ? Answer::yes : Answer::cannot_tell;
    for (const Fact* wait : circle.waits) {
      const std::string_view kind = text_of(*wait, "object_kind");
      if (kind.empty())
        answer = std::min(answer, Answer::cannot_tell);
      else if (std::ranges::find(wanted_.objects, kind) == wanted_.objects.end())
        return Answer::no;
    }
    return answer;
  }

  static Answer values_differ(const Circle& circle, const char* field) {
    std::optional<std::uint64_t> first;
    bool unknown = !circle.whole;
    for (const Fact* thread : circle.threads) {
      const auto value = thread->number(field);
      unknown = unknown || !value;
      if (value && first && *value != *first) return Answer::yes;
      if (value) first = value;
    }
    return unknown ? Answer::cannot_tell : Answer::no;
  }

  std::string described(const FactView& facts, const Fact& cycle) const {
    const Circle circle = circle_of(facts, cycle);
    std::vector<std::string> words;
    for (const Fact* thread : circle.threads) {
      std::string text = "thread " + std::string(text_of(*thread, "thread"));
      if (const auto name = text_of(*thread, "process_name"); !name.empty())
        text += fmt::format(" of {}", name);
      words.push_back(std::move(text));
    }
    return fmt::format("{} wait for each other", words.empty() ? "threads" : join(words, "and"));
  }

  Wanted wanted_;
  std::string condition_;
};

} // namespace

ConditionPtr read_wait_cycle(YamlReader& yaml, const RuleContext&) {
  Wanted wanted;
  if (yaml.kind() == YamlReader::Kind::scalar) {
    if (!read_true(yaml, "wait_cycle")) return nullptr;
    return std::make_shared<WaitCycle>(std::move(wanted));
  }
  ModuleNames modules;
  yaml.fields(
      "wait_cycle",
      {{"modules", false, [&] { modules.read(yaml); }},
       {"at_least", false, [&] { wanted.least = yaml.number("a number of threads").value_or(0); }},
       {"objects", false, [&] { read_object_kinds(yaml, wanted.objects); }},
       {"sessions", false, [&] {
          wanted.sessions = read_choice(yaml, {"distinct", "apart"}) == 0
                                ? Wanted::Sessions::distinct
                                : Wanted::Sessions::apart;
        }}});
  for (const auto& pattern : modules.patterns())
    wanted.modules.emplace_back().add(pattern.written());
  if (yaml.kind() != YamlReader::Kind::map) return nullptr;
  if (wanted.modules.empty() && wanted.objects.empty() && wanted.least == 0 &&
      wanted.sessions == Wanted::Sessions::any) {
    yaml.error("wait_cycle: expected at least one key, or write 'wait_cycle: true'");
    return nullptr;
  }
  return std::make_shared<WaitCycle>(std::move(wanted));
}

} // namespace dumptriage::rules
