#include "rules/rule_index.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <unordered_map>

#include "base/text.h"
#include "rules/fact_view.h"

namespace dumptriage::rules {
namespace {

using Numbers = std::vector<std::uint32_t>;

std::uint32_t narrow(std::size_t value) { return static_cast<std::uint32_t>(value); }

// --- what the facts of a dump hold ---------------------------------------------------------------

// The same folding as of the condition `bugcheck`.
std::string base_code(std::uint64_t code) {
  const auto low = static_cast<std::uint32_t>(code);
  return std::to_string((low & 0xF0000000u) == 0x10000000u ? low & 0x0FFFFFFFu : low);
}

// Whether something that is not among the facts may have been on the machine all the same.
bool left_open(NeedKind kind, const FactView& facts) {
  auto incomplete = [&](std::initializer_list<std::string_view> kinds) {
    return !std::ranges::all_of(kinds, [&](std::string_view k) { return facts.complete(k); });
  };
  // A stop whose code the dump does not hold may have had any.
  auto without = [&](std::initializer_list<const char*> fields) {
    const evidence::Fact* stop = facts.first("stop");
    return stop && std::ranges::none_of(
                       fields, [&](const char* field) { return stop->fields.contains(field); });
  };
  switch (kind) {
  case NeedKind::bugcheck: return incomplete({"stop"}) || without({"normalized", "code"});
  case NeedKind::exception: return incomplete({"stop"}) || without({"exception_code"});
  case NeedKind::stop_kind: return incomplete({"stop"}) || without({"kind"});
  case NeedKind::family: {
    const evidence::Fact* os = facts.first("os");
    const std::string* family = os ? os->text("family") : nullptr;
    return !family || family->empty() || incomplete({"os"});
  }
  case NeedKind::module: return incomplete({"module"});
  case NeedKind::fault_module: return incomplete({"fault", "module"});
  case NeedKind::frame_module: return incomplete({"frame", "frame_crashed", "thread", "top"});
  case NeedKind::fact: return false; // asked for each kind of fact
  }
  return true;
}

void with_modules(const FactView& facts, std::string_view kind, const char* field, auto&& mark) {
  std::string_view last;
  for (const evidence::Fact* fact : facts.of_kind(kind)) {
    const std::string* name = fact->text(field);
    if (!name || *name == last) continue; // neighbouring frames often share a module
    last = *name;
    mark(lower(stem(*name)));
  }
}

void for_each_atom(NeedKind kind, const FactView& facts, auto&& mark) {
  const evidence::Fact* stop = facts.first("stop");
  switch (kind) {
  case NeedKind::bugcheck:
    if (!stop) return;
    for (const char* field : {"normalized", "code"})
      if (auto code = stop->number(field)) mark(base_code(*code));
    return;
  case NeedKind::stop_kind:
    if (const std::string* word = stop ? stop->text("kind") : nullptr) mark(*word);
    return;
  case NeedKind::exception:
    if (!stop) return;
    for (const char* field : {"exception_code", "code"})
      if (auto code = stop->number(field)) mark(std::to_string(*code));
    return;
  case NeedKind::family: {
    const evidence::Fact* os = facts.first("os");
    if (const std::string* family = os ? os->text("family") : nullptr) mark(lower(*family));
    return;
  }
  case NeedKind::module: with_modules(facts, "module", "name", mark); return;
  case NeedKind::fault_module: with_modules(facts, "fault", "module", mark); return;
  case NeedKind::frame_module: with_modules(facts, "frame", "module", mark); return;
  case NeedKind::fact: return;
  }
}

std::string_view text_of(const IndexView& index, const auto& entry) {
  return index.texts.substr(entry.text, entry.size);
}

void mark_present(const IndexView& index, std::span<const IndexKey> keys, std::size_t first,
                  const FactView& facts, std::vector<bool>& present) {
  const NeedKind kind = keys.front().kind;
  if (kind == NeedKind::fact) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string_view atom = text_of(index, keys[i]);
      present[first + i] = !facts.of_kind(atom).empty() || !facts.complete(atom);
    }
    return;
  }
  if (left_open(kind, facts)) {
    std::fill_n(present.begin() + static_cast<std::ptrdiff_t>(first), keys.size(), true);
    return;
  }
  for_each_atom(kind, facts, [&](const std::string& atom) {
    const auto at = std::ranges::lower_bound(
        keys, std::string_view(atom), {}, [&](const IndexKey& key) { return text_of(index, key); });
    if (at != keys.end() && text_of(index, *at) == atom)
      present[first + static_cast<std::size_t>(at - keys.begin())] = true;
  });
}

// --- making an index -----------------------------------------------------------------------------

class Maker {
public:
  explicit Maker(std::span<const IndexedRule> rules) : rules_(rules) {}

