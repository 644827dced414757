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

void list_matches(report::Document& document, const std::vector<rules::Match>& matches) {
  for (const rules::Match& match : matches) {
    if (!match.rule) continue;
    const rules::Rule& rule = *match.rule;
    report::MatchRow row;
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
    row.fix.caveats = rule.fix.caveats;
    for (const rules::FixFile& file : rule.fix.files)
      row.fix.files.push_back(
          {file.file, file.arch, file.branch, file.version, file.built, file.fixed_in, file.bytes});
    row.advice = match.advice;
    row.workaround = rule.workaround;
    row.note = rule.note;
    row.explanation = finding_row(match.explanation);
    row.evidence_missing = match.evidence_missing;
    document.matches.push_back(std::move(row));
  }
}

} // namespace dumptriage::pipeline
