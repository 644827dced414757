// blocked_threads: {at_least: 2, module: mup.sys, wait: [resource], among: critical_workers}.  So
// many threads, or such a share of them (80%), wait: with a frame in the module or a function, on
// such an object.  Among `sessions` every session counts once, however many of its threads wait.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/waits.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

enum class Among { all, critical_workers, delayed_workers, sessions };
constexpr std::array<std::string_view, 4> kAmong = {"threads", "critical workers",
                                                    "delayed workers", "sessions"};

struct Wanted {
  std::uint64_t least = 0;
  bool share = false; // `least` is per cent
  ModuleNames modules;
  FunctionNames functions;
  std::vector<std::string> objects;
  Among among = Among::all;
};

// How many there are, and how sure it is of each.
class Tally {
public:
  void add(std::uint64_t who, Answer answer, const char* doubt) {
    const int rank = answer == Answer::no ? 0 : answer == Answer::cannot_tell ? 1 : doubt ? 2 : 3;
    members_.emplace_back(who, rank);
  }
  // Best of each member.
  void settle() {
    std::ranges::sort(members_, [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : a.second > b.second;
    });
    const auto doubles = std::ranges::unique(members_, {}, &std::pair<std::uint64_t, int>::first);
    members_.erase(doubles.begin(), doubles.end());
  }
  std::uint64_t total() const { return members_.size(); }
  std::uint64_t sure() const { return at_least(3); }
  std::uint64_t likely() const { return at_least(2); }
  std::uint64_t possible() const { return at_least(1); }

private:
  std::uint64_t at_least(int rank) const {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(members_, [&](const auto& m) { return m.second >= rank; }));
  }
  std::vector<std::pair<std::uint64_t, int>> members_;
};

// The waits on objects that were asked for, by thread.
class Waiters {
public:
  Waiters(const FactView& facts, const std::vector<std::string>& objects)
      : complete_(facts.complete("wait")), any_(objects.empty()) {
    for (const Fact* wait : facts.of_kind("wait")) {
      const std::string_view kind = text_of(*wait, "object_kind");
      Answer answer = Answer::yes;
      if (!any_) {
        const bool hit = std::ranges::find(objects, kind) != objects.end();
        answer = hit ? Answer::yes : kind.empty() ? Answer::cannot_tell : Answer::no;
      }
      waits_.push_back({text_of(*wait, "thread"), answer, doubt_about_fact(*wait)});
    }
    std::ranges::stable_sort(waits_, {}, &Wait::thread);
  }

  void judge(const Fact& thread, Keys& keys) const {
    const std::string_view state = text_of(thread, "state");
    const bool waiting = state == "waiting" || state == "gate wait";
    if (!state.empty() && !waiting) return keys.add(Answer::no);
    if (any_ && waiting) return;
    Wait best{{}, complete_ ? Answer::no : Answer::cannot_tell, nullptr};
    for (const Wait& wait :
         std::ranges::equal_range(waits_, text_of(thread, "thread"), {}, &Wait::thread)) {
      const bool surer = wait.answer == Answer::yes && !wait.doubt;
      if (wait.answer > best.answer || surer) best = wait;
    }
    keys.add(best.answer);
    if (best.answer == Answer::yes) keys.doubt(best.doubt);
  }

private:
  struct Wait {
    std::string_view thread;
    Answer answer = Answer::cannot_tell;
    const char* doubt = nullptr;
  };
  bool complete_, any_;
  std::vector<Wait> waits_;
};

class BlockedThreads : public Condition {
public:
  explicit BlockedThreads(Wanted wanted) : wanted_(std::move(wanted)) {
    condition_ =
        fmt::format("at least {}{} {} wait", wanted_.least, wanted_.share ? "% of the" : "",
                    kAmong[static_cast<std::size_t>(wanted_.among)]);
    if (!wanted_.objects.empty()) condition_ += " for " + join(wanted_.objects);
    if (!wanted_.modules.empty()) condition_ += " in " + wanted_.modules.written();
    if (!wanted_.functions.empty()) condition_ += " in " + wanted_.functions.written();
  }

  Finding judge(const FactView& facts) const override {
    const Waiters waiters(facts, wanted_.objects);
    Tally tally;
    std::vector<std::string> ids;
    bool session_unknown = false;
    std::uint64_t number = 0;
    for (const Fact* thread : facts.of_kind("thread")) {
      const std::uint64_t who = number++;
      if (!is_among(*thread)) continue;
      const auto session = thread->number("session");
      Keys keys;
      waiters.judge(*thread, keys);
      if (keys.answer() != Answer::no) add_place(facts, *thread, keys);
      if (wanted_.among == Among::sessions && !session) {
        session_unknown = session_unknown || keys.answer() != Answer::no;
        continue;
      }
      if (keys.answer() == Answer::yes && ids.size() < kMostNamed) ids.push_back(thread->id);
      tally.add(wanted_.among == Among::sessions ? *session : who, keys.answer(), keys.doubt());
    }
    tally.settle();
    return conclude(facts, tally, session_unknown, std::move(ids));
  }

