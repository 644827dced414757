// rules: facts -> verdicts.  It knows no dump.  One file per condition kind in conditions/, a
// registry beside them; loader.cpp reads YAML (LLVM YAMLTraits), engine.cpp judges in the
// architecture's order.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "evidence/facts.h"

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
  virtual Finding judge(const evidence::FactSet& facts) const = 0;
  // Evidence that tells one bug from another (a function, a sequence, the state of an object).  A
  // stop code, a loaded module, an operating system are not: a group without such evidence never
  // confirms.
  virtual bool discriminating() const { return false; }
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
  // Seconds since 1970 of `built`; of the newest build known to lack the fix; and bounds for link
  // times where no file date is published: older before the one, fixed from the other on.
  std::optional<std::int64_t> built_time, previous_time, older_before, fixed_from;
};
struct Fix {
  bool hotfix = false;
  std::vector<std::string> service_packs; // "ws2003 SP3"
  std::vector<FixFile> files;
  bool unpublished = false; // the article gives no threshold
  std::string vendor;       // someone else's newer driver, hardware
  std::vector<std::string> replaces;
  std::vector<std::string> caveats; // printed with a confirmed verdict
};

struct Support {
  bool strong = false;
  std::shared_ptr<const Condition> condition;
};

struct Rule {
  std::string id, kb, title, about, workaround, note;
  std::string source_file; // for messages
  std::string proof;       // the confirm groups in words, for advice
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
};

// A file that could not be read costs that file only.
struct Catalogue {
  std::vector<Rule> rules;   // by id
  std::vector<Error> errors; // with file name in `what`, line and column in `where`
  std::string digest;
};
struct RuleText {
  std::string name, text;
  std::optional<Error> error = {}; // the file could not be read
};
// The YAML files of signatures/, put into the program at build time.
const std::vector<RuleText>& builtin_rule_texts();
Catalogue load(const std::vector<RuleText>& texts);
// A folder (recursive, *.yaml, sorted) or one file.
Result<std::vector<RuleText>> read_rule_files(const std::string& path);

// What is wrong with rules that load: the checks of `rules check`.
std::vector<Error> lint(const Catalogue& catalogue);

// Best verdict first; `all` keeps not_applicable and no_match.
std::vector<Match> judge(const Catalogue& catalogue, const evidence::FactSet& facts,
                         bool all = false);

} // namespace dumptriage::rules
