#include "rules/examples.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "evidence/fact_fields.h"
#include "rules/yaml_reader.h"

namespace dumptriage::rules {
namespace {

using evidence::Coverage;
using evidence::Fact;
using evidence::FactSet;
using evidence::FieldType;

constexpr std::string_view kSchema = "dumptriage.examples/1";
constexpr auto kVerdicts =
    std::to_array({Verdict::not_applicable, Verdict::no_match, Verdict::refuted, Verdict::undecided,
                   Verdict::possible, Verdict::likely, Verdict::confirmed});

// Names of kinds and fields, each NUL-terminated and for ever.
struct Names {
  std::vector<std::string> kinds, fields;
};

const Names& names() {
  static const Names made = [] {
    std::set<std::string> kinds, fields;
    auto add = [&](std::string kind, std::string_view list) {
      kinds.insert(std::move(kind));
      for (std::size_t at = 0; at < list.size();) {
        const std::size_t end = std::min(list.find(' ', at), list.size());
        fields.emplace(list.substr(at, end - at));
        at = end + 1;
      }
    };
#define FACT_FIELDS(kind, type, list) add(kind, list);
#include "evidence/fact_fields.def"
#undef FACT_FIELDS
    fields.erase("kind");  // of the stop: written stop_kind
    fields.erase("trust"); // of the fact itself
    for (const char* part : {"frame_crashed", "top"}) kinds.insert(part);
    return Names{{kinds.begin(), kinds.end()}, {fields.begin(), fields.end()}};
  }();
  return made;
}

// The ids that the extractors give, so that a reference can be written down.
std::string id_of(const Fact& fact, std::size_t number) {
  auto text = [&](const char* field) {
    const std::string* found = fact.text(field);
    return found ? *found : std::string();
  };
  if (fact.kind == "stop" || fact.kind == "os" || fact.kind == "fault" ||
      fact.kind == "stack_limit" || fact.kind == "status_text")
    return fact.kind;
  if (fact.kind == "module")
    return fmt::format("module:{}@{:X}", text("name"), fact.number("base").value_or(0));
  if (fact.kind == "frame")
    return fmt::format("frame:{}:{}", text("thread"), fact.number("index").value_or(0));
  if (fact.kind == "thread") return "thread:" + text("thread");
  if (fact.kind == "parameter")
    return fmt::format("parameter:{}", fact.number("number").value_or(0));
  return fmt::format("{}:{}", fact.kind, number);
}

// What follows from other fields, as the extractor of the stop has it.
void complete_stop(Fact& fact) {
  const auto code = fact.number("code");
  if (fact.kind != "stop" || !code) return;
  fact.fields.try_emplace("kind", std::string("bugcheck"));
  const std::string* kind = fact.text("kind");
  if (kind && *kind == "bugcheck")
    fact.fields.try_emplace("normalized",
                            (*code & 0xF0000000) == 0x10000000 ? *code & 0xFFFFFFF : *code);
}

void give_ids(FactSet& set) {
  std::map<std::string, std::size_t> counts;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < set.facts.size(); ++i) {
    Fact& fact = set.facts[i];
    complete_stop(fact);
    const std::size_t number = ++counts[fact.kind];
    if (fact.id.empty()) fact.id = id_of(fact, number);
    if (!taken.insert(fact.id).second) fact.id += fmt::format("#{}", i);
  }
}

using Gaps = std::map<std::string, std::string>; // kind -> what is missing

std::vector<Coverage> coverage_of(const Gaps& partial, const Gaps& none) {
  std::vector<Coverage> rows;
  for (const auto& kind : names().kinds) {
    Coverage row{kind, Coverage::Extent::complete, 0, 0, {}};
    // The system remembers only the last ones.
    if (kind == "unloaded_module") {
      row.extent = Coverage::Extent::partial;
      row.missing = "the modules that were unloaded before the last ones";
    }
    for (const auto& [gaps, extent] :
         {std::pair(&partial, Coverage::Extent::partial), std::pair(&none, Coverage::Extent::none)})
      if (auto found = gaps->find(kind); found != gaps->end()) {
        row.extent = extent;
        row.missing = found->second;
      }
    rows.push_back(std::move(row));
  }
  return rows;
}

// A fact as written: `kind` first, its fields by the table of evidence/fact_fields.def.
class FactReader {
public:
  explicit FactReader(YamlReader& yaml) : yaml_(yaml) {
    fields_.push_back({"kind", true, kind_});
    fields_.push_back({"id", false, id_});
    fields_.push_back({"trust", false, trust_});
    fields_.push_back({"refs", false, refs_});
    fields_.push_back({"stop_kind", false, stop_kind_});
    for (const auto& name : names().fields)
      fields_.push_back({name.c_str(), false, slots_.emplace_back(Slot{this, &name})});
  }
  FactReader(const FactReader&) = delete;
  FactReader& operator=(const FactReader&) = delete;

