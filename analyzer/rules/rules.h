// rules: facts -> verdicts.  It knows no dump.  One file per condition kind in conditions/, a registry
// beside them; loader.cpp reads YAML (LLVM YAMLTraits), engine.cpp judges in the architecture's order.
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
  // A yes that rests on a scan frame, a far public, or a name without an exact id match: it supports,
  // it never confirms.
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
};

struct FixFile { std::string file, arch, branch, version, built; std::uint64_t bytes = 0; };
struct Fix {
  bool hotfix = false;
  std::vector<std::string> service_packs; // "ws2003 SP3"
  std::vector<FixFile> files;
  bool unpublished = false; // the article gives no threshold
  std::vector<std::string> replaces;
  std::vector<std::string> caveats; // printed with a confirmed verdict
};

struct Support { bool strong = false; std::shared_ptr<const Condition> condition; };

struct Rule {
  std::string id, kb, title, about, workaround, note;
  std::string source_file; // for messages
  Fix fix;
  std::vector<std::shared_ptr<const Condition>> applies, refute, require;
  std::vector<std::shared_ptr<const Condition>> confirm; // groups; one yes is enough
  std::vector<Support> support;
  std::shared_ptr<const Condition> fixed_check; // module against the fix; null when none is published
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
  std::vector<Rule> rules; // by id
  std::vector<Error> errors; // with file name in `what`, line and column in `where`
  std::string digest;
};
struct RuleText { std::string name, text; };
// The YAML files of signatures/, put into the program at build time.
const std::vector<RuleText>& builtin_rule_texts();
Catalogue load(const std::vector<RuleText>& texts);
// A folder (recursive, *.yaml, sorted) or one file.
Result<std::vector<RuleText>> read_rule_files(const std::string& path);

// Best verdict first; `all` keeps not_applicable and no_match.
std::vector<Match> judge(const Catalogue& catalogue, const evidence::FactSet& facts, bool all = false);

} // namespace dumptriage::rules
