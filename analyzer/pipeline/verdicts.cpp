#include "pipeline/judge.h"
#include "pipeline/parts.h"

namespace dumptriage::pipeline {
namespace {

report::FindingRow finding_row(const rules::Finding& finding) {
  report::FindingRow row;
  row.answer = rules::name_of(finding.answer);
  row.weak = finding.weak;
  row.condition = finding.condition;
  row.because = finding.because;
  row.facts = finding.facts;
  for (const rules::Finding& child : finding.children) row.children.push_back(finding_row(child));
  return row;
}

} // namespace

report::MatchRow match_row(const rules::Match& match) {
  report::MatchRow row;
  if (!match.rule) return row;
  const rules::Rule& rule = *match.rule;
  row.rule = rule.id;
  row.kb = rule.kb;
  row.title = rule.title;
  row.about = rule.about;
  row.verdict = rules::name_of(match.verdict);
  row.fix_state = rules::name_of(match.fix_state);
  row.fix.hotfix = rule.fix.hotfix;
  row.fix.unpublished = rule.fix.unpublished;
  row.fix.service_packs = rule.fix.service_packs;
  row.fix.replaces = rule.fix.replaces;
  row.fix.superseded_by = rule.fix.superseded_by;
  row.fix.needs = rule.fix.needs;
  row.fix.restart = rule.fix.restart;
  row.fix.vendor = rule.fix.vendor;
  row.fix.caveats = rule.fix.caveats;
  for (const rules::FixFile& file : rule.fix.files)
    row.fix.files.push_back(
        {file.file, file.arch, file.branch, file.version, file.built, file.fixed_in, file.bytes});
  row.strength = match.strength;
  row.rank = match.rank;
  row.tied_with = match.tied_with;
  row.advice = match.advice;
  row.workaround = rule.workaround;
  row.note = rule.note;
  row.explanation = finding_row(match.explanation);
  row.evidence_missing = match.evidence_missing;
  return row;
}

void judge_into(report::Document& document, const rules::Catalogue& catalogue,
                const evidence::FactSet& facts, bool all) {
  const std::vector<rules::Match> matches = rules::judge(catalogue, facts, all);
  for (const rules::Match& match : matches)
    if (match.rule) document.matches.push_back(match_row(match));
  const rules::Recommendation recommended =
      rules::recommend(catalogue, matches, rules::FactView(facts));
  document.recommendation = {recommended.kb, recommended.cures, recommended.lines};
}

evidence::FrozenFacts frozen_facts(const report::Document& document) {
  evidence::FrozenFacts frozen;
  frozen.path = document.dump.path;
  frozen.dump_id = document.dump.id;
  frozen.tool_version = document.tool.version;
  frozen.pointer_size = document.pointer_size;
  frozen.facts = {document.facts, document.coverage};
  return frozen;
}

report::Document judge_frozen(const rules::Catalogue& catalogue,
                              const evidence::FrozenFacts& frozen, bool all) {
  report::Document document;
  name_tool(document, catalogue);
  document.dump.path = frozen.path;
  document.dump.id = frozen.dump_id;
  document.pointer_size = frozen.pointer_size;
  judge_into(document, catalogue, frozen.facts, all);
  note_rule_errors(document, catalogue);
  return document;
}

} // namespace dumptriage::pipeline