  std::optional<Fact> read() { return read_fields("", true); }
  // Fields of a fact of this kind, without `kind`.
  std::optional<Fact> read_change(const std::string& kind) { return read_fields(kind, false); }

private:
  std::optional<Fact> read_fields(const std::string& kind, bool with_kind) {
    fact_ = Fact{};
    fact_.kind = kind;
    has_trust_ = false;
    fields_.front().required = with_kind;
    const std::size_t before = yaml_.errors().size();
    yaml_.fields("a fact", fields_);
    if (yaml_.errors().size() != before) return std::nullopt;
    if (!has_trust_ && with_kind) fact_.trust = "dump";
    return std::move(fact_);
  }

  struct Slot {
    FactReader* reader;
    const std::string* name;
    void operator()() const { reader->read_field(*name); }
  };
  struct Special {
    FactReader* reader;
    void (FactReader::*read)();
    void operator()() const { (reader->*read)(); }
  };

  void read_kind() {
    auto kind = yaml_.text("a kind of fact such as module");
    if (!kind) return;
    if (!evidence::is_fact_kind(*kind))
      return yaml_.error(fmt::format("expected a kind of fact, found '{}'", *kind));
    if (!fact_.kind.empty() && fact_.kind != *kind)
      return yaml_.error("the kind of a fact cannot change");
    fact_.kind = std::move(*kind);
  }
  void read_id() { yaml_.text_into(fact_.id, "the id of the fact"); }
  void read_trust() {
    has_trust_ = true;
    yaml_.text_into(fact_.trust, "how far the fact is to be trusted");
    if (evidence::field_type(fact_.kind, "trust") != FieldType::unknown)
      fact_.fields["trust"] = fact_.trust;
  }
  void read_refs() { yaml_.texts_into(fact_.refs, "ids of facts"); }
  void read_stop_kind() {
    if (fact_.kind != "stop") return yaml_.error("stop_kind is a field of the fact 'stop'");
    if (auto value = yaml_.text("bugcheck, exception, hang or none")) fact_.fields["kind"] = *value;
  }

  void read_field(const std::string& name) {
    if (fact_.kind.empty()) return;
    const std::string expected = fmt::format("the field '{}' of '{}'", name, fact_.kind);
    switch (evidence::field_type(fact_.kind, name)) {
    case FieldType::unknown:
      return yaml_.error(fmt::format("a fact '{}' has no field '{}'", fact_.kind, name));
    case FieldType::boolean:
      if (auto value = yaml_.boolean(expected)) fact_.fields[name] = *value;
      return;
    case FieldType::number:
      if (auto value = yaml_.number(expected)) fact_.fields[name] = *value;
      return;
    case FieldType::address:
      if (auto value = yaml_.number(expected)) fact_.fields[name] = evidence::Address{*value};
      return;
    case FieldType::text:
      if (auto value = yaml_.text(expected)) fact_.fields[name] = *value;
      return;
    }
  }

  YamlReader& yaml_;
  Fact fact_;
  bool has_trust_ = false;
  // What the reader calls must outlive the list of fields.
  Special kind_{this, &FactReader::read_kind}, id_{this, &FactReader::read_id},
      trust_{this, &FactReader::read_trust}, refs_{this, &FactReader::read_refs},
      stop_kind_{this, &FactReader::read_stop_kind};
  std::deque<Slot> slots_;
  std::vector<YamlReader::Field> fields_;
};

// Does the fact bear everything that `asked` bears?
bool bears(const Fact& fact, const Fact& asked) {
  if (fact.kind != asked.kind || (!asked.id.empty() && fact.id != asked.id)) return false;
  return std::ranges::all_of(asked.fields, [&](const auto& field) {
    const auto found = fact.fields.find(field.first);
    return found != fact.fields.end() && found->second == field.second;
  });
}

class ExamplesReader {
public:
  ExamplesReader(const std::string& file, std::string_view text)
      : yaml_(file, text), facts_(yaml_) {
    file_.file = file;
  }

