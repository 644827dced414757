// Many rules: the good ones together behind an index.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "base/digest.h"
#include "rules/catalogue_state.h"
#include "rules/loader.h"
#include "rules/parallel.h"

namespace dumptriage::rules {
namespace {

using Pointers = std::vector<const Rule*>;

// Two lists by id become one.
Pointers merged(Pointers a, const Pointers& b) {
  const auto middle = static_cast<std::ptrdiff_t>(a.size());
  a.insert(a.end(), b.begin(), b.end());
  std::ranges::inplace_merge(a, a.begin() + middle, {}, &Rule::id);
  return a;
}

Pointers pick(const std::vector<Rule>& rules, std::span<const std::uint32_t> numbers) {
  Pointers found;
  for (std::uint32_t number : numbers) found.push_back(&rules[number]);
  return found;
}

std::vector<std::uint32_t> numbers_below(std::size_t count) {
  std::vector<std::uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0u);
  return numbers;
}

std::optional<std::uint32_t> find_compiled(const Catalogue::State& state, std::string_view id) {
  if (!state.compiled) return std::nullopt;
  const auto rules = state.compiled->rules;
  auto id_of = [&](const CompiledRule& rule) {
    return state.compiled->texts.substr(rule.id, rule.id_size);
  };
  const auto at = std::ranges::lower_bound(rules, id, {}, id_of);
  if (at == rules.end() || id_of(*at) != id) return std::nullopt;
  return static_cast<std::uint32_t>(at - rules.begin());
}

} // namespace

std::string digest_of(const std::vector<RuleText>& texts) {
  std::size_t bytes = 0;
  for (const auto& text : texts) bytes += text.name.size() + text.text.size() + 32;
  std::string all;
  all.reserve(bytes);
  for (const auto& text : texts) {
    all.append(std::to_string(text.name.size())).append(":").append(text.name);
    all.append(std::to_string(text.text.size())).append(":").append(text.text);
  }
  return blake3_hex(ByteView(all.data(), all.size()));
}

Pointers Catalogue::State::make(const std::vector<std::uint32_t>& numbers) {
  const std::scoped_lock lock(mutex_);
  Pointers rules;
  for (std::uint32_t number : numbers) {
    if (!made_[number]) {
      LoadedRule rule = load_rule(std::string(compiled->file(number)), compiled->tree(number));
      if (!rule.rule) continue;
      made_[number] = std::make_unique<Rule>(std::move(*rule.rule));
    }
    rules.push_back(made_[number].get());
  }
  return rules;
}

Catalogue::Catalogue() : state_(std::make_unique<State>()) {}
Catalogue::~Catalogue() = default;
Catalogue::Catalogue(Catalogue&&) noexcept = default;
Catalogue& Catalogue::operator=(Catalogue&&) noexcept = default;

std::size_t Catalogue::size() const {
  return state_->loaded.size() + (state_->compiled ? state_->compiled->rules.size() : 0);
}

Pointers Catalogue::all() const {
  Pointers loaded;
  for (const Rule& rule : state_->loaded) loaded.push_back(&rule);
  if (!state_->compiled) return loaded;
  return merged(state_->make(numbers_below(state_->compiled->rules.size())), loaded);
}

const Rule* Catalogue::find(std::string_view id) const {
  if (auto number = find_compiled(*state_, id)) {
    const Pointers made = state_->make({*number});
    return made.empty() ? nullptr : made.front();
  }
  const auto found = std::ranges::lower_bound(state_->loaded, id, {}, &Rule::id);
  return found != state_->loaded.end() && found->id == id ? &*found : nullptr;
}

Pointers Catalogue::candidates(const FactView& facts) const {
  Pointers loaded = pick(state_->loaded, state_->index.view().candidates(facts));
  if (!state_->compiled) return loaded;
  return merged(state_->make(state_->compiled->index.candidates(facts)), loaded);
}

Pointers Catalogue::replacing(std::string_view kb) const {
  Pointers loaded = pick(state_->loaded, state_->index.view().rules_replacing(kb));
  if (!state_->compiled) return loaded;
  const auto numbers = state_->compiled->index.rules_replacing(kb);
  return merged(state_->make({numbers.begin(), numbers.end()}), loaded);
}

void load_into(Catalogue& catalogue, const std::vector<RuleText>& texts) {
  std::vector<LoadedRule> loaded(texts.size());
  for_each_number(texts.size(), [&](std::size_t i) {
    if (texts[i].error)
      loaded[i].errors.push_back(*texts[i].error);
    else
      loaded[i] = load_rule(texts[i].name, texts[i].text);
  });
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < loaded.size(); ++i) {
    std::ranges::move(loaded[i].errors, std::back_inserter(catalogue.errors));
    if (loaded[i].rule) order.push_back(i);
  }
  std::ranges::stable_sort(
      order, {}, [&](std::uint32_t i) -> const std::string& { return loaded[i].rule->id; });
  Catalogue::State& state = catalogue.state();
  std::vector<IndexedRule> indexed;
  state.loaded.reserve(order.size());
  for (std::uint32_t i : order) {
    Rule& rule = *loaded[i].rule;
    std::string taken_by;
    if (!state.loaded.empty() && state.loaded.back().id == rule.id)
      taken_by = state.loaded.back().source_file;
    else if (auto number = find_compiled(state, rule.id))
      taken_by = state.compiled->file(*number);
    if (!taken_by.empty()) {
      catalogue.errors.push_back(
          {Code::bad_value, rule.source_file,
           fmt::format("the id '{}' is taken by {}, this rule is left out", rule.id, taken_by),
           Where::text(1, 1)});
      continue;
    }
    indexed.push_back({std::move(loaded[i].needs), rule.fix.replaces});
    state.loaded.push_back(std::move(rule));
  }
  state.index = make_index(indexed);
}

Catalogue load(const std::vector<RuleText>& texts) {
  Catalogue catalogue;
  catalogue.digest = digest_of(texts);
  load_into(catalogue, texts);
  return catalogue;
}

} // namespace dumptriage::rules