  // A function, or a whole class of the system's workers stuck in one module.
  bool discriminating() const override {
    if (wanted_.functions.name_functions()) return true;
    const bool workers =
        wanted_.among == Among::critical_workers || wanted_.among == Among::delayed_workers;
    return workers && wanted_.share && wanted_.least >= 50 && !wanted_.modules.empty() &&
           wanted_.modules.literal();
  }
  void needs(Needs& needs) const override {
    wanted_.modules.need(needs, NeedKind::frame_module);
    wanted_.functions.modules().need(needs, NeedKind::frame_module);
  }
  unsigned weight() const override {
    if (discriminating()) return 8;
    return wanted_.modules.empty() && wanted_.functions.empty() ? 2 : 4;
  }

private:
  static constexpr std::size_t kMostNamed = 32;

  bool is_among(const Fact& thread) const {
    const std::string_view worker = text_of(thread, "system_worker");
    if (wanted_.among == Among::critical_workers) return worker == "critical";
    if (wanted_.among == Among::delayed_workers) return worker == "delayed";
    return true;
  }

  void add_place(const FactView& facts, const Fact& thread, Keys& keys) const {
    auto add = [&](const PlaceOnStack& place) {
      keys.add(place.answer);
      if (place.answer == Answer::yes) keys.doubt(place.doubt);
    };
    if (!wanted_.modules.empty()) add(find_on_stack(facts, thread, wanted_.modules));
    if (!wanted_.functions.empty()) add(find_on_stack(facts, thread, wanted_.functions));
  }

  // Are all those among whom was counted known?  The workers of a queue are when as many are there
  // as the queue has.
  bool all_known(const FactView& facts, std::uint64_t counted) const {
    if (wanted_.among == Among::all || wanted_.among == Among::sessions)
      return facts.complete("thread");
    const std::string_view queue =
        wanted_.among == Among::critical_workers ? "critical" : "delayed";
    for (const Fact* fact : facts.of_kind("work_queue"))
      if (text_of(*fact, "queue") == queue)
        return facts.complete("work_queue") && fact->number("workers") == counted;
    return false;
  }

  bool enough(std::uint64_t count, std::uint64_t total) const {
    if (!wanted_.share) return count >= wanted_.least;
    return total > 0 && count * 100 >= wanted_.least * total;
  }

  Finding conclude(const FactView& facts, const Tally& tally, bool session_unknown,
                   std::vector<std::string> ids) const {
    const bool known = all_known(facts, tally.total()) && !session_unknown;
    auto because = fmt::format("{} of {} {} do", tally.likely(), tally.total(),
                               kAmong[static_cast<std::size_t>(wanted_.among)]);
    // Of those who are not known, none may wait: a share is sure only among all.
    const char* doubt = wanted_.share && !known               ? "not all of them are known"
                        : enough(tally.sure(), tally.total()) ? nullptr
                                                              : "some of it rests on a guess";
    if (enough(tally.likely(), tally.total()))
      return yes_by(condition_, std::move(because), doubt, std::move(ids));
    if (enough(tally.possible(), tally.total()))
      return cannot_tell(condition_, because + ", of others it is not known", std::move(ids));
    if (!known)
      return cannot_tell(condition_, because + ", and not all of them are known", std::move(ids));
    return no(condition_, std::move(because));
  }

  Wanted wanted_;
  std::string condition_;
};

void read_least(YamlReader& yaml, Wanted& wanted) {
  constexpr std::string_view kExpected = "a number of threads such as 2, or a share such as 80%";
  auto word = yaml.text(kExpected);
  if (!word) return;
  std::uint64_t value = 0;
  const char* end = word->data() + word->size();
  const auto [stop, failed] = std::from_chars(word->data(), end, value);
  wanted.share = stop != end && *stop == '%';
  if (failed != std::errc{} || stop + wanted.share != end || value == 0 ||
      (wanted.share && value > 100))
    return yaml.error(fmt::format("expected {}, found '{}'", kExpected, *word));
  wanted.least = value;
}

} // namespace

ConditionPtr read_blocked_threads(YamlReader& yaml, const RuleContext&) {
  Wanted wanted;
  yaml.fields("blocked_threads",
              {{"at_least", true, [&] { read_least(yaml, wanted); }},
               {"module", false, [&] { wanted.modules.read(yaml); }},
               {"function", false, [&] { wanted.functions.read(yaml); }},
               {"wait", false, [&] { read_object_kinds(yaml, wanted.objects); }},
               {"among", false, [&] {
                  wanted.among = static_cast<Among>(read_choice(
                      yaml, {"all", "critical_workers", "delayed_workers", "sessions"}));
                }}});
  if (wanted.least == 0) return nullptr;
  if (wanted.modules.empty() && wanted.functions.empty() && wanted.objects.empty()) {
    yaml.error("blocked_threads: expected 'module', 'function' or 'wait'");
    return nullptr;
  }
  return std::make_shared<BlockedThreads>(std::move(wanted));
}

} // namespace dumptriage::rules
