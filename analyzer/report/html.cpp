// One dump as a page of its own: no script, nothing fetched (Content-Security-Policy), readable on
// a phone, in the dark and on paper.  Whatever comes out of a dump or a rule is text.
#include <fmt/format.h>

#include "base/text.h"
#include "report/document.h"
#include "report/html_parts.h"
#include "report/text_parts.h"

namespace dumptriage::report {
namespace html {
namespace {

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--ink:#1d2329;--dim:#5b6671;--paper:#fff;--card:#f5f6f8;--line:#d5dae0;
--bad:#a3211b;--warn:#8a5a00;--good:#1f6f3c;--accent:#0b57a4}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--dim:#a0abb5;--paper:#14181c;--card:#1d2329;
--line:#37424c;--bad:#ff8f86;--warn:#f0bd5b;--good:#79d197;--accent:#7fb8f5}}
*{box-sizing:border-box}body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.35rem;line-height:1.3}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.card{background:var(--card);border:1px solid var(--line);border-left:.4rem solid var(--dim);
border-radius:.3rem;padding:.75rem 1rem;margin:1rem 0}
.confirmed{border-left-color:var(--bad)}.likely{border-left-color:var(--warn)}
.refuted{border-left-color:var(--good)}.dim{color:var(--dim)}
table{border-collapse:collapse;width:100%;font-size:.9rem}.scroll{overflow-x:auto}
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid var(--line)}
code,td.code{font-family:ui-monospace,monospace;font-size:.85rem}
tr.guess td{color:var(--dim);font-style:italic}
ul.why{list-style:none;padding-left:1rem;border-left:1px solid var(--line);margin:.25rem 0}
summary{cursor:pointer}.yes{color:var(--good)}.no{color:var(--bad)}.open{color:var(--warn)}
@media print{body{max-width:none}details>*{display:block}}
)css";

std::string name_of(const MatchRow& match) { return match.kb.empty() ? match.rule : match.kb; }

void list(std::string& to, std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  to += fmt::format("<h3>{}</h3><ul>", escaped(title));
  for (const std::string& line : lines) to += fmt::format("<li>{}</li>", escaped(line));
  to += "</ul>";
}

// Findings nest as deep as their rule does; beyond this a rule file is not written by a person.
constexpr int kDeepest = 32;

void finding(std::string& to, const FindingRow& row, int depth) {
  const std::string_view look = row.answer == "yes" ? "yes" : row.answer == "no" ? "no" : "open";
  to += fmt::format("<li><strong class={}>{}{}</strong> {}", look, row.weak ? "weak " : "",
                    escaped(row.answer), escaped(row.condition));
  if (!row.because.empty()) to += fmt::format(" <span class=dim>{}</span>", escaped(row.because));
  if (!row.children.empty() && depth < kDeepest) {
    to += "<ul class=why>";
    for (const FindingRow& child : row.children) finding(to, child, depth + 1);
    to += "</ul>";
  }
  to += "</li>";
}

void match_card(std::string& to, const MatchRow& match) {
  to += fmt::format("<section class=\"card {}\"><h2>{} {}</h2>", escaped(match.verdict),
                    escaped(name_of(match)), escaped(match.verdict));
  to += fmt::format("<p>{}</p>", escaped(match.title));
  if (!match.about.empty()) to += fmt::format("<p>{}</p>", escaped(match.about));
  to += fmt::format("<p>Fix state: <strong>{}</strong></p>", escaped(match.fix_state));
  if (!match.tied_with.empty())
    to += fmt::format("<p>The dump cannot tell it from: {}</p>",
                      escaped(fmt::format("{}", fmt::join(match.tied_with, ", "))));
  list(to, "What to do", match.advice);
  const bool open = match.verdict == "confirmed" || match.verdict == "likely";
  to += fmt::format("<details{}><summary>Why</summary><ul class=why>", open ? " open" : "");
  for (const FindingRow& child : match.explanation.children) finding(to, child, 0);
  to += "</ul></details>";
  list(to, "Not seen", match.evidence_missing);
  to += "</section>";
}

void verdicts(std::string& to, const Document& d) {
  if (!d.recommendation.kb.empty()) {
    to += fmt::format("<section class=\"card confirmed\"><h2>Get {}</h2><ul>",
                      escaped(d.recommendation.kb));
    for (const std::string& line : d.recommendation.lines)
      to += fmt::format("<li>{}</li>", escaped(line));
    to += "</ul></section>";
  }
  if (d.matches.empty()) to += "<p class=card>No known issue matches.</p>";
  constexpr std::size_t kMost = 40;
  for (std::size_t i = 0; i < d.matches.size() && i < kMost; ++i) match_card(to, d.matches[i]);
  if (d.matches.size() > kMost)
    to += fmt::format("<p>and {} weaker leads, in the JSON report</p>", d.matches.size() - kMost);
}

void row(std::string& to, std::string_view label, std::string_view text) {
  if (text.empty()) return;
  to += fmt::format("<tr><th>{}</th><td>{}</td></tr>", escaped(label), escaped(text));
}

