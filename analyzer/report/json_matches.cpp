#include "report/json_parts.h"

namespace dumptriage::report::json {
namespace {

// Findings nest as deep as their rule does; beyond this a rule file is not written by a person.
constexpr int kDeepest = 32;

Json finding_of(const FindingRow& row, int depth = 0) {
  Json finding;
  finding["answer"] = row.answer;
  if (row.weak) finding["weak"] = true;
  put(finding, "condition", row.condition);
  put(finding, "because", row.because);
  if (!row.facts.empty()) finding["facts"] = row.facts;
  if (!row.children.empty() && depth < kDeepest) {
    Json children = Json::array();
    for (const FindingRow& child : row.children) children.push_back(finding_of(child, depth + 1));
    finding["children"] = std::move(children);
  }
  return finding;
}

Json fix_of(const MatchRow& row) {
  Json fix;
  fix["hotfix"] = row.fix.hotfix;
  fix["unpublished"] = row.fix.unpublished;
  fix["service_packs"] = row.fix.service_packs;
  Json files = Json::array();
  for (const MatchRow::File& entry : row.fix.files) {
    Json file;
    file["file"] = entry.file;
    put(file, "arch", entry.arch);
    put(file, "branch", entry.branch);
    put(file, "version", entry.version);
    put(file, "built", entry.built);
    if (entry.bytes != 0) file["bytes"] = entry.bytes;
    files.push_back(std::move(file));
  }
  fix["files"] = std::move(files);
  fix["replaces"] = row.fix.replaces;
  fix["caveats"] = row.fix.caveats;
  return fix;
}

} // namespace

Json matches_of(const Document& d) {
  Json matches = Json::array();
  for (const MatchRow& row : d.matches) {
    Json match;
    match["rule"] = row.rule;
    put(match, "kb", row.kb);
    put(match, "title", row.title);
    put(match, "about", row.about);
    match["verdict"] = row.verdict;
    match["fix_state"] = row.fix_state;
    match["fix"] = fix_of(row);
    match["advice"] = row.advice;
    put(match, "workaround", row.workaround);
    put(match, "note", row.note);
    match["explanation"] = finding_of(row.explanation);
    match["evidence_missing"] = row.evidence_missing;
    matches.push_back(std::move(match));
  }
  return matches;
}

} // namespace dumptriage::report::json