  IndexTables run() {
    collect_keys();
    std::vector<Numbers> posted(tables_.keys.size());
    for (std::uint32_t rule = 0; rule < rules_.size(); ++rule) add_rule(rule, posted);
    for (std::size_t key = 0; key < posted.size(); ++key)
      append(tables_.keys[key], tables_.posted, posted[key]);
    std::map<std::string_view, Numbers> articles;
    for (std::uint32_t rule = 0; rule < rules_.size(); ++rule)
      for (const std::string& article : rules_[rule].replaces)
        if (Numbers& by = articles[article]; by.empty() || by.back() != rule) by.push_back(rule);
    for (const auto& [article, by] : articles) {
      IndexArticle& row = tables_.articles.emplace_back();
      set_text(row, article);
      append(row, tables_.replacing, by);
    }
    return std::move(tables_);
  }

private:
  using Atoms = std::unordered_map<std::string_view, std::uint32_t>;

  void set_text(auto& row, std::string_view text) {
    row.text = narrow(tables_.texts.size());
    row.size = narrow(text.size());
    tables_.texts += text;
  }
  static void append(auto& row, Numbers& to, const Numbers& numbers) {
    row.first = narrow(to.size());
    row.rules = narrow(numbers.size());
    to.insert(to.end(), numbers.begin(), numbers.end());
  }
  Atoms& atoms(NeedKind kind) { return atoms_[static_cast<std::size_t>(kind)]; }

  // Every atom gets its key; how many rules name it says how selective it is.
  void collect_keys() {
    std::map<std::pair<NeedKind, std::string_view>, std::uint32_t> sorted;
    for (const IndexedRule& rule : rules_)
      for (const Need& need : rule.needs)
        for (const std::string& atom : need.any_of)
          if (atoms(need.kind).try_emplace(atom, 0).second) sorted[{need.kind, atom}] = 0;
    for (const auto& [key, unused] : sorted) {
      atoms(key.first)[key.second] = narrow(tables_.keys.size());
      IndexKey& row = tables_.keys.emplace_back();
      row.kind = key.first;
      set_text(row, key.second);
    }
    named_.resize(tables_.keys.size());
    for (const IndexedRule& rule : rules_)
      for (const Need& need : rule.needs)
        for (const std::string& atom : need.any_of) ++named_[atoms(need.kind).at(atom)];
  }

  void add_rule(std::uint32_t number, std::vector<Numbers>& posted) {
    const IndexedRule& rule = rules_[number];
    IndexRule& row = tables_.rules.emplace_back();
    row.first = narrow(tables_.needs.size());
    Numbers best;
    std::uint64_t best_cost = UINT64_MAX;
    for (const Need& need : rule.needs) {
      if (need.any_of.empty()) continue; // says nothing
      Numbers keys;
      for (const std::string& atom : need.any_of) keys.push_back(atoms(need.kind).at(atom));
      std::ranges::sort(keys);
      keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
      tables_.needs.push_back({narrow(tables_.need_keys.size()), narrow(keys.size())});
      ++row.needs;
      tables_.need_keys.insert(tables_.need_keys.end(), keys.begin(), keys.end());
      std::uint64_t cost = 0;
      for (std::uint32_t key : keys) cost += named_[key];
      if (cost >= best_cost) continue;
      best_cost = cost;
      best = std::move(keys);
    }
    if (best.empty()) tables_.always.push_back(number);
    for (std::uint32_t key : best) posted[key].push_back(number);
  }

  std::span<const IndexedRule> rules_;
  IndexTables tables_;
  Atoms atoms_[static_cast<std::size_t>(NeedKind::fact) + 1];
  std::vector<std::uint64_t> named_;
};

} // namespace

IndexTables make_index(std::span<const IndexedRule> rules) { return Maker(rules).run(); }

std::vector<std::uint32_t> IndexView::candidates(const FactView& facts) const {
  std::vector<bool> present(keys.size());
  for (std::size_t first = 0; first < keys.size();) {
    const NeedKind kind = keys[first].kind;
    const auto end = std::ranges::upper_bound(keys.subspan(first), kind, {}, &IndexKey::kind);
    const auto count = static_cast<std::size_t>(end - keys.begin()) - first;
    mark_present(*this, keys.subspan(first, count), first, facts, present);
    first += count;
  }
  auto holds = [&](const IndexNeed& need) {
    return std::ranges::any_of(need_keys.subspan(need.first, need.keys),
                               [&](std::uint32_t key) { return present[key]; });
  };
  Numbers found(always.begin(), always.end());
  for (std::size_t key = 0; key < keys.size(); ++key) {
    if (!present[key]) continue;
    for (std::uint32_t rule : posted.subspan(keys[key].first, keys[key].rules))
      if (std::ranges::all_of(needs.subspan(rules[rule].first, rules[rule].needs), holds))
        found.push_back(rule);
  }
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::span<const std::uint32_t> IndexView::rules_replacing(std::string_view article) const {
  const auto at = std::ranges::lower_bound(
      articles, article, {}, [&](const IndexArticle& row) { return text_of(*this, row); });
  if (at == articles.end() || text_of(*this, *at) != article) return {};
  return replacing.subspan(at->first, at->rules);
}

} // namespace dumptriage::rules