  ExampleFile read() {
    yaml_.document([&] {
      yaml_.fields(
          "a file of examples",
          {{"schema", true, [&] { read_schema(); }},
           {"rule", true, [&] { yaml_.text_into(file_.rule, "the id of a rule"); }},
           {"examples", true, [&] { yaml_.each("a list of examples", [&] { read_example(); }); }}});
    });
    file_.errors = yaml_.errors();
    return std::move(file_);
  }

private:
  // As written.
  struct Written {
    Example example;
    std::vector<Fact> facts;
    bool has_facts = false, remove = false, has_with = false;
    std::string like;
    std::optional<Fact> replace, with;
    Gaps partial, none;
  };

  void read_schema() {
    auto schema = yaml_.text(kSchema);
    if (schema && *schema != kSchema)
      yaml_.error(fmt::format("expected {}, found '{}'", kSchema, *schema));
  }

  void read_verdict(Verdict& to) {
    std::string expected = "a verdict";
    for (Verdict verdict : kVerdicts)
      expected += fmt::format("{}{}", verdict == kVerdicts.front() ? ": " : ", ", name_of(verdict));
    auto word = yaml_.text(expected);
    if (!word) return;
    auto found = std::ranges::find(kVerdicts, *word, [](Verdict v) { return name_of(v); });
    if (found == kVerdicts.end())
      return yaml_.error(fmt::format("expected {}, found '{}'", expected, *word));
    to = *found;
  }

  void read_gaps(Gaps& to) {
    struct Slot {
      YamlReader* yaml;
      Gaps* to;
      const std::string* kind;
      void operator()() const {
        if (auto missing = yaml->text("what is missing")) (*to)[*kind] = *missing;
      }
    };
    std::deque<Slot> slots;
    std::vector<YamlReader::Field> fields;
    for (const auto& kind : names().kinds)
      fields.push_back({kind.c_str(), false, slots.emplace_back(Slot{&yaml_, &to, &kind})});
    yaml_.fields("coverage", fields);
  }

  void read_example() {
    Written w;
    const std::size_t before = yaml_.errors().size();
    yaml_.fields("an example",
                 {{"name", true, [&] { yaml_.text_into(w.example.name, "a name"); }},
                  {"expect", true, [&] { read_verdict(w.example.expect); }},
                  {"facts", false, [&] { read_facts(w); }},
                  {"like", false, [&] { yaml_.text_into(w.like, "the name of an example"); }},
                  {"replace", false, [&] { w.replace = facts_.read(); }},
                  {"with", false, [&] { read_with(w); }},
                  {"remove", false, [&] { w.remove = yaml_.boolean("remove").value_or(false); }},
                  {"partial", false, [&] { read_gaps(w.partial); }},
                  {"none", false, [&] { read_gaps(w.none); }}});
    if (yaml_.errors().size() != before) return;
    if (auto why = finish(w)) return yaml_.error(std::move(*why));
    file_.examples.push_back(std::move(w.example));
    gaps_.emplace_back(std::move(w.partial), std::move(w.none));
  }

  void read_facts(Written& w) {
    w.has_facts = true;
    yaml_.each("a list of facts", [&] {
      if (auto fact = facts_.read()) w.facts.push_back(std::move(*fact));
    });
  }

  void read_with(Written& w) {
    w.has_with = true;
    if (!w.replace) return yaml_.error("'with' needs 'replace'");
    w.with = facts_.read_change(w.replace->kind);
  }

  // The facts of the example; why not.
  std::optional<std::string> finish(Written& w) {
    if (w.has_facts == !w.like.empty())
      return fmt::format("example '{}': expected either 'facts' or 'like'", w.example.name);
    if (std::ranges::find(file_.examples, w.example.name, &Example::name) != file_.examples.end())
      return fmt::format("there is an example '{}' already", w.example.name);
    w.example.where = {};
    if (w.has_facts) {
      if (w.replace || w.remove) return std::string("'replace' and 'remove' need 'like'");
      w.example.facts.facts = std::move(w.facts);
    } else if (auto why = change(w)) {
      return why;
    }
    give_ids(w.example.facts);
    w.example.facts.coverage = coverage_of(w.partial, w.none);
    return std::nullopt;
  }

