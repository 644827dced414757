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
    put(file, "fixed_in", entry.fixed_in);
    if (entry.bytes != 0) file["bytes"] = entry.bytes;
    files.push_back(std::move(file));
  }
  fix["files"] = std::move(files);
  fix["replaces"] = row.fix.replaces;
  if (!row.fix.superseded_by.empty()) fix["superseded_by"] = row.fix.superseded_by;
  if (!row.fix.needs.empty()) fix["needs"] = row.fix.needs;
  put(fix, "restart", row.fix.restart);
  put(fix, "vendor", row.fix.vendor);
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
    if (row.rank != 0) match["rank"] = row.rank;
    match["strength"] = row.strength;
    if (!row.tied_with.empty()) match["tied_with"] = row.tied_with;
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

Json recommendation_of(const Document& d) {
  Json recommendation = Json::object();
  put(recommendation, "kb", d.recommendation.kb);
  if (d.recommendation.kb.empty()) return recommendation;
  recommendation["cures"] = d.recommendation.cures;
  recommendation["lines"] = d.recommendation.lines;
  return recommendation;
}

Json peers_of(const Document& d) {
  Json peers = Json::array();
  for (const PeerRow& row : d.network_peers) {
    Json peer;
    peer["address"] = row.address;
    if (row.port != 0) peer["port"] = row.port;
    put(peer, "mac", row.mac);
    put(peer, "protocol", row.protocol);
    peer["certainty"] = row.certainty;
    peer["hits"] = row.hits;
    put(peer, "found", row.found);
    peer["at"] = address(row.at, d.pointer_size);
    put(peer, "why", row.why);
    peers.push_back(std::move(peer));
  }
  return peers;
}

} // namespace dumptriage::report::json
