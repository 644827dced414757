// rules: facts -> verdicts.  It knows no dump.  One file per condition kind in conditions/, a
// registry beside them; loader.cpp reads YAML, engine.cpp judges in the architecture's order,
// recommend.cpp picks the fix that cures what was found.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "evidence/facts.h"
#include "rules/fact_view.h"
#include "rules/needs.h"

namespace dumptriage::rules {

enum class Answer { no, cannot_tell, yes };
enum class Verdict { not_applicable, no_match, refuted, undecided, possible, likely, confirmed };
enum class FixState { missing, installed, unpublished, cannot_tell };
std::string_view name_of(Answer);   // "yes", "no", "cannot tell"
std::string_view name_of(Verdict);  // "confirmed", ...
std::string_view name_of(FixState); // "missing", ...

// One node of the result tree; the tree is the explanation.
struct Finding {
  Answer answer = Answer::cannot_tell;
  // A yes that rests on a scan frame, a far public, a name without an exact id match, or a service
  // pack that is not proved: it is shown, it never confirms and never lifts.
  bool weak = false;
  std::string condition; // as written: "top_of_stack netbt!NbtCopyToStartOfIndicate on any CPU"
  std::string because;   // the fact that said so, or what was missing
  std::vector<std::string> facts; // ids
  std::vector<Finding> children;
};

class Condition {
public:
  virtual ~Condition() = default;
  virtual Finding judge(const FactView& facts) const = 0;
  // Evidence that tells one bug from another (a function, a sequence, the state of an object, an
  // exact set of parameters).  A stop code, a loaded module, an operating system are not: a group
  // without such evidence never confirms.
  virtual bool discriminating() const { return false; }
  // Half of such evidence each: the state of an object that does not say whose it is (a freed block
  // that was touched, a damaged list), and the code that had hold of it (the place of the fault,
  // frames that free).  `all` of both is discriminating.
  enum class Half { none, state, code };
  virtual Half half() const { return Half::none; }
  // See needs.h.
  virtual void needs(Needs&) const {}
  // How much a yes sets this rule apart from others for the same stop, for ranking rivals: 0 says
  // nothing (a system), 1 a stop code, 2 a module, 4 a place or parameter, 8 a function or the
  // state of an object.
  virtual unsigned weight() const { return discriminating() ? 8 : 1; }
};

// One fixed file.  It is compared only inside its branch: family, service packs, Terminal Server
// Edition or not, arch; empty = any.
struct FixFile {
  std::string file, arch, branch; // branch in words: "ws2003 SP2", made from the three fields below
  std::string version;            // "5.2.3790.4121"
  std::string built;              // date of the file as published: "1999-09-29 19:49"
  std::uint64_t bytes = 0;
  std::string family;
  std::vector<std::uint64_t> service_packs;
  std::optional<bool> terminal_server;
  // The file came with this service pack and no date is published: "nt4 SP4".  The bounds below are
  // then made of service_packs.def.
  std::string fixed_in;
  // Seconds since 1970 of `built`; of the newest build known to lack the fix; and bounds for link
  // times where no file date is published: older before the one, fixed from the other on.
  std::optional<std::int64_t> built_time, previous_time, older_before, fixed_from;
};
struct Fix {
  bool hotfix = false;
  std::vector<std::string> service_packs; // "ws2003 SP3"
  std::vector<FixFile> files;
  bool unpublished = false;                         // the article gives no threshold
  std::string vendor;                               // someone else's newer driver, hardware
  std::vector<std::string> replaces, superseded_by; // articles: "KB955860"
  std::vector<std::string> needs;   // to be installed before: "nt4 SP6a", "KB831129"
  std::optional<bool> restart;      // after installing
  std::vector<std::string> caveats; // printed with a confirmed verdict
};

struct Support {
  bool strong = false;
  std::shared_ptr<const Condition> condition;
};

struct Rule {
  std::string id, kb, title, about, workaround, note;
  std::vector<std::string> references; // addresses of the article and its sources
  std::string source_file;             // for messages
  std::string proof;                   // the confirm groups in words, for advice
  Fix fix;
  std::vector<std::shared_ptr<const Condition>> applies, refute, require;
  std::vector<std::shared_ptr<const Condition>> confirm; // groups; one yes is enough
  std::vector<Support> support;
  std::shared_ptr<const Condition>
      fixed_check; // module against the fix; null when none is published
  std::optional<Verdict> ceiling;
  std::vector<std::string> rivals;
};

struct Match {
  const Rule* rule = nullptr;
  Verdict verdict = Verdict::undecided;
  FixState fix_state = FixState::cannot_tell;
  Finding explanation; // root: one child per section that was judged
  std::vector<std::string> advice;
  std::vector<std::string> evidence_missing;
  // Sum of the weights of what holds; matches of one verdict are ordered by it.
  unsigned strength = 0;
  std::size_t rank = 0;               // 1 = first; equal verdict and strength share a rank
  std::vector<std::string> tied_with; // ids of rules that share the rank, at most 50
};

// The fix to get for what was found.
struct Recommendation {
  std::string kb;                 // "" = none
  std::vector<std::string> cures; // ids of the confirmed rules that it cures
  std::vector<std::string> lines; // for people: what to install, which file, why this one
};

struct RuleText {
  std::string name, text;
  std::optional<Error> error = {}; // the file could not be read
};

// Many rules behind an index.  Rules of the built-in table are put together when they are first
// asked for; a broken file costs that file only.
class Catalogue {
public:
  Catalogue();
  ~Catalogue();
  Catalogue(Catalogue&&) noexcept;
  Catalogue& operator=(Catalogue&&) noexcept;

  std::size_t size() const;
  std::vector<const Rule*> all() const; // by id
  const Rule* find(std::string_view id) const;
  // By id; every rule that could be judged better than "no match", and perhaps others.
  std::vector<const Rule*> candidates(const FactView& facts) const;
  // Rules whose fix replaces the one of this article, directly.
  std::vector<const Rule*> replacing(std::string_view kb) const;

  std::vector<Error> errors; // with file name in `what`, line and column in `where`
  std::string digest;

  struct State;
  State& state() { return *state_; }

private:
  std::unique_ptr<State> state_;
};

// The rules of signatures/, compiled into the program, and those of `texts` beside them.
Catalogue builtin_catalogue(const std::vector<RuleText>& texts = {});
// Only those of `texts`.
Catalogue load(const std::vector<RuleText>& texts);
// The YAML files of signatures/ as they were at build time: the source of the compiled table.
const std::vector<RuleText>& builtin_rule_texts();
// A folder (recursive, *.yaml, sorted) or one file.
Result<std::vector<RuleText>> read_rule_files(const std::string& path);

// What is wrong with rules that load: the checks of `rules check`.  With examples (examples.h)
// every rule must have some.
struct ExampleFile;
std::vector<Error> lint(const Catalogue& catalogue,
                        const std::vector<ExampleFile>* examples = nullptr);

// Best first: by verdict, then strength, then id.  `all` keeps not_applicable and no_match;
// without it `refuted` is kept only where what the rule requires is not ruled out, and `undecided`
// only where something more than the stop's code speaks for it.
std::vector<Match> judge(const Catalogue& catalogue, const evidence::FactSet& facts,
                         bool all = false);
// One rule, whatever comes out.
Match judge_rule(const Rule& rule, const FactView& facts);

// The newest fix that contains the others, for the confirmed (else none) of `matches`.
Recommendation recommend(const Catalogue& catalogue, const std::vector<Match>& matches,
                         const FactView& facts);

} // namespace dumptriage::rules