  // Another example's facts, of which exactly one changes.
  std::optional<std::string> change(Written& w) {
    const auto base = std::ranges::find(file_.examples, w.like, &Example::name);
    if (base == file_.examples.end())
      return fmt::format("no example '{}' stands in front of this one", w.like);
    if (!w.replace || w.remove == w.has_with)
      return std::string("'like' needs 'replace' and either 'with' or 'remove: true'");
    w.example.near_miss = true;
    w.example.facts = base->facts;
    const auto& [partial, none] = gaps_[static_cast<std::size_t>(base - file_.examples.begin())];
    w.partial.insert(partial.begin(), partial.end());
    w.none.insert(none.begin(), none.end());
    auto& facts = w.example.facts.facts;
    auto fits = [&](const Fact& fact) { return bears(fact, *w.replace); };
    const auto count = std::ranges::count_if(facts, fits);
    if (count != 1)
      return fmt::format("'replace' fits {} facts of '{}', expected exactly one", count, w.like);
    const auto fact = std::ranges::find_if(facts, fits);
    if (w.remove) {
      facts.erase(fact);
      return std::nullopt;
    }
    const Fact was = *fact;
    for (auto& [name, value] : w.with->fields) fact->fields[name] = value;
    if (!w.with->trust.empty()) fact->trust = w.with->trust;
    if (!w.with->refs.empty()) fact->refs = w.with->refs;
    if (fact->fields == was.fields && fact->trust == was.trust && fact->refs == was.refs)
      return fmt::format("'with' changes nothing of '{}'", w.like);
    // A code that changes takes what was worked out from it along.
    if (was.kind == "stop" && w.with->fields.contains("code") &&
        !w.with->fields.contains("normalized"))
      fact->fields.erase("normalized");
    return std::nullopt;
  }

  YamlReader yaml_;
  FactReader facts_;
  ExampleFile file_;
  std::vector<std::pair<Gaps, Gaps>> gaps_; // of the examples
};

// The leaves that stand between the verdict and a better or another one.
void add_reasons(const Finding& finding, Answer wanted, std::vector<std::string>& reasons) {
  constexpr std::size_t kMost = 6;
  if (finding.answer == wanted && !finding.weak) return;
  for (const auto& child : finding.children) add_reasons(child, wanted, reasons);
  if (!finding.children.empty() || reasons.size() >= kMost) return;
  reasons.push_back(fmt::format("{}{}: {} ({})", finding.weak ? "weak " : "",
                                name_of(finding.answer), finding.condition, finding.because));
}

std::string why_not(const Match& match, Verdict expected) {
  std::vector<std::string> reasons;
  for (const auto& section : match.explanation.children) {
    const bool against = section.condition == "refute" || section.condition == "fix installed";
    if (section.condition == "limit")
      reasons.push_back("limit: " + section.because);
    else
      add_reasons(section, against ? Answer::no : Answer::yes, reasons);
  }
  if (reasons.empty() || match.verdict > expected) reasons.push_back("everything asked for holds");
  return fmt::format("{}", fmt::join(reasons, "; "));
}

} // namespace

ExampleFile load_examples(const std::string& file, std::string_view text) {
  return ExamplesReader(file, text).read();
}

std::vector<ExampleResult> run_examples(const Catalogue& catalogue,
                                        const std::vector<ExampleFile>& files) {
  std::vector<ExampleResult> results;
  for (const ExampleFile& file : files) {
    const Rule* rule = catalogue.find(file.rule);
    for (const Example& example : file.examples) {
      ExampleResult result{file.rule, example.name, file.file, example.expect, {}, false, {}};
      if (!rule) {
        result.got = Verdict::no_match;
        result.why = fmt::format("there is no rule '{}'", file.rule);
      } else {
        const FactView facts(example.facts);
        const Match match = judge_rule(*rule, facts);
        result.got = match.verdict;
        result.passed = match.verdict == example.expect;
        if (!result.passed) result.why = why_not(match, example.expect);
      }
      results.push_back(std::move(result));
    }
  }
  return results;
}

} // namespace dumptriage::rules
