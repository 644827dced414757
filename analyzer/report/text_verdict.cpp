#include "report/text_parts.h"

#include <algorithm>

#include <fmt/format.h>

namespace dumptriage::report::text {
namespace {

bool proved(const MatchRow& match) {
  return match.verdict == "confirmed" || match.verdict == "likely";
}
bool lead(const MatchRow& match) {
  return match.verdict == "possible" || match.verdict == "undecided";
}

std::string name_of(const MatchRow& match) { return match.kb.empty() ? match.rule : match.kb; }

// The answer, in one line.
void first_line(Paper& paper, const Document& d) {
  for (const MatchRow& match : d.matches) {
    if (!proved(match)) continue;
    bool sure = match.verdict == "confirmed";
    paper.paragraph(fmt::format("{} {}: {}", name_of(match), sure ? "confirmed" : "is likely",
                                match.title.empty() ? match.about : match.title),
                    0, 2, sure ? Ink::bad : Ink::warn);
    return;
  }
  std::size_t leads = 0;
  for (const MatchRow& match : d.matches) leads += lead(match);
  std::string text =
      leads == 0   ? "No known issue matches."
      : leads == 1 ? "No known issue is proved; one lead is listed below."
                   : fmt::format("No known issue is proved; {} leads are listed below.", leads);
  if (d.crash.kind == "none")
    text += " The dump does not say why it was written.";
  else if (!d.bucket.title.empty())
    text += " " + d.bucket.title;
  paper.paragraph(text, 0, 2, Ink::bold);
}

std::string file_text(const MatchRow::File& file) {
  std::string text = file.file;
  for (const std::string* part : {&file.version, &file.arch, &file.branch})
    if (!part->empty()) text += " " + *part;
  if (!file.built.empty()) text += ", built " + file.built;
  if (!file.fixed_in.empty()) text += ", of " + file.fixed_in;
  if (file.bytes != 0) text += fmt::format(", {} bytes", file.bytes);
  return text;
}

std::string joined(const std::vector<std::string>& texts) {
  return fmt::format("{}", fmt::join(texts, "; "));
}

// Advice is made of the fix's own texts: what it says already is not said twice.
bool advised(const MatchRow& match, const std::string& text) {
  for (const std::string& advice : match.advice)
    if (advice.find(text) != std::string::npos) return true;
  return false;
}

void fix(Paper& paper, const MatchRow& match) {
  std::string text;
  auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  if (match.fix.hotfix) add("hotfix " + name_of(match));
  for (const std::string& pack : match.fix.service_packs) add("service pack: " + pack);
  for (const MatchRow::File& file : match.fix.files) add(file_text(file));
  if (match.fix.unpublished)
    add("the article gives no file version, so this dump cannot tell whether the fix is already "
        "in");
  paper.item("Fix", text);
  paper.item("Fix state", match.fix_state);
  if (!match.fix.replaces.empty() && !advised(match, match.fix.replaces.front()))
    paper.item("Replaces", joined(match.fix.replaces));
  for (const std::string& caveat : match.fix.caveats)
    if (!advised(match, caveat)) paper.item("Mind", caveat);
}

// How much of an explanation is printed.
struct Extent {
  int lines; // at most
  bool all;  // also alternatives that do not hold below what holds
};

void finding(Paper& paper, const FindingRow& row, std::size_t depth, Extent& extent) {
  if (extent.lines-- <= 0) return;
  std::string text = fmt::format("{}{}: {}", row.weak ? "weak " : "", row.answer, row.condition);
  if (!row.because.empty()) text += " - " + row.because;
  paper.paragraph(text, 4 + 2 * depth, 2);
  constexpr std::size_t kDeepest = 12;
  if (depth >= kDeepest) return;
  for (const FindingRow& child : row.children)
    if (extent.all || row.answer != "yes" || child.answer == "yes")
      finding(paper, child, depth + 1, extent);
}

void explanation(Paper& paper, const MatchRow& match, Extent extent) {
  if (match.explanation.children.empty() && match.explanation.condition.empty()) return;
  paper.line("  Why");
  if (match.explanation.children.empty()) finding(paper, match.explanation, 0, extent);
  for (const FindingRow& child : match.explanation.children) finding(paper, child, 0, extent);
  if (extent.lines < 0) paper.line("    ... the rest is in the JSON report", Ink::dim);
}

// `recommended`: what to do stands at the top already.
void in_full(Paper& paper, const MatchRow& match, bool recommended) {
  if (!match.about.empty() && match.about != match.title) paper.item("What it is", match.about);
  fix(paper, match);
  if (!recommended) {
    for (const std::string& advice : match.advice) paper.item("Do", advice);
    if (!advised(match, match.workaround)) paper.item("Until then", match.workaround);
  }
  // Below what holds, the alternatives that do not are noise; the JSON report has them.
  explanation(paper, match, {40, false});
  for (const std::string& text : match.evidence_missing) paper.item("Not seen", text);
  paper.item("Note", match.note);
}

void recommendation(Paper& paper, const Document& d) {
  if (d.recommendation.kb.empty()) return;
  for (const std::string& line : d.recommendation.lines) paper.item("Do", line);
}

void in_short(Paper& paper, const MatchRow& match) {
  std::string text = fmt::format("{} {}: {}", name_of(match), match.verdict,
                                 match.title.empty() ? match.about : match.title);
  if (!match.tied_with.empty())
    text += fmt::format(" (tied with {})", fmt::join(match.tied_with, ", "));
  paper.paragraph(text, 2, 2);
  for (const std::string& text : match.evidence_missing) paper.paragraph("not seen: " + text, 6, 2);
  for (const std::string& text : match.advice) paper.paragraph("do: " + text, 6, 2);
}

bool cured(const Document& d, const MatchRow& match) {
  return std::ranges::find(d.recommendation.cures, match.rule) != d.recommendation.cures.end();
}

// Leads that nothing in the dump sets apart are named together.
void leads(Paper& paper, const Document& d) {
  constexpr std::size_t kMost = 6; // in words; the JSON report has all
  std::size_t shown = 0;
  std::vector<std::string> others;
  for (const MatchRow& match : d.matches) {
    if (!lead(match)) continue;
    if (shown == 0) paper.heading("Leads (never a reason to install anything)");
    if (shown++ < kMost)
      in_short(paper, match);
    else
      others.push_back(name_of(match));
  }
  if (others.empty()) return;
  constexpr std::size_t kMostNames = 30;
  std::string names = fmt::format(
      "{}",
      fmt::join(others.begin(),
                others.begin() + static_cast<std::ptrdiff_t>(std::min(others.size(), kMostNames)),
                ", "));
  paper.paragraph(fmt::format("and {} weaker lead{}: {}{}", others.size(),
                              others.size() == 1 ? "" : "s", names,
                              others.size() > kMostNames ? ", ..." : ""),
                  2, 2);
}

// The one reason that speaks against a rule.
const FindingRow* refusal(const FindingRow& row, int depth = 0) {
  if (row.children.empty()) return row.because.empty() ? nullptr : &row;
  if (depth > 8) return nullptr;
  for (const FindingRow& child : row.children)
    if (child.condition == "refute" || child.condition.starts_with("refute"))
      for (const FindingRow& reason : child.children)
        if (reason.answer == "yes") return refusal(reason, depth + 1);
  for (const FindingRow& child : row.children)
    if (child.answer == "yes")
      if (const FindingRow* found = refusal(child, depth + 1)) return found;
  return nullptr;
}

void ruled_out(Paper& paper, const MatchRow& match) {
  std::string text = fmt::format("{} {}: {}", name_of(match), match.verdict,
                                 match.title.empty() ? match.about : match.title);
  if (match.verdict == "refuted")
    if (const FindingRow* row = refusal(match.explanation)) text += " - " + row->because;
  paper.paragraph(text, 2, 2);
}

} // namespace

void explain(Paper& paper, const MatchRow& match) {
  paper.paragraph(fmt::format("{} {}: {}", match.rule, match.verdict, match.title), 0, 2,
                  Ink::bold);
  paper.item("Fix state", match.fix_state);
  explanation(paper, match, {10000, true});
  for (const std::string& text : match.evidence_missing) paper.item("Not seen", text);
  for (const std::string& advice : match.advice) paper.item("Do", advice);
}

void verdict(Paper& paper, const Document& d) {
  first_line(paper, d);
  recommendation(paper, d);
  bool first = true;
  for (const MatchRow& match : d.matches) {
    if (!proved(match)) continue;
    if (!first) {
      paper.blank();
      paper.paragraph(fmt::format("{} {}: {}", name_of(match), match.verdict, match.title), 0, 2,
                      Ink::bold);
    }
    first = false;
    in_full(paper, match, cured(d, match));
  }
  leads(paper, d);
  bool headed = false;
  for (const MatchRow& match : d.matches) {
    if (proved(match) || lead(match)) continue;
    if (!headed) paper.heading("Ruled out");
    headed = true;
    ruled_out(paper, match);
  }
}

} // namespace dumptriage::report::text