void stop(std::string& to, const Document& d) {
  to += "<h2>What stopped</h2><div class=scroll><table>";
  if (d.crash.kind == "bugcheck" || d.crash.kind == "exception")
    row(to, "Code", fmt::format("{} {}", hex(d.crash.code, 8), d.crash.name));
  row(to, "Meaning", d.crash.explanation.empty() ? d.crash.summary : d.crash.explanation);
  for (std::size_t i = 0; i < d.crash.parameters.size(); ++i)
    row(to, fmt::format("Parameter {}", i + 1),
        fmt::format("{} {}", hex(d.crash.parameters[i].value, d.pointer_size == 4 ? 8 : 16),
                    d.crash.parameters[i].meaning));
  row(to, "Instruction", d.crash.instruction);
  row(to, "Blamed",
      d.blame.module.empty()
          ? ""
          : fmt::format("{}{}{}: {}", d.blame.module, d.blame.function.empty() ? "" : "!",
                        d.blame.function, d.blame.why));
  row(to, "Bucket", d.bucket.title);
  row(to, "System", d.os.name);
  row(to, "Time", d.time.crash);
  row(to, "Dump", fmt::format("{}: {}", d.dump.path, d.dump.description));
  row(to, "Accuracy", d.dump.accuracy);
  to += "</table></div>";
}

void stack(std::string& to, const Document& d, const ThreadRow& thread) {
  if (thread.frames.empty()) return;
  std::string title =
      fmt::format("{}{}{}", thread.crashed ? "Crashed thread " : "Thread ", thread.id,
                  thread.cpu ? fmt::format(" on CPU {}", *thread.cpu) : "");
  to += fmt::format("<details{}><summary>{} {}</summary><div class=scroll><table>"
                    "<tr><th>#</th><th>Place</th><th>Found by</th></tr>",
                    thread.crashed ? " open" : "", escaped(title), escaped(thread.process));
  for (std::size_t i = 0; i < thread.frames.size(); ++i) {
    const FrameRow& frame = thread.frames[i];
    to += fmt::format("<tr{}><td>{}</td><td class=code>{}</td><td>{}</td></tr>",
                      i < thread.sure_frames ? "" : " class=guess", i,
                      escaped(text::place_of(frame, d.pointer_size)), escaped(frame.trust));
  }
  to += "</table></div>";
  if (!thread.ended.empty()) to += fmt::format("<p class=dim>{}</p>", escaped(thread.ended));
  to += "</details>";
}

void stacks(std::string& to, const Document& d) {
  constexpr std::size_t kMost = 200;
  to += "<h2>Stacks</h2><p class=dim>Rows in italics are guesses.</p>";
  std::size_t shown = 0;
  for (const ThreadRow& thread : d.threads)
    if (shown < kMost && !thread.frames.empty()) stack(to, d, thread), ++shown;
}

void peers(std::string& to, const Document& d) {
  if (d.network_peers.empty()) return;
  to += "<h2>Other machines whose packets the crashed code had to do with</h2><div class=scroll>"
        "<table><tr><th>Address</th><th>Port</th><th>MAC</th><th>Certainty</th><th>Why</th></tr>";
  for (const PeerRow& peer : d.network_peers)
    to += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                      escaped(peer.address), peer.port, escaped(peer.mac), escaped(peer.certainty),
                      escaped(peer.why));
  to += "</table></div>";
}

void modules(std::string& to, const Document& d) {
  to += fmt::format("<h2>Modules</h2><details><summary>{} loaded</summary><div class=scroll>"
                    "<table><tr><th>Module</th><th>Version</th><th>Base</th><th>Symbols</th></tr>",
                    d.modules.size());
  for (const ModuleRow& module : d.modules)
    to += fmt::format("<tr><td>{}</td><td>{}</td><td class=code>{}</td><td>{}</td></tr>",
                      escaped(module.name), escaped(module.version),
                      hex(module.base, d.pointer_size == 4 ? 8 : 16), escaped(module.symbols));
  to += "</table></div></details>";
}

void missing(std::string& to, const Document& d) {
  if (d.notes.empty() && d.wanted.empty()) return;
  to += "<h2>What is missing</h2><ul>";
  for (const Wanted& row : d.wanted)
    to += fmt::format("<li>{} {} {}: {}</li>", escaped(row.kind), escaped(row.name),
                      escaped(row.id), escaped(row.why));
  for (const Note& note : d.notes) to += fmt::format("<li>{}</li>", escaped(note.message));
  to += "</ul>";
}

std::string title_of(const Document& d) {
  for (const MatchRow& match : d.matches)
    if (match.verdict == "confirmed" || match.verdict == "likely")
      return fmt::format("{} {}: {}", name_of(match),
                         match.verdict == "likely" ? "is likely" : match.verdict, match.title);
  return d.bucket.title.empty() ? "No known issue is proved" : d.bucket.title;
}

} // namespace

std::string escaped(std::string_view text) {
  std::string safe;
  for (char c : text) {
    switch (c) {
    case '&': safe += "&amp;"; break;
    case '<': safe += "&lt;"; break;
    case '>': safe += "&gt;"; break;
    case '"': safe += "&quot;"; break;
    case '\'': safe += "&#39;"; break;
    default: safe += c;
    }
  }
  return safe;
}

} // namespace html

std::string to_html(const Document& d) {
  using namespace html;
  const std::string title = d.error ? "The dump cannot be analysed" : title_of(d);
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
      "'unsafe-inline'\"><meta name=viewport content=\"width=device-width,initial-scale=1\">"
      "<title>{}</title><style>{}</style></head><body><main><h1>{}</h1>",
      escaped(title), kStyle, escaped(title));
  if (d.error) page += fmt::format("<p class=card>{}</p>", escaped(d.error->message()));
  if (!d.error) verdicts(page, d);
  stop(page, d);
  peers(page, d);
  stacks(page, d);
  modules(page, d);
  missing(page, d);
  page += fmt::format("<p class=dim>{} {}, {} rules</p></main></body></html>\n",
                      escaped(d.tool.name), escaped(d.tool.version), d.tool.rules_count);
  return page;
}

} // namespace dumptriage::report
