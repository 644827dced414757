// Verdicts, with the dump at hand or on facts that were frozen before: the same bytes.
#pragma once

#include "evidence/freeze.h"
#include "report/document.h"
#include "rules/rules.h"

namespace dumptriage::pipeline {

report::MatchRow match_row(const rules::Match& match);
// Matches and recommendation.
void judge_into(report::Document& document, const rules::Catalogue& catalogue,
                const evidence::FactSet& facts, bool all);

// What `facts DUMP` writes of an analysed dump.
evidence::FrozenFacts frozen_facts(const report::Document& document);
// A document of tool, dump, matches, recommendation and notes on rule files alone.
report::Document judge_frozen(const rules::Catalogue& catalogue,
                              const evidence::FrozenFacts& frozen, bool all);

} // namespace dumptriage::pipeline
